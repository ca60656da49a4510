//! Institutions that deal with a patient: enrolled, or permitted something. They hear of new keys and
//! revocations, and may announce what they record.

use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::refusal::Refusal;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};

/// Patient, institution -> nothing.
const CONTACTS: Table = Table("contact");

/// Patient, institution -> an enrolment that it has not agreed to.
const ENROLLING: Table = Table("enrolling");

wire_struct! {
    /// An enrolment that an institution has not agreed to.
    #[derive(Debug, Clone)]
    pub struct EnrollingRow {
        /// Whether the institution dealt with the patient before.
        1 => known: bool,
        /// Why it refused; absent while it has not answered.
        2 => refused: Option<Refusal>,
    }
}

/// Adds an institution.
pub(crate) fn add_contact(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    rows::mark(txn, CONTACTS, &rows::pair(&patient.0, &institution.0))
}

/// Adds an institution that is asked to enrol the patient: what it records may arrive before its
/// answer does.
pub(crate) fn ask_contact(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    let key = rows::pair(&patient.0, &institution.0);
    let before = rows::get::<EnrollingRow>(txn, ENROLLING, &key)?;
    let known = match before {
        Some(EnrollingRow { refused: None, known }) => known,
        _ => is_contact(txn, patient, institution)?,
    };
    rows::put(txn, ENROLLING, &key, &EnrollingRow { known, refused: None })?;
    add_contact(txn, patient, institution)
}

/// The institution has enrolled the patient.
pub(crate) fn contact_agreed(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
) -> Result<(), StoreError> {
    txn.delete(ENROLLING, &rows::pair(&patient.0, &institution.0))?;
    add_contact(txn, patient, institution)
}

/// The institution refused. One that dealt with the patient before goes on doing so: a code that is
/// used a second time must not undo what the first use did.
pub(crate) fn contact_refused(
    txn: &mut dyn Txn,
    patient: PartyId,
    institution: PartyId,
    why: Refusal,
) -> Result<(), StoreError> {
    let key = rows::pair(&patient.0, &institution.0);
    let Some(row) = rows::get::<EnrollingRow>(txn, ENROLLING, &key)? else { return Ok(()) };
    rows::put(txn, ENROLLING, &key, &EnrollingRow { known: row.known, refused: Some(why) })?;
    if !row.known {
        txn.delete(CONTACTS, &key)?;
    }
    Ok(())
}

/// Enrolments that were not agreed to: with whom, and why not if there was an answer.
pub(crate) fn enrolling(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<(PartyId, Option<Refusal>)>, StoreError> {
    rows::all::<EnrollingRow>(txn, ENROLLING, &patient.0)?
        .into_iter()
        .map(|(key, row)| Ok((PartyId(rows::tail(ENROLLING, &key)?), row.refused)))
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
