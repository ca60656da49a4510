//! What others keep, as their receipts say: at whoever deposited it, and at the patient's relay.

use crate::codec::{Bytes, wire_struct};
use crate::entries::{self, EntryRow};
use crate::holdings;
use crate::id::{EntryId, ObjectId, PartyId};
use crate::limits;
use crate::reason::reasons;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::Statement;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Reading;
use crate::wrap::Wrap;

reasons! {
    /// Why a receipt does not count.
    pub(crate) enum Reason: 29 "receipts" {
        1 => NotWhole: NotAuthentic "the receipt does not cover each entry as a whole",
    }
}

/// Owner, subject, entry, holder -> [`KeptRow`], at the depositor and at the patient's relay: what
/// receipts say.
const ELSEWHERE: Table = Table::rows("backup_elsewhere");
/// Entry, holder, subject, owner -> nothing: for whom else a holder keeps an entry.
const HELD_AT: Table = Table::rows("backup_held_at");

wire_struct! {
    /// A depositary's signed word on what it keeps.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Receipt {
        /// The depositary.
        1 => holder: PartyId,
        /// Number of its key that signs.
        2 => key: u32,
        /// The deposit that it answers.
        3 => reservation: [u8; 16],
        /// For whom it keeps.
        4 => owner: PartyId,
        /// Entries and all their objects.
        5 => objects: Vec<ReceiptObject>,
        /// Since when.
        6 => at: Timestamp,
        /// Until when at least; none when until the owner says otherwise.
        7 => keep_until: Option<Timestamp>,
    }
}

wire_struct! {
    /// One object in a receipt.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReceiptObject {
        /// Of which entry.
        1 => entry: EntryId,
        /// Which object.
        2 => object: ObjectId,
        /// Bytes of its file.
        3 => length: u64,
    }
}

impl Statement for Receipt {
    const DOMAIN: &'static str = "chartmesh/1/receipt";
    const LIMIT: usize = limits::LIST_STATEMENT_BYTES_MAX;
}

wire_struct! {
    /// An entry that is kept for an owner.
    #[derive(Debug, Clone)]
    pub struct KeptRow {
        /// Who deposited it.
        1 => depositor: PartyId,
        /// Since when.
        2 => since: Timestamp,
        /// Bytes of its objects.
        3 => bytes: u64,
        /// The manifest's key, sealed to its author, for an institution's own backup.
        4 => author_wrap: Option<Wrap>,
    }
}

/// Whether a receipt says that `holder` keeps an entry for `owner`.
pub(crate) fn is_kept_at(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
    holder: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(ELSEWHERE, &key(owner, subject, entry, holder))?.is_some())
}

/// Takes one entry over from a receipt whose signature was checked.
pub(crate) fn learn(
    txn: &mut dyn Txn,
    receipt: &Receipt,
    (subject, entry): (PartyId, EntryId),
    depositor: PartyId,
) -> Handled<()> {
    let Some(row) = entries::entry(txn, subject, entry)? else { return Ok(()) };
    let manifest = holdings::small(txn, row.label.claims().manifest)?;
    if !covers(receipt, entry, &row, manifest.as_ref().map(|bytes| bytes.len() as u64)) {
        return refuse(Reason::NotWhole);
    }
    let bytes = receipt
        .objects
        .iter()
        .filter(|object| object.entry == entry)
        .fold(0, |sum: u64, object| sum.saturating_add(object.length));
    let kept = KeptRow { depositor, since: receipt.at, bytes, author_wrap: None };
    rows::put(txn, ELSEWHERE, &key(receipt.owner, subject, entry, receipt.holder), &kept)?;
    rows::mark(txn, HELD_AT, &held_at(receipt.owner, (subject, entry), receipt.holder))?;
    entries::learn_holder(txn, subject, entry, receipt.holder)?;
    Ok(())
}

/// Whether a receipt names every object of an entry with its length; the manifest's, where it is known.
fn covers(receipt: &Receipt, entry: EntryId, row: &EntryRow, manifest: Option<u64>) -> bool {
    let named = |object, length: Option<u64>| {
        receipt.objects.iter().any(|named| {
            named.entry == entry
                && named.object == object
                && length.is_none_or(|length| named.length == length)
        })
    };
    named(row.label.claims().manifest, manifest)
        && row.contents.iter().all(|content| named(content.object, Some(content.length)))
}

/// An entry is kept for an owner at a holder no more; who keeps it for nobody, does not hold it.
pub(crate) fn forget(
    txn: &mut dyn Txn,
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
    holder: PartyId,
) -> Handled<()> {
    txn.delete(ELSEWHERE, &key(owner, subject, entry, holder))?;
    txn.delete(HELD_AT, &held_at(owner, (subject, entry), holder))?;
    let others = [&entry.0[..], &holder.0, &subject.0].concat();
    if rows::scan::<Bytes>(txn, HELD_AT, &others, None, 1)?.is_empty() {
        entries::forget_holder(txn, subject, entry, holder)?;
    }
    Ok(())
}

/// The subjects of an entry that is kept for an owner at a holder.
pub(crate) fn subjects_at(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    entry: EntryId,
    holder: PartyId,
) -> Result<Vec<PartyId>, StoreError> {
    Ok(rows::all::<Bytes>(txn, HELD_AT, &[&entry.0[..], &holder.0].concat())?
        .into_iter()
        .filter(|(key, _)| key.ends_with(&owner.0))
        .filter_map(|(key, _)| key.get(48..80).and_then(PartyId::from_slice))
        .collect())
}

/// An entry was taken out of its record: nothing is expected of whoever keeps it.
pub(crate) fn forget_everywhere(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
) -> Handled<()> {
    for (key, _) in rows::all::<Bytes>(txn, HELD_AT, &entry.0)? {
        let id = |from: usize| PartyId::from_slice(key.get(from..from + PartyId::LEN)?);
        let (Some(holder), Some(of), Some(owner)) = (id(16), id(48), id(80)) else { continue };
        if of == subject {
            forget(txn, owner, (subject, entry), holder)?;
        }
    }
    Ok(())
}

/// An entry is kept at a holder no more, for whomever it was.
pub(crate) fn forget_at(txn: &mut dyn Txn, of: (PartyId, EntryId), holder: PartyId) -> Handled<()> {
    let kept = rows::pair(&of.1.0, &[holder.0, of.0.0].concat());
    for (key, _) in rows::all::<Bytes>(txn, HELD_AT, &kept)? {
        forget(txn, PartyId(rows::tail(HELD_AT, &key)?), of, holder)?;
    }
    Ok(())
}

/// What a holder's receipts since a time say that it keeps. Reads all receipts: for when it has lost what it knew.
pub(crate) fn since(
    txn: &(impl ReadTxn + ?Sized),
    holder: PartyId,
    since: Timestamp,
) -> Result<Vec<(PartyId, PartyId, EntryId)>, StoreError> {
    let all = rows::all::<KeptRow>(txn, ELSEWHERE, &[])?.into_iter();
    let lost = all.filter(|(key, row)| row.since >= since && key.ends_with(&holder.0));
    let id = |key: &[u8], from: usize| PartyId::from_slice(key.get(from..from + 32)?);
    Ok(lost
        .filter_map(|(key, _)| {
            Some((id(&key, 0)?, id(&key, 32)?, key.get(64..80).and_then(EntryId::from_slice)?))
        })
        .collect())
}

fn held_at(owner: PartyId, (subject, entry): (PartyId, EntryId), holder: PartyId) -> Vec<u8> {
    [&entry.0[..], &holder.0, &subject.0, &owner.0].concat()
}

fn key(owner: PartyId, subject: PartyId, entry: EntryId, holder: PartyId) -> Vec<u8> {
    [&owner.0[..], &subject.0, &entry.0, &holder.0].concat()
}

/// An entry that is kept elsewhere.
pub(crate) struct Elsewhere {
    /// For whom.
    pub(crate) owner: PartyId,
    /// Whose record.
    pub(crate) subject: PartyId,
    /// The entry.
    pub(crate) entry: EntryId,
    /// Where.
    pub(crate) holder: PartyId,
    /// What the receipt says.
    pub(crate) row: KeptRow,
}

/// What is kept elsewhere, as far as it is in a page.
pub(crate) fn elsewhere(reading: &mut Reading<'_>) -> Handled<Vec<Elsewhere>> {
    let found = reading.rows::<KeptRow>(ELSEWHERE, &[], 3 * PartyId::LEN + EntryId::LEN)?;
    let found = found.into_iter();
    Ok(found
        .filter_map(|(key, row)| {
            let id = |from: usize| PartyId::from_slice(key.get(from..from + 32)?);
            let entry = key.get(64..80).and_then(EntryId::from_slice)?;
            Some(Elsewhere { owner: id(0)?, subject: id(32)?, entry, holder: id(80)?, row })
        })
        .collect())
}
