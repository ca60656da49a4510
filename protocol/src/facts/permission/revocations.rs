//! What a patient has taken back, as far as it is known here.

use super::given::{GrantState, given, put_given};
use crate::capability::{Freshness, News, RevocationState, Revocations, Revoked};
use crate::directory;
use crate::id::PartyId;
use crate::identity::{KnownKeys, PatientKeys};
use crate::patients;
use crate::refusal::{Failure, Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::treating;
use crate::turn::{Context, Notice};

/// Patient -> [`Revocations`].
const REVOCATIONS: Table = Table::rows("revocations");
/// Patient -> the newest signed state.
const STATES: Table = Table::rows("revocation_state");
/// Patient -> the relay's newest word on the newest state, signed.
const FRESHNESS: Table = Table::rows("revocation_freshness");

/// What is known here of a patient's revocations.
pub(crate) fn revocations(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Revocations, StoreError> {
    Ok(rows::get(txn, REVOCATIONS, &patient.0)?.unwrap_or_else(|| Revocations::none(patient)))
}

/// The newest signed state that is known here.
pub(crate) fn revocation_state(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<Unverified<RevocationState>>, StoreError> {
    rows::get(txn, STATES, &patient.0)
}

/// Takes over a state; nothing that was revoked before comes back.
fn learn_revocations(
    ctx: &mut Context<'_>,
    state: Unverified<RevocationState>,
    keys: &KnownKeys,
) -> Handled<()> {
    let patient = keys.party();
    // A state of an older key only comes late; what it says was said again under the newer key.
    if state.claims().patient == patient && state.claims().key < keys.current_number() {
        return Ok(());
    }
    let state = state.certify(keys)?;
    let mut known = revocations(ctx.txn, patient)?;
    let stored = revocation_state(ctx.txn, patient)?;
    let newer = stored.as_ref().is_none_or(|stored| stored.claims().issued <= state.issued);
    let new = stored.is_none_or(|stored| stored.id() != state.id());
    known.merge(&state, ctx.now);
    // By the patient's word on the time, too: a clock here that runs ahead would forget what counts again
    // when it is put right.
    known.prune(ctx.now.min(state.issued));
    rows::put(ctx.txn, REVOCATIONS, &patient.0, &known)?;
    if newer {
        rows::put(ctx.txn, STATES, &patient.0, &state.to_unverified())?;
        if new {
            ctx.notify(Notice::TakenBack { patient });
        }
    }
    Ok(())
}

/// What is known here for judging a permission that `presenter` shows. The relay says that it is so now.
pub(crate) fn news(ctx: &Context<'_>, patient: PartyId, presenter: PartyId) -> Handled<News> {
    let revocations = revocation_state(ctx.txn, patient)?;
    let freshness = match &revocations {
        Some(state) if patients::serves(ctx.txn, patient)? => {
            let freshness = Freshness {
                patient,
                relay: ctx.own.party(),
                key: ctx.own.key_number(),
                state: state.id(),
                issued: ctx.now,
            };
            Some(Signed::sign(freshness, ctx.own.institution_key()).to_unverified())
        }
        _ => rows::get(ctx.txn, FRESHNESS, &patient.0)?,
    };
    let treats = treating::stored(ctx.txn, patient, presenter)?;
    Ok(News { revocations, freshness, treats })
}

/// Takes over the news of revocations, and what the patient says of this institution. What does not verify teaches nothing,
/// and keeps the rest from nobody.
pub(crate) fn learn_news(ctx: &mut Context<'_>, news: News, keys: &KnownKeys) -> Handled<()> {
    let state = news.revocations.map_or(Ok(()), |state| learn_revocations(ctx, state, keys));
    let fresh = news.freshness.map_or(Ok(()), |fresh| learn_freshness(ctx, fresh, keys.party()));
    let me = ctx.own.party();
    let of_us = news.treats.filter(|treats| treats.claims().institution == me);
    let treats = match of_us.map_or(Ok(()), |treats| treating::learn(ctx, treats, keys)) {
        // One by an earlier key is on its way still, and must keep nothing else away.
        Err(Failure::Refused(refusal)) => {
            tracing::info!(reason = refusal.name(), "who treats a patient was not learned");
            Ok(())
        }
        learned => learned,
    };
    state.and(fresh).and(treats)
}

/// At the relay: permissions that the patient took back, as is known here again, are given no more. They may have been
/// forgotten with the store that said so.
pub(crate) fn take_back_known(txn: &mut dyn Txn, patient: PartyId) -> Result<(), StoreError> {
    let known = revocations(txn, patient)?;
    for mut row in given(txn, patient)? {
        let revoked = row.chain.links().iter().any(|link| known.contains(link.claims().id));
        if revoked && row.state == GrantState::Live {
            row.state = GrantState::Revoked;
            put_given(txn, patient, &row)?;
        }
    }
    Ok(())
}

/// Takes over the relay's word on the newest state, if that is the one that is known here. [CAP-17]
fn learn_freshness(
    ctx: &mut Context<'_>,
    freshness: Unverified<Freshness>,
    patient: PartyId,
) -> Handled<()> {
    let Some(relay) = directory::relay_of(ctx.txn, patient)? else { return Ok(()) };
    let Some(relay) = directory::keys(ctx.txn, relay)? else { return Ok(()) };
    let freshness = freshness.certify(patient, &relay)?;
    let Some(state) = revocation_state(ctx.txn, patient)? else { return Ok(()) };
    let mut known = revocations(ctx.txn, patient)?;
    if !known.confirm(state.id(), &freshness, ctx.now) {
        return Ok(());
    }
    rows::put(ctx.txn, REVOCATIONS, &patient.0, &known)?;
    Ok(rows::put(ctx.txn, FRESHNESS, &patient.0, &freshness.to_unverified())?)
}

/// Signs a fresh state with further tokens in it.
pub(crate) fn sign_revocations(
    ctx: &mut Context<'_>,
    keys: &PatientKeys,
    further: &[Revoked],
) -> Handled<()> {
    let patient = keys.patient;
    let known = revocations(ctx.txn, patient)?;
    let mut revoked = known.revoked.clone();
    for new in further {
        if let Err(at) = revoked.binary_search_by_key(&new.token, |old| old.token) {
            revoked.insert(at, *new);
        }
    }
    let state = RevocationState {
        patient,
        key: keys.number,
        seq: patients::next_revocation_seq(ctx.txn, patient)?,
        issued: ctx.now,
        min_iat: known.min_iat,
        revoked,
    };
    let Some(log) = directory::keys(ctx.txn, patient)? else {
        return refuse(directory::Reason::KeyLogMissing);
    };
    learn_revocations(ctx, Signed::sign(state, &keys.signing).to_unverified(), &log)
}
