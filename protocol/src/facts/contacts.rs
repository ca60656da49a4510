//! Institutions that deal with a patient: enrolled, or permitted something. They hear of new keys and
//! revocations, and may announce what they record.

use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::refusal::Refusal;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};

/// Patient, institution -> nothing.
const CONTACTS: Table = Table::rows("contact");

/// Patient, institution -> nothing: the patient enrolled with it, or has said yes to that.
const ENROLLED: Table = Table::rows("enrolled");

/// Patient, institution -> [`EnrollingRow`].
const ENROLLING: Table = Table::rows("enrolling");

wire_struct! {
    /// An enrolment that was begun and is not made.
    #[derive(Debug, Clone)]
    pub struct EnrollingRow {
        /// Whether the institution dealt with the patient before.
        1 => known: bool,
        /// Why it came to nothing; absent while it can be made.
        2 => refused: Option<Refusal>,
        /// The number that the patient tells the desk, once the institution has answered.
        3 => number: Option<u32>,
        /// Whether the desk has accepted it.
        4 => confirmed: bool,
        /// Whether the patient has said so, too.
        5 => accepted: bool,
        /// Whether the patient had enrolled with the institution before.
        6 => before: bool,
    }
}

impl EnrollingRow {
    /// The number as people see it: two groups of three digits.
    pub(crate) fn shown(&self) -> Option<String> {
        self.number.map(|number| format!("{:03} {:03}", number / 1000, number % 1000))
    }
}

fn key(patient: PartyId, institution: PartyId) -> Vec<u8> {
    rows::pair(&patient.0, &institution.0)
}

/// Adds an institution.
pub(crate) fn add_contact(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    rows::mark(txn, CONTACTS, &key(patient, institution))
}

/// An institution is asked to enrol the patient: it deals with the patient once that is made.
pub(crate) fn ask_contact(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    let known = is_contact(txn, patient, institution)?;
    let before = is_enrolled(txn, patient, institution)?;
    let row = EnrollingRow {
        known,
        refused: None,
        number: None,
        confirmed: false,
        accepted: false,
        before,
    };
    rows::put(txn, ENROLLING, &key(patient, institution), &row)
}

/// The patient says that the institution treats the patient from now on.
pub(crate) fn enrol(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    rows::mark(txn, ENROLLED, &key(patient, institution))
}

/// The institution does not treat the patient any more; gives whether it did.
pub(crate) fn leave(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<bool, StoreError> {
    let did = is_enrolled(txn, patient, institution)?;
    txn.delete(ENROLLED, &key(patient, institution))?;
    Ok(did)
}

fn is_enrolled(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    institution: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(ENROLLED, &key(patient, institution))?.is_some())
}

/// With whom the patient enrolled.
pub(crate) fn enrolled(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<PartyId>, StoreError> {
    let all = rows::all::<crate::codec::Bytes>(txn, ENROLLED, &patient.0)?.into_iter();
    all.map(|(key, _)| rows::tail(ENROLLED, &key).map(PartyId)).collect()
}

/// Whether anybody whom this relay serves enrolled with an institution.
pub(crate) fn anybody_enrolled(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<bool, StoreError> {
    Ok(rows::keys(txn, ENROLLED)?.iter().any(|(key, _)| key.ends_with(&institution.0)))
}

/// An enrolment that was begun goes on.
pub(crate) fn change(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
    change: impl FnOnce(&mut EnrollingRow),
) -> Result<(), StoreError> {
    let Some(mut row) = enrolling_with(txn, patient, institution)? else { return Ok(()) };
    change(&mut row);
    rows::put(txn, ENROLLING, &key(patient, institution), &row)
}

/// The institution has enrolled the patient.
pub(crate) fn contact_agreed(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    txn.delete(ENROLLING, &key(patient, institution))?;
    add_contact(txn, patient, institution)
}

/// It came to nothing. An institution that dealt with the patient before goes on doing so: a code that is
/// used a second time must not undo what the first use did.
pub(crate) fn contact_refused(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
    why: Refusal,
) -> Result<(), StoreError> {
    let Some(row) = enrolling_with(txn, patient, institution)? else { return Ok(()) };
    let EnrollingRow { known, before, .. } = row;
    let row = EnrollingRow {
        known,
        refused: Some(why),
        number: None,
        confirmed: false,
        accepted: false,
        before,
    };
    rows::put(txn, ENROLLING, &key(patient, institution), &row)?;
    if !before {
        txn.delete(ENROLLED, &key(patient, institution))?;
    }
    if !known {
        txn.delete(CONTACTS, &key(patient, institution))?;
    }
    Ok(())
}

/// What an enrolment came to was seen.
pub(crate) fn dismiss(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    txn.delete(ENROLLING, &key(patient, institution))
}

/// An enrolment that was made was undone by the institution: it shows why, until the patient enrols there again.
pub(crate) fn note_undone(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
    why: Refusal,
) -> Result<(), StoreError> {
    let row = EnrollingRow {
        known: true,
        refused: Some(why),
        number: None,
        confirmed: false,
        accepted: false,
        before: false,
    };
    rows::put(txn, ENROLLING, &key(patient, institution), &row)
}

/// The enrolment with one institution that was begun and is not made.
pub(crate) fn enrolling_with(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    institution: PartyId,
) -> Result<Option<EnrollingRow>, StoreError> {
    rows::get(txn, ENROLLING, &key(patient, institution))
}

/// All enrolments that were begun and are not made.
pub(crate) fn enrolling(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<(PartyId, EnrollingRow)>, StoreError> {
    rows::all::<EnrollingRow>(txn, ENROLLING, &patient.0)?
        .into_iter()
        .map(|(key, row)| Ok((PartyId(rows::tail(ENROLLING, &key)?), row)))
        .collect()
}

/// Whether the institution deals with the patient.
pub(crate) fn is_contact(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    institution: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(CONTACTS, &rows::pair(&patient.0, &institution.0))?.is_some())
}

/// All institutions that deal with the patient.
pub(crate) fn contacts(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<PartyId>, StoreError> {
    rows::all::<crate::codec::Bytes>(txn, CONTACTS, &patient.0)?
        .into_iter()
        .map(|(key, _)| rows::tail(CONTACTS, &key).map(PartyId))
        .collect()
}
