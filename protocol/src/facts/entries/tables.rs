//! The entries that are kept here: with keys at an author, without at a depositary or relay.

use super::wire::{Checked, Label, Term};
use crate::codec::{Bytes, wire_struct};
use crate::holdings::{self, ContentRef};
use crate::id::{EntryId, ObjectId, PartyId};
use crate::kind::Kind;
use crate::names::Digits;
use crate::refusal::Handled;
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Page, Part};
use crate::wrap::Wrap;
use std::collections::{BTreeMap, BTreeSet};

/// Subject, entry -> [`EntryRow`].
const ENTRIES: Table = Table("entry");
/// Subject, entry -> [`IndexRow`].
const INDEX: Table = Table("entry_index");
/// Subject, entry, institution -> nothing: who is known to hold it.
const HOLDERS: Table = Table("entry_holder");

wire_struct! {
    /// An entry that is kept here.
    #[derive(Debug, Clone)]
    pub struct EntryRow {
        /// Its label.
        1 => label: Unverified<Label>,
        /// Its content objects.
        2 => contents: Vec<ContentRef>,
        /// Its manifest's key, sealed to the patient's compartment.
        3 => wrap: Option<Wrap>,
        /// The institution that it was obtained from; none when it was made here.
        4 => from: Option<PartyId>,
        /// When it came here.
        5 => received: Timestamp,
        /// Whether its content objects are here, too.
        6 => whole: bool,
    }
}

wire_struct! {
    /// What a reader knows of an entry, to list and find it without opening it again.
    #[derive(Debug, Clone)]
    pub struct IndexRow {
        /// The kind of record.
        1 => kind: Kind,
        /// Its title.
        2 => title: String,
        /// When what it tells of happened.
        3 => effective: Timestamp,
        /// Who recorded it.
        4 => user: String,
        /// What it is found by.
        5 => terms: Vec<Term>,
        /// The entry that it adds to.
        6 => adds_to: Option<EntryId>,
        /// The manifest's key, sealed to this institution.
        7 => own_wrap: Wrap,
        /// Bytes of its contents.
        8 => bytes: u64,
    }
}

/// Whether any term, or the title, contains `text`, whatever the case.
pub(crate) fn matches(title: &str, terms: &[Term], text: &str) -> bool {
    let text = text.to_lowercase();
    let contains = |value: &str| value.to_lowercase().contains(&text);
    contains(title) || terms.iter().any(|term| contains(&term.value))
}

/// An entry with its id.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) entry: EntryId,
    pub(crate) row: EntryRow,
    pub(crate) index: Option<IndexRow>,
}

/// All entries of a subject, with what is known of them.
pub(crate) fn entries(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
) -> Result<Vec<Found>, StoreError> {
    rows::all::<EntryRow>(txn, ENTRIES, &subject.0)?
        .into_iter()
        .map(|(key, row)| {
            let index = rows::get(txn, INDEX, &key)?;
            Ok(Found { entry: EntryId(rows::tail(ENTRIES, &key)?), row, index })
        })
        .collect()
}

/// A page of a subject's entries.
pub(crate) fn entries_page(
    txn: &dyn ReadTxn,
    subject: PartyId,
    part: &Part,
) -> Handled<Page<Found>> {
    let page = part.rows(txn, ENTRIES, &subject.0, PartyId::LEN + EntryId::LEN)?;
    page.show(|(key, row)| {
        let index = rows::get(txn, INDEX, &key)?;
        Ok(Some(Found { entry: EntryId(rows::tail(ENTRIES, &key)?), row, index }))
    })
}

/// A page of those of a subject's entries that are named: no others are read.
pub(crate) fn entries_named(
    txn: &dyn ReadTxn,
    subject: PartyId,
    named: &BTreeSet<EntryId>,
    part: &Part,
) -> Handled<Page<Found>> {
    let ends = named.iter().map(|entry| entry.0).collect();
    part.named(txn, ENTRIES, &subject.0, &ends)?.show(|(key, row)| {
        let index = rows::get(txn, INDEX, &key)?;
        Ok(Some(Found { entry: EntryId(rows::tail(ENTRIES, &key)?), row, index }))
    })
}

/// One entry.
pub(crate) fn entry(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Option<EntryRow>, StoreError> {
    rows::get(txn, ENTRIES, &rows::pair(&subject.0, &entry.0))
}

/// Up to `limit` entries of a subject whose ids begin so.
pub(crate) fn entries_beginning(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    digits: &Digits,
    limit: usize,
) -> Result<Vec<EntryId>, StoreError> {
    let keys = digits.keys(txn, ENTRIES, &subject.0, limit)?;
    keys.iter().map(|key| rows::tail(ENTRIES, key).map(EntryId)).collect()
}

/// What is known of one entry.
pub(crate) fn index(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Option<IndexRow>, StoreError> {
    rows::get(txn, INDEX, &rows::pair(&subject.0, &entry.0))
}

/// An entry's bundle with its manifest.
pub(crate) fn whole(
    txn: &(impl ReadTxn + ?Sized),
    row: &EntryRow,
) -> Result<Option<Checked>, StoreError> {
    let label = row.label.clone().from_own_store();
    Ok(holdings::small(txn, label.manifest)?.map(|manifest| Checked {
        label,
        contents: row.contents.clone(),
        manifest,
        wrap: row.wrap.clone(),
        author_wrap: None,
    }))
}

/// Whether a label names a compartment that could be sealed to when the entry was recorded, as far as the
/// patient's rings are known here. An author who dates back reveals nothing but its own entry.
pub(crate) fn sealed_in_time(
    txn: &(impl ReadTxn + ?Sized),
    label: &Label,
) -> Result<bool, StoreError> {
    let Some(compartment) = label.compartment else { return Ok(false) };
    let end = crate::directory::compartment_end(txn, label.subject, compartment)?;
    Ok(end.is_none_or(|end| label.recorded < end))
}

/// Keeps an entry's row.
pub(super) fn put_entry(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    row: &EntryRow,
) -> Result<(), StoreError> {
    rows::put(txn, ENTRIES, &rows::pair(&subject.0, &entry.0), row)
}

/// Keeps what is known of an entry.
pub(super) fn put_index(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    row: &IndexRow,
) -> Result<(), StoreError> {
    rows::put(txn, INDEX, &rows::pair(&subject.0, &entry.0), row)
}

/// Deletes an entry's row.
pub(super) fn delete_entry(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
) -> Result<(), StoreError> {
    txn.delete(ENTRIES, &rows::pair(&subject.0, &entry.0))
}

/// Deletes what is known of an entry.
pub(super) fn delete_index(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
) -> Result<(), StoreError> {
    txn.delete(INDEX, &rows::pair(&subject.0, &entry.0))
}

/// Remembers that an institution holds an entry.
pub(crate) fn learn_holder(
    txn: &mut dyn Txn,
    subject: PartyId,
    entry: EntryId,
    holder: PartyId,
) -> Result<(), StoreError> {
    rows::mark(txn, HOLDERS, &[&subject.0[..], &entry.0, &holder.0].concat())
}

/// Who is known to hold an entry.
pub(crate) fn holders(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Vec<PartyId>, StoreError> {
    rows::all::<Bytes>(txn, HOLDERS, &rows::pair(&subject.0, &entry.0))?
        .into_iter()
        .map(|(key, _)| rows::tail(HOLDERS, &key).map(PartyId))
        .collect()
}

/// Forgets that an institution holds an entry.
pub(crate) fn forget_holder(
    txn: &mut dyn Txn,
    subject: PartyId,
    entry: EntryId,
    holder: PartyId,
) -> Result<(), StoreError> {
    txn.delete(HOLDERS, &[&subject.0[..], &entry.0, &holder.0].concat())
}

/// Up to `limit` objects of a subject's entries that ought to be here, in order, after one, with their lengths.
pub(crate) fn objects_of(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<(ObjectId, u64)>, StoreError> {
    let mut found = BTreeMap::new();
    for entry in entries(txn, subject)? {
        for content in entry.row.contents {
            if after.is_none_or(|after| content.object > after)
                && holdings::held(txn, content.object)?
            {
                found.insert(content.object, content.length);
            }
        }
    }
    Ok(found.into_iter().take(limit).collect())
}
