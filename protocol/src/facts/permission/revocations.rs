//! What a patient has taken back, as far as it is known here.

use crate::capability::{RevocationState, Revocations, Revoked};
use crate::directory;
use crate::id::PartyId;
use crate::identity::{KnownKeys, PatientKeys};
use crate::patients;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::turn::Context;

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
    let state = state.certify(keys)?;
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
