//! Taking back, and knowing what was taken back.

use super::tables::{GivenRow, GrantState, given, given_token, put_given};
use crate::access_log::{self, Action};
use crate::capability::{Operation, RevocationState, Revocations, Revoked};
use crate::custody;
use crate::id::{PartyId, TokenId};
use crate::identity::KnownKeys;
use crate::peer::{Context, PatientKeys};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use std::collections::BTreeMap;

/// Patient -> [`Revocations`].
const REVOCATIONS: Table = Table("revocations");
/// Patient -> the newest signed state.
const STATES: Table = Table("revocation_state");

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
pub(crate) fn learn_revocations(
    ctx: &mut Context<'_>,
    state: Unverified<RevocationState>,
    keys: &KnownKeys,
) -> Handled<()> {
    let patient = keys.party();
    // A state of an older key only comes late; what it says was said again under the newer key.
    if state.claims().patient == patient && state.claims().key < keys.current_number() {
        return Ok(());
    }
    let state = match state.certify(keys) {
        Ok(state) => state,
        Err(error) => return refuse(RefusalCode::NotAuthentic, error.to_string()),
    };
    let mut known = revocations(ctx.txn, patient)?;
    let newer = known.issued <= state.issued;
    known.merge(&state, ctx.now);
    // By the patient's word on the time, too: a clock here that runs ahead would forget what counts again
    // when it is put right.
    known.prune(ctx.now.min(state.issued));
    rows::put(ctx.txn, REVOCATIONS, &patient.0, &known)?;
    if newer {
        rows::put(ctx.txn, STATES, &patient.0, &state.to_unverified())?;
    }
    Ok(())
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
        seq: custody::next_revocation_seq(ctx, patient)?,
        issued: ctx.now,
        min_iat: known.min_iat,
        revoked,
    };
    let Some(log) = crate::directory::keys(ctx.txn, patient)? else {
        return refuse(RefusalCode::NotFound, "the patient's key log is missing");
    };
    learn_revocations(ctx, Signed::sign(state, &keys.signing).to_unverified(), &log)
}

/// The patient takes permissions back: a signed state goes to everybody concerned.
pub(super) fn revoke(ctx: &mut Context<'_>, keys: &PatientKeys, tokens: &[TokenId]) -> Handled<()> {
    let patient = keys.patient;
    let mut further = Vec::new();
    for mut row in concerned(ctx, patient, tokens)? {
        row.state = GrantState::Revoked;
        put_given(ctx.txn, patient, &row)?;
        let claims = row.chain.leaf().claims();
        further.push(Revoked { token: claims.id, expires: claims.expires });
        access_log::append(
            ctx,
            access_log::Draft {
                token: Some(claims.id),
                ..access_log::Draft::new(patient, Action::Revoked, patient)
            },
        )?;
    }
    sign_revocations(ctx, keys, &further)?;
    custody::publish(ctx, keys)
}

/// The permissions that end. One over whole kinds is one permission to the patient, however many tokens it
/// came to be in: with one of them all end, or the others would go on and bring a further one.
fn concerned(ctx: &Context<'_>, patient: PartyId, tokens: &[TokenId]) -> Handled<Vec<GivenRow>> {
    let mut concerned = BTreeMap::new();
    for token in tokens {
        let row = given_token(ctx.txn, patient, *token)?;
        if row.state == GrantState::Revoked {
            return refuse(
                RefusalCode::AlreadyDone,
                format!("permission {token} is revoked already"),
            );
        }
        concerned.insert(*token, row);
    }
    for row in given(ctx.txn, patient)? {
        let token = row.chain.leaf().claims().id;
        if row.state == GrantState::Live && concerned.values().any(|other| goes_with(&row, other)) {
            concerned.insert(token, row);
        }
    }
    Ok(concerned.into_values().collect())
}

/// Whether two tokens are of one permission over whole kinds, given by the patient.
fn goes_with(row: &GivenRow, other: &GivenRow) -> bool {
    let of_kinds = |row: &GivenRow| {
        let direct = row.chain.links().len() == 1;
        direct && !row.chain.leaf().claims().scope.compartments().is_empty()
    };
    let operations = |row: &GivenRow| row.chain.leaf().claims().operations;
    row.request == other.request
        && of_kinds(row)
        && of_kinds(other)
        && operations(row) == operations(other)
}

/// A rotation kept some permissions; says which of the live ones, and which it dropped.
pub(crate) fn rotated(
    ctx: &mut Context<'_>,
    patient: PartyId,
    listed: &[TokenId],
) -> Handled<(Vec<TokenId>, Vec<TokenId>)> {
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for mut row in given(ctx.txn, patient)? {
        let claims = row.chain.leaf().claims();
        let (token, expires) = (claims.id, claims.expires_at());
        if row.state != GrantState::Live || expires <= ctx.now {
            continue;
        }
        // A permission to add names compartments, and the rotation has retired them all: whatever the
        // rotation lists, nothing can be added under it any more.
        let adds = claims.operations.contains(Operation::Write);
        // What was passed on goes with what it was passed on of, which is what a rotation lists.
        let first = row.chain.first().claims().id;
        let direct = first == token;
        if listed.contains(&first) && !adds {
            if direct {
                kept.push(token);
            }
        } else {
            row.state = GrantState::Dropped;
            put_given(ctx.txn, patient, &row)?;
            if direct {
                dropped.push(token);
            }
        }
    }
    Ok((kept, dropped))
}
