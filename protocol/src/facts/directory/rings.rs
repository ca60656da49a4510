//! A patient's key ring: which compartments can be sealed to, which were retired, which relay serves the patient.

use super::compartments::forget_left_out;
use super::parties::{party, put_party};
use super::reasons::Reason;
use crate::id::{CompartmentId, PartyId};
use crate::identity::{KeyRing, KnownKeys};
use crate::limits;
use crate::names::Digits;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;

/// Patient -> the institution id of the relay that serves it.
const RELAYS: Table = Table::rows("relay_of");
/// Patient, compartment -> until when it could be sealed to: what a newer ring left out.
const RETIRED: Table = Table::rows("compartment_retired");

/// Takes over a patient's key ring if it verifies and is newer than the one known; it tells which relay
/// serves the patient. A compartment that it leaves out is retired for good: a relay that was put back from
/// an older copy does not bring it back. Gives whether it is newer.
pub(crate) fn learn_ring(
    txn: &mut dyn Txn,
    ring: Unverified<KeyRing>,
    keys: &KnownKeys,
    now: Timestamp,
) -> Handled<bool> {
    let ring = ring.certify(keys, now)?;
    let Some(mut row) = party(txn, ring.patient)? else {
        return refuse(Reason::RingOfUnknown);
    };
    let newer = row.ring.as_ref().is_none_or(|known| known.claims().seq < ring.seq);
    if newer {
        let patient = ring.patient;
        if let Some(known) = row.ring.take().map(Unverified::from_own_store) {
            retire(txn, &known, &ring, now)?;
            forget_left_out(txn, &ring)?;
        }
        row.ring = Some(ring.to_unverified());
        put_party(txn, patient, &row)?;
        rows::put(txn, RELAYS, &patient.0, &ring.relay)?;
    }
    Ok(newer)
}

/// Writes down which compartments of a ring a newer one leaves out, and since when; and the end of one that
/// the newer names with a later end, or none. No end of a standing permission moves away: a relay that was
/// put back to an older copy has forgotten it, and who was permitted still has the key.
fn retire(
    txn: &mut dyn Txn,
    old: &KeyRing,
    new: &KeyRing,
    now: Timestamp,
) -> Result<(), StoreError> {
    // A relay's clock may run ahead; nobody heard of the newer ring later than now. And none replaced the older one before
    // that was there, whatever date it bears.
    let replaced = new.issued.max(old.issued).min(now);
    for gone in &old.compartments {
        let id = gone.compartment;
        let end = match (new.entry(id), gone.until) {
            (None, _) => old.end_of(gone).min(replaced),
            (Some(kept), Some(until)) if kept.until.is_none_or(|new| until < new) => until,
            (Some(_), _) => continue,
        };
        let key = rows::pair(&old.patient.0, &id.0);
        let known = rows::get::<Timestamp>(txn, RETIRED, &key)?;
        rows::put(txn, RETIRED, &key, &known.map_or(end, |known| known.min(end)))?;
    }
    let all = rows::all::<Timestamp>(txn, RETIRED, &old.patient.0)?;
    let excess = all.len().saturating_sub(limits::RETIRED_COMPARTMENTS_MAX);
    let mut oldest: Vec<_> = all.into_iter().map(|(key, end)| (end, key)).collect();
    oldest.sort();
    oldest.into_iter().take(excess).try_for_each(|(_, key)| txn.delete(RETIRED, &key))
}

/// Until when a compartment can, or could, be sealed to; `None` when none of the rings seen here has it.
pub(crate) fn compartment_end(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    id: CompartmentId,
) -> Result<Option<Timestamp>, StoreError> {
    if let Some(end) = rows::get(txn, RETIRED, &rows::pair(&patient.0, &id.0))? {
        return Ok(Some(end));
    }
    let Some(ring) = ring(txn, patient)? else { return Ok(None) };
    Ok(ring.entry(id).map(|entry| ring.end_of(entry)))
}

/// The compartments of the rings that were seen here: those of the newest, and those that were retired.
pub(crate) fn compartments_seen(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<CompartmentId>, StoreError> {
    let retired = rows::all::<Timestamp>(txn, RETIRED, &patient.0)?.into_iter();
    let mut seen = retired
        .map(|(key, _)| rows::tail(RETIRED, &key).map(CompartmentId))
        .collect::<Result<Vec<_>, _>>()?;
    let ring = ring(txn, patient)?;
    seen.extend(ring.iter().flat_map(|ring| &ring.compartments).map(|entry| entry.compartment));
    Ok(seen)
}

/// A patient's newest key ring.
pub(crate) fn ring(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<Signed<KeyRing>>, StoreError> {
    Ok(party(txn, patient)?.and_then(|row| row.ring).map(Unverified::from_own_store))
}

/// The relay that serves a patient, on the patient's own word.
pub(crate) fn relay_of(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<PartyId>, StoreError> {
    rows::get(txn, RELAYS, &patient.0)
}

/// The patients whom a relay serves, on their own word.
pub(crate) fn patients_of(
    txn: &(impl ReadTxn + ?Sized),
    relay: PartyId,
) -> Result<Vec<PartyId>, StoreError> {
    let all = rows::all::<PartyId>(txn, RELAYS, &[])?.into_iter();
    all.filter(|(_, of)| *of == relay)
        .map(|(key, _)| rows::tail(RELAYS, &key).map(PartyId))
        .collect()
}

/// Up to `limit` patients whose ids begin so, and whose relay is known.
pub(crate) fn patients_beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<PartyId>, StoreError> {
    let keys = digits.keys(txn, RELAYS, &[], limit)?;
    keys.iter().map(|key| rows::tail(RELAYS, key).map(PartyId)).collect()
}
