//! What counts of what is listed: by the relay that the patient's key ring names now.

use super::tables::{self, ListedRow, SectionRow};
use crate::directory;
use crate::id::{CompartmentId, EntryId, PartyId, StatementId};
use crate::store::{ReadTxn, StoreError};

/// The label that the patient's catalogue lists for an entry, if it lists the entry. Which compartment the
/// label of what came names has no say in where to look.
pub(crate) fn listed(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    entry: EntryId,
) -> Result<Option<StatementId>, StoreError> {
    let relay = directory::relay_of(txn, patient)?;
    let mut newest: Option<ListedRow> = None;
    for (compartment, section) in tables::sections(txn, patient)? {
        if Some(section.catalogue.claims().relay) != relay {
            continue;
        }
        if let Some(row) = tables::entry(txn, patient, compartment, entry)?
            && newest.as_ref().is_none_or(|newest| newest.seq < row.seq)
        {
            newest = Some(row);
        }
    }
    Ok(newest.map(|row| row.label))
}

/// Whether the catalogue of a compartment lists an entry so.
pub(crate) fn lists(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: Option<CompartmentId>,
    (entry, label): (EntryId, StatementId),
) -> Result<bool, StoreError> {
    let Some(compartment) = compartment else { return Ok(false) };
    if counts(txn, patient, compartment)?.is_none() {
        return Ok(false);
    }
    let row = tables::entry(txn, patient, compartment, entry)?;
    Ok(row.is_some_and(|row| row.label == label))
}

/// The newest catalogue of a compartment, if it is by the relay that the patient's key ring names now.
pub(crate) fn counts(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<Option<SectionRow>, StoreError> {
    let relay = directory::relay_of(txn, patient)?;
    Ok(tables::section(txn, patient, compartment)?
        .filter(|row| Some(row.catalogue.claims().relay) == relay))
}
