//! What was to be kept elsewhere and is not: each entry with the depositary's reason, until a receipt says otherwise or
//! the operator has seen enough of it.

use super::reasons::Reason;
use super::view::UnkeptView;
use crate::codec::wire_struct;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::members;
use crate::receipts;
use crate::refusal::{Handled, Refusal};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Context, Page, Part};

/// Holder, owner, subject, entry -> [`UnkeptRow`], at the depositor.
const UNKEPT: Table = Table::rows("backup_unkept");

wire_struct! {
    /// An entry that a depositary did not take, or gave up.
    #[derive(Debug, Clone)]
    pub struct UnkeptRow {
        /// Why.
        1 => refusal: Refusal,
        /// When we heard.
        2 => at: Timestamp,
    }
}

fn key((owner, subject, entry): (PartyId, PartyId, EntryId), holder: PartyId) -> Vec<u8> {
    [&holder.0[..], &owner.0, &subject.0, &entry.0].concat()
}

/// An entry is not kept for an owner at a holder.
pub(super) fn note(
    ctx: &mut Context<'_>,
    of: (PartyId, PartyId, EntryId),
    holder: PartyId,
    refusal: &Refusal,
) -> Result<(), StoreError> {
    let row = UnkeptRow { refusal: refusal.clone(), at: ctx.now };
    rows::put(ctx.txn, UNKEPT, &key(of, holder), &row)
}

/// A holder was put back from an older copy, as it says: what its receipts since then say is doubtful until it gives new ones.
/// The receipts stay: they are evidence, and it may have been told wrongly. [MSG-10]
pub(crate) fn put_back(ctx: &mut Context<'_>, holder: PartyId, since: Timestamp) -> Handled<()> {
    let refusal = Refusal::from(Reason::HolderPutBack);
    for (owner, subject, entry) in receipts::since(ctx.txn, holder, since)? {
        note(ctx, (owner, subject, entry), holder, &refusal)?;
    }
    Ok(())
}

/// It is kept, after all.
pub(super) fn forget(
    txn: &mut dyn Txn,
    of: (PartyId, PartyId, EntryId),
    holder: PartyId,
) -> Result<(), StoreError> {
    txn.delete(UNKEPT, &key(of, holder))
}

/// Up to [`limits::LISTED_MAX`] of a holder's are seen, and no more of interest; gives how many there were.
pub(super) fn dismiss(txn: &mut dyn Txn, holder: PartyId) -> Result<usize, StoreError> {
    let seen = rows::scan::<UnkeptRow>(txn, UNKEPT, &holder.0, None, limits::LISTED_MAX)?;
    for (key, _) in &seen {
        txn.delete(UNKEPT, key)?;
    }
    Ok(seen.len())
}

/// How many there are; [`limits::LISTED_MAX`] stands for more.
pub(crate) fn unkept(txn: &dyn ReadTxn) -> Result<usize, StoreError> {
    Ok(txn.page(UNKEPT, &[], &[], limits::LISTED_MAX)?.len())
}

/// A page of them.
pub(super) fn page(txn: &dyn ReadTxn, part: &Part) -> Handled<Page<UnkeptView>> {
    let rows = part.rows::<UnkeptRow>(txn, UNKEPT, &[], 3 * PartyId::LEN + EntryId::LEN)?;
    rows.show(|(key, UnkeptRow { refusal, at })| {
        let id = |from: usize| PartyId::from_slice(key.get(from..from + 32).unwrap_or_default());
        let (Some(holder), Some(owner), Some(subject)) = (id(0), id(32), id(64)) else {
            return Ok(None);
        };
        let entry = EntryId(rows::tail(UNKEPT, &key)?);
        let holder_name = members::name(txn, holder)?;
        Ok(Some(UnkeptView { holder, holder_name, owner, subject, entry, at, refusal }))
    })
}
