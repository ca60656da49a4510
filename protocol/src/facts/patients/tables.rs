//! The patients that a relay serves.

use super::reasons::Reason;
use crate::codec::{Bytes, wire_struct};
use crate::crypto::KemSecret;
use crate::id::{CompartmentId, PartyId};
use crate::identity::{Compartment, PatientKeys};
use crate::kind::Kind;
use crate::names::{self, Bearer, Digits};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Page, Part};

/// Patient -> [`PatientRow`].
const PATIENTS: Table = Table::rows("patient");

wire_struct! {
    /// A patient that this relay serves.
    #[derive(Debug, Clone)]
    pub struct PatientRow {
        /// The name that the relay shows.
        1 => name: String,
        /// The keys, sealed under the patient's passphrase.
        2 => sealed_keys: Bytes,
        /// When the patient was made.
        3 => created: Timestamp,
        /// `seq` of the newest key ring.
        4 => ring_seq: u64,
        /// `seq` of the newest revocation state.
        5 => revocation_seq: u64,
    }
}

/// A patient.
pub(crate) fn patient(txn: &(impl ReadTxn + ?Sized), patient: PartyId) -> Handled<PatientRow> {
    match rows::get(txn, PATIENTS, &patient.0)? {
        Some(row) => Ok(row),
        None => refuse(Reason::NotHere { patient }),
    }
}

/// Keeps a patient, who is found by the name.
pub(crate) fn put_patient(
    txn: &mut dyn Txn,
    patient: PartyId,
    row: &PatientRow,
) -> Result<(), StoreError> {
    let known = rows::get::<PatientRow>(txn, PATIENTS, &patient.0)?;
    let before = known.as_ref().map(|known| known.name.as_str());
    names::rename(txn, Bearer::Patient, &patient.0, before.as_slice(), &[&row.name])?;
    rows::put(txn, PATIENTS, &patient.0, row)
}

/// Up to `limit` patients whose ids begin so.
pub(crate) fn beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<PartyId>, StoreError> {
    let keys = digits.keys(txn, PATIENTS, &[], limit)?;
    keys.iter().map(|key| rows::tail(PATIENTS, key).map(PartyId)).collect()
}

/// A patient's name, if this relay serves the patient.
pub(crate) fn name(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<String>, StoreError> {
    Ok(rows::get::<PatientRow>(txn, PATIENTS, &patient.0)?.map(|row| row.name))
}

/// The next number for a revocation state.
pub(crate) fn next_revocation_seq(txn: &mut dyn Txn, id: PartyId) -> Handled<u64> {
    let mut row = patient(txn, id)?;
    row.revocation_seq += 1;
    put_patient(txn, id, &row)?;
    Ok(row.revocation_seq)
}

/// Whether this relay serves a patient.
pub(crate) fn serves(txn: &(impl ReadTxn + ?Sized), patient: PartyId) -> Result<bool, StoreError> {
    Ok(txn.get(PATIENTS, &patient.0)?.is_some())
}

/// All patients that this relay serves.
pub(crate) fn all(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    let all = rows::all::<PatientRow>(txn, PATIENTS, &[])?.into_iter();
    all.map(|(key, _)| rows::tail(PATIENTS, &key).map(PartyId)).collect()
}

/// Whether this relay serves anybody.
pub(crate) fn any(txn: &(impl ReadTxn + ?Sized)) -> Result<bool, StoreError> {
    Ok(!rows::scan::<PatientRow>(txn, PATIENTS, &[], None, 1)?.is_empty())
}

/// A page of all patients.
pub(super) fn patients(txn: &dyn ReadTxn, part: &Part) -> Handled<Page<(PartyId, PatientRow)>> {
    let page = part.rows(txn, PATIENTS, &[], PartyId::LEN)?;
    page.show(|(key, row)| Ok(Some((PartyId(rows::tail(PATIENTS, &key)?), row))))
}

/// A patient's keys as they were sealed.
pub(crate) fn sealed_keys(txn: &(impl ReadTxn + ?Sized), id: PartyId) -> Handled<Vec<u8>> {
    Ok(patient(txn, id)?.sealed_keys.0)
}

/// Patient, compartment -> [`CompartmentRow`]: how each compartment of our patients derives.
const COMPARTMENTS: Table = Table::rows("compartment_of");

wire_struct! {
    /// How a compartment derives from its patient's records root.
    #[derive(Debug, Clone, Copy)]
    pub struct CompartmentRow {
        /// The kind of record.
        1 => kind: Kind,
        /// The generation of the records root.
        2 => generation: u32,
        /// The epoch.
        3 => epoch: u32,
    }
}

/// Remembers how a compartment derives.
pub(crate) fn remember_compartment(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: &Compartment,
) -> Result<(), StoreError> {
    let row = CompartmentRow {
        kind: compartment.kind,
        generation: compartment.generation,
        epoch: compartment.epoch,
    };
    rows::put(txn, COMPARTMENTS, &rows::pair(&patient.0, &compartment.id().0), &row)
}

/// How a compartment of a patient derives, if it is one.
pub(crate) fn compartment(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    id: CompartmentId,
) -> Result<Option<CompartmentRow>, StoreError> {
    rows::get(txn, COMPARTMENTS, &rows::pair(&patient.0, &id.0))
}

/// All compartments that a patient ever had here, the newest first.
pub(crate) fn compartments(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<(CompartmentId, CompartmentRow)>, StoreError> {
    let mut all = rows::all::<CompartmentRow>(txn, COMPARTMENTS, &patient.0)?
        .into_iter()
        .map(|(key, row)| Ok((CompartmentId(rows::tail(COMPARTMENTS, &key)?), row)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    all.sort_by_key(|(_, row)| core::cmp::Reverse((row.generation, row.epoch)));
    Ok(all)
}

/// The secret half of a compartment, from the patient's unlocked keys.
pub(crate) fn compartment_secret(
    txn: &(impl ReadTxn + ?Sized),
    keys: &PatientKeys,
    id: CompartmentId,
) -> Result<Option<KemSecret>, StoreError> {
    let Some(row) = compartment(txn, keys.patient, id)? else { return Ok(None) };
    Ok(keys
        .records
        .iter()
        .find(|root| root.generation() == row.generation)
        .map(|root| root.compartment(row.kind, row.epoch)))
}
