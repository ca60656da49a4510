//! At the patient's relay: what is about to be kept is listed.

use super::listed::Listed;
use super::tables;
use crate::id::{CompartmentId, PartyId};
use crate::store::{StoreError, Txn};

/// Lists an entry that this relay is about to keep in its compartment, `after`, and takes it from the list of the
/// one that it was in before. Without a compartment it is nobody's to read, and is not listed.
pub(crate) fn enter(
    txn: &mut dyn Txn,
    patient: PartyId,
    (before, after): (Option<CompartmentId>, Option<CompartmentId>),
    listed: &Listed,
) -> Result<(), StoreError> {
    if let Some(before) = before.filter(|before| Some(*before) != after) {
        tables::drop_entry(txn, patient, before, listed.entry)?;
    }
    if let Some(compartment) = after {
        tables::put_entry(txn, patient, compartment, listed, 0)?;
        tables::refresh(txn, patient, compartment, [listed.entry])?;
    }
    Ok(())
}
