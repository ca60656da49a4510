//! Who treats a patient, by the patient's signed word: whose entries belong to the record.
//!
//! At the patient's relay the list follows from what the patient did ([`crate::permission::sign_treats`]); a reader has what
//! the relay told it of the authors whose entries it may read.

use crate::codec::Bytes;
use crate::directory;
use crate::id::{CompartmentId, PartyId};
use crate::identity::{KnownKeys, Treats};
use crate::limits;
use crate::refusal::Handled;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::turn::Context;

/// Patient, institution -> [`Treats`], signed: the newest.
const TREATS: Table = Table::rows("treats");
/// At the relay: patient, compartment, institution -> nothing: it has entries there.
const AUTHORS: Table = Table::rows("treats_author");

/// What the patient says of an institution, by the key that counts now.
pub(crate) fn of(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    institution: PartyId,
) -> Result<Option<Treats>, StoreError> {
    let Some(known) = stored(txn, patient, institution)? else { return Ok(None) };
    let current = directory::keys(txn, patient)?.map(|keys| keys.current_number());
    let claims = known.claims();
    Ok(Some(claims.clone()).filter(|claims| Some(claims.key) == current))
}

/// The same as the patient signed it, with whichever key.
pub(crate) fn stored(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    institution: PartyId,
) -> Result<Option<Unverified<Treats>>, StoreError> {
    rows::get(txn, TREATS, &rows::pair(&patient.0, &institution.0))
}

/// All that the patient says, of whomever.
pub(crate) fn all(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<Treats>, StoreError> {
    let all = rows::all::<Unverified<Treats>>(txn, TREATS, &patient.0)?;
    Ok(all.into_iter().map(|(_, treats)| treats.claims().clone()).collect())
}

/// The same as the patient signed it.
pub(crate) fn signed(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<Unverified<Treats>>, StoreError> {
    let all = rows::all::<Unverified<Treats>>(txn, TREATS, &patient.0)?;
    Ok(all.into_iter().map(|(_, treats)| treats).collect())
}

/// Takes over what the patient says, if it is newer than what is known. [AUT-1]
pub(crate) fn learn(
    ctx: &mut Context<'_>,
    treats: Unverified<Treats>,
    keys: &KnownKeys,
) -> Handled<()> {
    learn_all(ctx, vec![treats], keys)
}

/// The same of several. What is known, or finds no room, costs no check of a signature, and the room is looked at once.
pub(crate) fn learn_all(
    ctx: &mut Context<'_>,
    said: Vec<Unverified<Treats>>,
    keys: &KnownKeys,
) -> Handled<()> {
    let mut room = None;
    for treats in said {
        let claims = treats.claims();
        let known = stored(ctx.txn, claims.patient, claims.institution)?;
        let rank = |treats: &Treats| (treats.key, treats.issued);
        if known.as_ref().is_some_and(|known| rank(known.claims()) >= rank(claims)) {
            continue;
        }
        if known.is_none() {
            let left = match room {
                Some(left) => left,
                None => {
                    let kept = all(ctx.txn, keys.party())?.len();
                    limits::TREATERS_MAX.saturating_sub(kept)
                }
            };
            room = Some(left.saturating_sub(1));
            if left == 0 {
                continue;
            }
        }
        let treats = treats.certify(keys, ctx.now)?;
        put(ctx.txn, &treats)?;
    }
    Ok(())
}

/// Keeps what the patient says, which was just verified or signed.
pub(crate) fn put(txn: &mut dyn Txn, treats: &Signed<Treats>) -> Result<(), StoreError> {
    let key = rows::pair(&treats.patient.0, &treats.institution.0);
    rows::put(txn, TREATS, &key, &treats.to_unverified())
}

/// At the relay: an institution has an entry in a compartment; gives whether it is the first.
pub(crate) fn wrote_in(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: CompartmentId,
    author: PartyId,
) -> Result<bool, StoreError> {
    let key = [&patient.0[..], &compartment.0, &author.0].concat();
    let first = txn.get(AUTHORS, &key)?.is_none();
    if first {
        rows::mark(txn, AUTHORS, &key)?;
    }
    Ok(first)
}

/// At the relay: who has entries in a compartment.
pub(crate) fn authors_in(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<Vec<PartyId>, StoreError> {
    let all = rows::all::<Bytes>(txn, AUTHORS, &rows::pair(&patient.0, &compartment.0))?;
    all.into_iter().map(|(key, _)| rows::tail(AUTHORS, &key).map(PartyId)).collect()
}
