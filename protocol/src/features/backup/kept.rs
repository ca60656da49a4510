//! What is kept here for others, and elsewhere for us.

use super::view::KeptView;
use crate::codec::Bytes;
use crate::entries::Checked;
use crate::id::{EntryId, PartyId, TokenId};
use crate::members;
use crate::receipts::{Elsewhere, KeptRow, elsewhere};
use crate::refusal::Handled;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::turn::{Own, Page, Part};

/// Subject, entry, owner -> nothing: for whom an entry is kept.
const KEPT_BY: Table = Table::rows("backup_kept_by");
/// Owner, subject, entry -> [`KeptRow`], at the depositary.
const KEPT: Table = Table::rows("backup_kept");
/// Token -> bytes accounted under it.
const USED: Table = Table::rows("backup_used");

/// Whether an entry is kept here for an owner.
pub(super) fn is_kept(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
) -> Result<bool, StoreError> {
    Ok(txn.get(KEPT, &kept_key(owner, subject, entry))?.is_some())
}

/// Whether an entry is kept here for anybody.
pub(super) fn is_kept_for_anybody(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<bool, StoreError> {
    let key = rows::pair(&subject.0, &entry.0);
    Ok(!rows::scan::<Bytes>(txn, KEPT_BY, &key, None, 1)?.is_empty())
}

/// For whom an entry is kept here.
pub(super) fn owners_of(
    txn: &(impl ReadTxn + ?Sized),
    (subject, entry): (PartyId, EntryId),
) -> Result<Vec<PartyId>, StoreError> {
    let all = rows::all::<Bytes>(txn, KEPT_BY, &rows::pair(&subject.0, &entry.0))?.into_iter();
    all.map(|(key, _)| rows::tail(KEPT_BY, &key).map(PartyId)).collect()
}

/// Keeps an entry for an owner.
pub(super) fn put_kept(
    txn: &mut dyn Txn,
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
    row: &KeptRow,
) -> Result<(), StoreError> {
    rows::mark(txn, KEPT_BY, &[&subject.0[..], &entry.0, &owner.0].concat())?;
    rows::put(txn, KEPT, &kept_key(owner, subject, entry), row)
}

/// Stops keeping an entry for an owner; gives whether it was kept.
pub(super) fn delete_kept(
    txn: &mut dyn Txn,
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
) -> Result<bool, StoreError> {
    let key = kept_key(owner, subject, entry);
    let was_kept = txn.get(KEPT, &key)?.is_some();
    txn.delete(KEPT, &key)?;
    txn.delete(KEPT_BY, &[&subject.0[..], &entry.0, &owner.0].concat())?;
    Ok(was_kept)
}

/// Up to `limit` entries that are kept for `owner`, of one subject if one is given, after a position.
pub(super) fn kept_page(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    subject: Option<PartyId>,
    after: Option<(PartyId, EntryId)>,
    limit: usize,
) -> Result<Vec<(PartyId, EntryId, KeptRow)>, StoreError> {
    let prefix = match subject {
        Some(subject) => rows::pair(&owner.0, &subject.0),
        None => owner.0.to_vec(),
    };
    let after = after.map(|(subject, entry)| kept_key(owner, subject, entry));
    // What does not begin with the prefix would make a range that ends before it begins.
    let after = after.filter(|after| after.starts_with(&prefix));
    rows::scan::<KeptRow>(txn, KEPT, &prefix, after.as_deref(), limit)?
        .into_iter()
        .map(|(key, row)| {
            let subject = key.get(32..64).and_then(PartyId::from_slice).unwrap_or(owner);
            Ok((subject, EntryId(rows::tail(KEPT, &key)?), row))
        })
        .collect()
}

/// Bytes accounted under a token.
pub(super) fn used(txn: &(impl ReadTxn + ?Sized), token: TokenId) -> Result<u64, StoreError> {
    Ok(rows::get(txn, USED, &token.0)?.unwrap_or(0))
}

/// Accounts bytes under a token, or gives them back.
pub(super) fn account(txn: &mut dyn Txn, token: TokenId, bytes: i64) -> Result<(), StoreError> {
    match used(txn, token)?.saturating_add_signed(bytes) {
        0 => txn.delete(USED, &token.0),
        sum => rows::put(txn, USED, &token.0, &sum),
    }
}

fn kept_key(owner: PartyId, subject: PartyId, entry: EntryId) -> Vec<u8> {
    [&owner.0[..], &subject.0, &entry.0].concat()
}

/// A page of what is kept here for others, then of what is elsewhere for us.
pub(crate) fn kept(
    own: &Own,
    txn: &dyn ReadTxn,
    patient: Option<PartyId>,
    part: &Part,
) -> Handled<Page<KeptView>> {
    let mut reading = part.read(txn)?;
    let mut found = Vec::new();
    let key_bytes = 2 * PartyId::LEN + EntryId::LEN;
    for (key, row) in reading.rows::<KeptRow>(KEPT, &[], key_bytes)? {
        let id = |from: usize| PartyId::from_slice(key.get(from..from + 32).unwrap_or_default());
        let (Some(owner), Some(subject)) = (id(0), id(32)) else { continue };
        let Some(entry) = key.get(64..80).and_then(EntryId::from_slice) else { continue };
        found.push(Elsewhere { owner, subject, entry, holder: own.party(), row });
    }
    found.extend(elsewhere(&mut reading)?);
    reading.end(found)?.show(|kept| {
        if patient.is_some_and(|patient| patient != kept.subject) {
            return Ok(None);
        }
        Ok(Some(KeptView {
            owner: kept.owner,
            owner_name: members::name(txn, kept.owner)?,
            subject: kept.subject,
            entry: kept.entry,
            holder: kept.holder,
            holder_name: members::name(txn, kept.holder)?,
            depositor: kept.row.depositor,
            since: kept.row.since,
            sealed_bytes: kept.row.bytes,
        }))
    })
}

/// Bytes of an entry's objects.
pub(super) fn bytes_of(checked: &Checked) -> u64 {
    // Lengths are only told so far; a sum that does not fit is more than any quota.
    checked
        .contents
        .iter()
        .fold(checked.manifest.len() as u64, |sum, content| sum.saturating_add(content.length))
}

/// The subjects of entries that are kept for an owner.
pub(super) fn subjects_of(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
) -> Result<std::collections::BTreeMap<EntryId, PartyId>, StoreError> {
    Ok(rows::all::<KeptRow>(txn, KEPT, &owner.0)?
        .iter()
        .filter_map(|(key, _)| {
            let subject = key.get(32..64).and_then(PartyId::from_slice)?;
            Some((key.get(64..80).and_then(EntryId::from_slice)?, subject))
        })
        .collect())
}
