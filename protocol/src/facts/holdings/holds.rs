//! Who needs which object: this owner's entry that one.

use crate::id::{EntryId, ObjectId, PartyId};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};

/// Object, owner, entry -> length.
const HOLDS: Table = Table::rows("object_hold");

fn hold_key(object: ObjectId, owner: PartyId, entry: EntryId) -> Vec<u8> {
    [&object.0[..], &owner.0, &entry.0].concat()
}

/// Notes that `owner`'s `entry` needs `object`.
pub(crate) fn hold(
    txn: &mut dyn Txn,
    object: ObjectId,
    owner: PartyId,
    entry: EntryId,
    length: u64,
) -> Result<(), StoreError> {
    rows::put(txn, HOLDS, &hold_key(object, owner, entry), &length)
}

/// Takes one hold away.
pub(super) fn let_go(
    txn: &mut dyn Txn,
    object: ObjectId,
    owner: PartyId,
    entry: EntryId,
) -> Result<(), StoreError> {
    txn.delete(HOLDS, &hold_key(object, owner, entry))
}

/// Whether `owner` has a hold on `object`.
pub(super) fn held_for(
    txn: &(impl ReadTxn + ?Sized),
    object: ObjectId,
    owner: PartyId,
) -> Result<bool, StoreError> {
    let key = rows::pair(&object.0, &owner.0);
    Ok(!rows::scan::<u64>(txn, HOLDS, &key, None, 1)?.is_empty())
}

/// Whether anything holds `object`, here or lost.
pub(crate) fn held(txn: &(impl ReadTxn + ?Sized), object: ObjectId) -> Result<bool, StoreError> {
    Ok(!rows::scan::<u64>(txn, HOLDS, &object.0, None, 1)?.is_empty())
}

/// The owners and entries that hold `object`.
pub(crate) fn holders(
    txn: &(impl ReadTxn + ?Sized),
    object: ObjectId,
) -> Result<Vec<(PartyId, EntryId)>, StoreError> {
    rows::all::<u64>(txn, HOLDS, &object.0)?
        .into_iter()
        .map(|(key, _)| {
            let owner = key.get(32..64).and_then(PartyId::from_slice).unwrap_or(PartyId([0; 32]));
            Ok((owner, EntryId(rows::tail(HOLDS, &key)?)))
        })
        .collect()
}

/// Up to `limit` objects that are held for anybody, in order, after one, with their lengths.
pub(crate) fn held_after(
    txn: &(impl ReadTxn + ?Sized),
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<(ObjectId, u64)>, StoreError> {
    const PAGE: usize = 256;
    let mut found: Vec<(ObjectId, u64)> = Vec::new();
    let mut last = after;
    while found.len() < limit {
        // An object may have many holds: the next key is the first of another object.
        let after = last.map(|object| [&object.0[..], &[0xff; 49]].concat());
        let page = rows::scan::<u64>(txn, HOLDS, &[], after.as_deref(), PAGE)?;
        let Some((end, _)) = page.last() else { break };
        last = end.get(..32).and_then(ObjectId::from_slice);
        for (key, length) in page {
            let Some(object) = key.get(..32).and_then(ObjectId::from_slice) else { continue };
            if found.last().is_none_or(|(before, _)| *before != object) {
                found.push((object, length));
            }
        }
    }
    found.truncate(limit);
    Ok(found)
}
