//! Patients' compartments themselves: told to whoever is to seal to them or may read them, and to nobody else. [ID-19]

use super::reasons::Reason;
use super::rings::{compartment_end, ring};
use crate::id::{CompartmentId, PartyId};
use crate::identity::{Compartment, KeyRing};
use crate::kind::Kind;
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;

/// Patient, compartment -> [`Compartment`]: as far as we were told, and the patient's newest ring names it.
const COMPARTMENTS: Table = Table::rows("compartment");

/// Takes over compartments that the patient's newest ring names. Whoever tells of them cannot say anything but what
/// the patient meant: their ids stand in the ring. Gives whether one was new.
pub(crate) fn learn_compartments(
    txn: &mut dyn Txn,
    patient: PartyId,
    told: &[Compartment],
) -> Handled<bool> {
    if told.len() > limits::COMPARTMENTS_MAX {
        return refuse(Reason::TooManyCompartments { most: limits::COMPARTMENTS_MAX });
    }
    let Some(ring) = ring(txn, patient)? else { return Ok(false) };
    let mut any = false;
    for compartment in told {
        let id = compartment.id();
        let key = rows::pair(&patient.0, &id.0);
        if ring.entry(id).is_some() && txn.get(COMPARTMENTS, &key)?.is_none() {
            rows::put(txn, COMPARTMENTS, &key, compartment)?;
            any = true;
        }
    }
    Ok(any)
}

/// Forgets those that a patient's newest ring does not name: nothing is sealed to them any more.
pub(super) fn forget_left_out(txn: &mut dyn Txn, ring: &KeyRing) -> Result<(), StoreError> {
    for known in compartments(txn, ring.patient)? {
        let id = known.id();
        if ring.entry(id).is_none() {
            txn.delete(COMPARTMENTS, &rows::pair(&ring.patient.0, &id.0))?;
        }
    }
    Ok(())
}

/// The compartments of a patient's newest ring, as far as they are known here.
pub(crate) fn compartments(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<Compartment>, StoreError> {
    let known = rows::all::<Compartment>(txn, COMPARTMENTS, &patient.0)?;
    Ok(known.into_iter().map(|(_, compartment)| compartment).collect())
}

/// The kind of record of a compartment of the patient's newest ring, if it is known here.
pub(crate) fn kind_of(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    id: CompartmentId,
) -> Result<Option<Kind>, StoreError> {
    let known = rows::get::<Compartment>(txn, COMPARTMENTS, &rows::pair(&patient.0, &id.0))?;
    Ok(known.map(|compartment| compartment.kind))
}

/// A patient's compartment for what is recorded now, if there is one that can be sealed to. Of two of one kind, which
/// no relay of ours names, the newest.
pub(crate) fn usable_compartment(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    kind: Kind,
    now: Timestamp,
) -> Result<Option<Compartment>, StoreError> {
    let known = compartments(txn, patient)?.into_iter().filter(|known| known.kind == kind);
    let Some(newest) = known.max_by_key(|known| (known.generation, known.epoch)) else {
        return Ok(None);
    };
    let end = compartment_end(txn, patient, newest.id())?;
    Ok(Some(newest).filter(|_| end.is_some_and(|end| now < end)))
}
