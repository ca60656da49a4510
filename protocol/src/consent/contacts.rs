//! Institutions that deal with a patient: enrolled, or permitted something. They hear of new keys and
//! revocations, and may announce what they record.

use crate::id::PartyId;
use crate::peer::Context;
use crate::refusal::Handled;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table};

/// Patient, institution -> nothing.
const CONTACTS: Table = Table("contact");

/// Adds an institution.
pub(crate) fn add_contact(
    ctx: &mut Context<'_>,
    patient: PartyId,
    institution: PartyId,
) -> Handled<()> {
    rows::mark(ctx.txn, CONTACTS, &rows::pair(&patient.0, &institution.0))?;
    Ok(())
}

/// Removes an institution.
pub(crate) fn remove_contact(
    ctx: &mut Context<'_>,
    patient: PartyId,
    institution: PartyId,
) -> Handled<()> {
    ctx.txn.delete(CONTACTS, &rows::pair(&patient.0, &institution.0))?;
    Ok(())
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
