//! What is listed: at the relay as it was announced, at a reader as the relay told it.

use super::listed::Listed;
use super::tree;
use super::wire::Catalogue;
use crate::codec::{DecodeError, Wire, wire_struct};
use crate::id::{CompartmentId, EntryId, PartyId, StatementId};
use crate::limits;
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table, Txn};

/// Patient, compartment -> [`SectionRow`]. The zero compartment stands for entries that permissions name.
const SECTIONS: Table = Table::rows("catalogue");
/// Patient, compartment, entry -> [`ListedRow`].
const LISTED: Table = Table::rows("catalogue_entry");

/// Reader, patient, compartment -> `seq` of the list that it was sent again, whole.
const SENT_AGAIN: Table = Table::rows("catalogue_sent_again");

/// Stands for the entries that permissions name, one by one.
pub(crate) const NAMED: CompartmentId = CompartmentId([0; 16]);

wire_struct! {
    /// The newest catalogue of one compartment.
    #[derive(Debug, Clone)]
    pub struct SectionRow {
        /// The catalogue.
        1 => catalogue: Unverified<Catalogue>,
        /// Entries that are listed here for it.
        2 => rows: u64,
        /// Whether they lead to its root.
        3 => complete: bool,
    }
}

wire_struct! {
    /// An entry that is listed.
    #[derive(Debug, Clone)]
    pub struct ListedRow {
        /// The label that counts.
        1 => label: StatementId,
        /// `seq` of the catalogue that says so; at the relay itself, 0.
        2 => seq: u64,
    }
}

/// Entries that are listed here for the catalogue of this row.
pub(crate) fn listed_rows(row: &[u8]) -> Result<u64, DecodeError> {
    Ok(SectionRow::from_bytes(row, limits::ROW_BYTES_MAX)?.rows)
}

fn section_key(patient: PartyId, compartment: CompartmentId) -> Vec<u8> {
    rows::pair(&patient.0, &compartment.0)
}

fn key(patient: PartyId, compartment: CompartmentId, entry: EntryId) -> Vec<u8> {
    [&patient.0[..], &compartment.0, &entry.0].concat()
}

pub(crate) fn section(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<Option<SectionRow>, StoreError> {
    rows::get(txn, SECTIONS, &section_key(patient, compartment))
}

/// All catalogues of a patient, with what each is of.
pub(crate) fn sections(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<(CompartmentId, SectionRow)>, StoreError> {
    rows::all::<SectionRow>(txn, SECTIONS, &patient.0)?
        .into_iter()
        .map(|(key, row)| Ok((CompartmentId(rows::tail(SECTIONS, &key)?), row)))
        .collect()
}

pub(crate) fn put_section(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: CompartmentId,
    row: &SectionRow,
) -> Result<(), StoreError> {
    rows::put(txn, SECTIONS, &section_key(patient, compartment), row)
}

pub(crate) fn entry(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
    entry: EntryId,
) -> Result<Option<ListedRow>, StoreError> {
    rows::get(txn, LISTED, &key(patient, compartment, entry))
}

/// Lists an entry; says whether it was not listed before. Once all are listed, [`refresh`].
pub(crate) fn put_entry(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: CompartmentId,
    listed: &Listed,
    seq: u64,
) -> Result<bool, StoreError> {
    let key = key(patient, compartment, listed.entry);
    let new = txn.get(LISTED, &key)?.is_none();
    rows::put(txn, LISTED, &key, &ListedRow { label: listed.label, seq })?;
    Ok(new)
}

/// Takes an entry from the list of one compartment.
pub(crate) fn drop_entry(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: CompartmentId,
    entry: EntryId,
) -> Result<(), StoreError> {
    txn.delete(LISTED, &key(patient, compartment, entry))?;
    refresh(txn, patient, compartment, [entry])
}

/// Makes count and root anew after entries were listed.
pub(crate) fn refresh(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: CompartmentId,
    changed: impl IntoIterator<Item = EntryId>,
) -> Result<(), StoreError> {
    tree::refresh(txn, &section_key(patient, compartment), changed, |txn, from, to| {
        txn.page(LISTED, from, to, usize::MAX)?
            .iter()
            .map(|(key, row)| {
                let row = rows::decode::<ListedRow>(LISTED, row)?;
                Ok(Listed { entry: EntryId(rows::tail(LISTED, key)?), label: row.label })
            })
            .collect()
    })
}

/// A page of what is listed of one compartment, in ascending order.
pub(crate) fn page(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
    after: Option<EntryId>,
) -> Result<Vec<Listed>, StoreError> {
    let after = after.map(|entry| key(patient, compartment, entry));
    let prefix = section_key(patient, compartment);
    let limit = limits::CATALOGUE_PAGE_MAX;
    rows::scan::<ListedRow>(txn, LISTED, &prefix, after.as_deref(), limit)?
        .into_iter()
        .map(|(key, row)| {
            Ok(Listed { entry: EntryId(rows::tail(LISTED, &key)?), label: row.label })
        })
        .collect()
}

/// Shows all that is listed of one compartment to `each`, a page at a time.
pub(crate) fn each(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
    mut each: impl FnMut(&Listed) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = page(txn, patient, compartment, after)?;
        page.iter().try_for_each(&mut each)?;
        match page.last() {
            Some(last) if page.len() == limits::CATALOGUE_PAGE_MAX => after = Some(last.entry),
            _ => return Ok(()),
        }
    }
}

/// Count and root of what is listed of one compartment.
pub(crate) fn count_and_root(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<(u64, [u8; 32]), StoreError> {
    tree::whole(txn, &section_key(patient, compartment))
}

/// Forgets what is listed of one compartment, and its catalogue.
pub(crate) fn forget(
    txn: &mut dyn Txn,
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<(), StoreError> {
    loop {
        let page = page(txn, patient, compartment, None)?;
        for listed in &page {
            txn.delete(LISTED, &key(patient, compartment, listed.entry))?;
        }
        if page.len() < limits::CATALOGUE_PAGE_MAX {
            tree::forget(txn, &section_key(patient, compartment))?;
            return txn.delete(SECTIONS, &section_key(patient, compartment));
        }
    }
}

/// The compartments of which anything is listed for a patient: one look for each, not for each entry.
pub(crate) fn compartments(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Vec<CompartmentId>, StoreError> {
    let mut found = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    while let Some((key, _)) =
        rows::scan::<ListedRow>(txn, LISTED, &patient.0, after.as_deref(), 1)?.pop()
    {
        let (rest, _) = key.split_at(key.len() - EntryId::LEN);
        let compartment = CompartmentId(rows::tail(LISTED, rest)?);
        found.push(compartment);
        after = Some(self::key(patient, compartment, EntryId([0xff; 16])));
    }
    Ok(found)
}

/// `seq` of the list that a reader was sent again, whole; 0 for none.
pub(crate) fn sent_again(
    txn: &(impl ReadTxn + ?Sized),
    reader: PartyId,
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<u64, StoreError> {
    let key = rows::pair(&reader.0, &section_key(patient, compartment));
    Ok(rows::get(txn, SENT_AGAIN, &key)?.unwrap_or(0))
}

pub(crate) fn put_sent_again(
    txn: &mut dyn Txn,
    reader: PartyId,
    patient: PartyId,
    compartment: CompartmentId,
    seq: u64,
) -> Result<(), StoreError> {
    let key = rows::pair(&reader.0, &section_key(patient, compartment));
    rows::put(txn, SENT_AGAIN, &key, &seq)
}
