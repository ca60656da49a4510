//! Who treats a patient, by the patient's signed word: whose entries belong to the record.
//!
//! At the patient's relay the list follows from what the patient did, and is signed whenever that and the keys are at
//! hand; a reader has what the relay told it of the authors whose entries it may read.

use crate::capability::Operation;
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::id::{CompartmentId, PartyId};
use crate::identity::{KnownKeys, PatientKeys, Treats};
use crate::kind::Kind;
use crate::limits;
use crate::patients;
use crate::permission::{GrantState, given};
use crate::refusal::Handled;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Context;
use std::collections::{BTreeMap, BTreeSet};

/// Patient, institution -> [`Treats`], signed: the newest.
const TREATS: Table = Table("treats");
/// At the relay: patient, compartment, institution -> nothing: it has entries there.
const AUTHORS: Table = Table("treats_author");

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

/// Takes over what the patient says, if it is newer than what is known. [AUT-1]
pub(crate) fn learn(
    ctx: &mut Context<'_>,
    treats: Unverified<Treats>,
    keys: &KnownKeys,
) -> Handled<()> {
    let treats = treats.certify(keys, ctx.now)?;
    let known = stored(ctx.txn, treats.patient, treats.institution)?;
    let rank = |treats: &Treats| (treats.key, treats.issued);
    if known.as_ref().is_some_and(|known| rank(known.claims()) >= rank(&treats)) {
        return Ok(());
    }
    let full = || Ok::<_, StoreError>(all(ctx.txn, treats.patient)?.len() >= limits::TREATERS_MAX);
    if known.is_none() && full()? {
        return Ok(());
    }
    Ok(put(ctx.txn, &treats)?)
}

fn put(txn: &mut dyn Txn, treats: &Signed<Treats>) -> Result<(), StoreError> {
    let key = rows::pair(&treats.patient.0, &treats.institution.0);
    rows::put(txn, TREATS, &key, &treats.to_unverified())
}

/// Until when, and which kinds: as [`Treats`] says it.
type Extent = (Option<Timestamp>, BTreeSet<Kind>);

/// Signs anew what has changed of who treats a patient, and everything after a rotation: with the keys at hand. Gives
/// whether anything was signed.
pub(crate) fn sign(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<bool> {
    let (patient, mut any) = (keys.patient, false);
    let mut extents = extents(ctx, patient)?;
    let known = all(ctx.txn, patient)?;
    for known in &known {
        // Who treats the patient no more did so until now, or until it was to end.
        let until = known.until.map_or(ctx.now, |until| until.min(ctx.now));
        let ended = || (Some(until), known.kinds.iter().copied().collect());
        extents.entry(known.institution).or_insert_with(ended);
    }
    for (institution, (until, kinds)) in extents {
        let kinds: Vec<Kind> = kinds.into_iter().collect();
        let before = known.iter().find(|known| known.institution == institution);
        if before.is_some_and(|b| (b.key, b.until, &b.kinds) == (keys.number, until, &kinds)) {
            continue;
        }
        let issued = before.map_or(ctx.now, |before| ctx.now.max(before.issued.plus_ms(1)));
        let treats = Treats { patient, key: keys.number, institution, issued, until, kinds };
        put(ctx.txn, &Signed::sign(treats, &keys.signing))?;
        any = true;
    }
    Ok(any)
}

/// Who treats the patient now: whoever the patient enrolled with, without end; and whoever may add to the record, as
/// long as that permission lasts.
fn extents(ctx: &Context<'_>, patient: PartyId) -> Handled<BTreeMap<PartyId, Extent>> {
    let mut extents: BTreeMap<PartyId, Extent> = BTreeMap::new();
    for row in given(ctx.txn, patient)? {
        let claims = row.chain.leaf().claims();
        let live = row.state == GrantState::Live && claims.expires_at() > ctx.now;
        if !live || !claims.operations.contains(Operation::Write) {
            continue;
        }
        let (until, kinds) = extents.entry(claims.grantee()).or_default();
        *until = (*until).max(Some(claims.expires_at()));
        for compartment in claims.scope.compartments() {
            kinds.extend(patients::compartment(ctx.txn, patient, *compartment)?.map(|c| c.kind));
        }
    }
    for institution in contacts::enrolled(ctx.txn, patient)? {
        extents.insert(institution, (None, BTreeSet::new()));
    }
    Ok(extents)
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
