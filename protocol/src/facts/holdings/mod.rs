//! Which sealed objects are kept here, for whom, and who may pull them.
//!
//! A hold says: this owner's entry needs this object. Bytes go with the last hold. Small objects
//! stand in the store itself; large ones in the node's object folder, written and synced before the
//! row that names them commits. What a disk lost afterwards is marked, see [`mod@lost`].

mod holds;
mod lost;
mod query;
mod reasons;
mod ticket;

use crate::codec::{Bytes, Wire, wire_struct};
use crate::id::{EntryId, ObjectId, PartyId, TicketId, TransferId};
use crate::limits;
use crate::refusal::{Handled, Refusal, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::turn::{Context, Effect, Notice, Page, Part, TransferResult};
pub use crate::turn::{PullFor, Transfer, TransferFor};

pub(crate) use holds::{held, held_after, hold, holders};
use holds::{held_for, let_go};
pub use lost::{HeldObject, Lost};
pub(crate) use lost::{lost, note_here, note_lost};
pub use query::{TransferView, Transfers};
pub use reasons::NotSent;
pub(crate) use reasons::Reason;
pub(crate) use ticket::{issue_ticket, may_pull, tick};

/// Object -> bytes.
const SMALL: Table = Table::bodies("object_small");
/// Transfer -> [`Transfer`].
const TRANSFERS: Table = Table::rows("transfer");

wire_struct! {
    /// One content object of an entry, as a holder without keys sees it: which, and how many bytes its file
    /// has.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ContentRef {
        /// The sealed object.
        1 => object: ObjectId,
        /// Bytes of its file.
        2 => length: u64,
    }
}

/// Puts a small object into the store.
pub(crate) fn put_small(txn: &mut dyn Txn, bytes: &[u8]) -> Handled<ObjectId> {
    if bytes.len() > limits::SMALL_OBJECT_BYTES_MAX {
        return refuse(Reason::TooLarge);
    }
    let id = ObjectId(blake3::hash(bytes).into());
    rows::put(txn, SMALL, &id.0, &Bytes(bytes.to_vec()))?;
    Ok(id)
}

/// A small object's bytes.
pub(crate) fn small(
    txn: &(impl ReadTxn + ?Sized),
    object: ObjectId,
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(rows::get::<Bytes>(txn, SMALL, &object.0)?.map(|bytes| bytes.0))
}

/// Whether `object` is here for `owner`, who has a hold on it. Only owners are told that something is
/// here already.
pub(crate) fn here_for(
    txn: &(impl ReadTxn + ?Sized),
    object: ObjectId,
    owner: PartyId,
) -> Result<bool, StoreError> {
    Ok(held_for(txn, object, owner)? && lost(txn, object)?.is_none())
}

/// Whether `object` is here for anybody.
pub(crate) fn here(txn: &(impl ReadTxn + ?Sized), object: ObjectId) -> Result<bool, StoreError> {
    Ok(held(txn, object)? && lost(txn, object)?.is_none())
}

/// Takes one hold away; the bytes go when it was the last.
pub(crate) fn release(
    ctx: &mut Context<'_>,
    object: ObjectId,
    owner: PartyId,
    entry: EntryId,
) -> Handled<()> {
    let_go(ctx.txn, object, owner, entry)?;
    if !held(ctx.txn, object)? {
        ctx.txn.delete(SMALL, &object.0)?;
        note_here(ctx.txn, object)?;
        ctx.effects.push(Effect::Drop { object });
    }
    Ok(())
}

/// Starts pulling an object.
pub(crate) fn start_pull(ctx: &mut Context<'_>, transfer: &Transfer) -> Handled<TransferId> {
    let id = TransferId(ctx.random());
    rows::put(ctx.txn, TRANSFERS, &id.0, transfer)?;
    ctx.effects.push(Effect::Pull { id, from: transfer.from });
    Ok(id)
}

/// Starts pulling those of `contents` that are not here for the same owner, or were lost; takes the
/// rest over. Gives
/// how many are on their way.
pub(crate) fn pull_missing(
    ctx: &mut Context<'_>,
    contents: &[ContentRef],
    from: PartyId,
    ticket: TicketId,
    purpose: &TransferFor,
) -> Handled<u64> {
    let (TransferFor::Deposit(pull) | TransferFor::Read(pull) | TransferFor::Restore(pull)) =
        purpose;
    let mut missing = 0;
    for &ContentRef { object, length } in contents {
        // What is here for another owner is not mentioned to this one: it is pulled again.
        if here_for(ctx.txn, object, pull.owner)? {
            hold(ctx.txn, object, pull.owner, pull.entry, length)?;
            continue;
        }
        let transfer = Transfer { from, ticket, object, length, purpose: purpose.clone() };
        start_pull(ctx, &transfer)?;
        missing += 1;
    }
    Ok(missing)
}

/// A transfer that has not ended.
pub(crate) fn transfer(
    txn: &(impl ReadTxn + ?Sized),
    id: TransferId,
) -> Result<Option<Transfer>, StoreError> {
    rows::get(txn, TRANSFERS, &id.0)
}

/// All transfers that have not ended.
pub(crate) fn transfers(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(TransferId, Transfer)>, StoreError> {
    rows::all::<Transfer>(txn, TRANSFERS, &[])?
        .into_iter()
        .map(|(key, row)| Ok((TransferId(rows::tail(TRANSFERS, &key)?), row)))
        .collect()
}

/// A page of all transfers.
fn transfers_page(txn: &dyn ReadTxn, part: &Part) -> Handled<Page<(TransferId, Transfer)>> {
    let page = part.rows(txn, TRANSFERS, &[], TransferId::LEN)?;
    page.show(|(key, row)| Ok(Some((TransferId(rows::tail(TRANSFERS, &key)?), row))))
}

/// A pull ended: tells the feature that wanted it.
pub(crate) fn ended(ctx: &mut Context<'_>, id: TransferId, result: TransferResult) -> Handled<()> {
    let Some(transfer) = transfer(ctx.txn, id)? else { return Ok(()) };
    ctx.txn.delete(TRANSFERS, &id.0)?;
    let result = match result {
        TransferResult::Finished { small: Some(bytes) }
            if bytes.len() as u64 != transfer.length =>
        {
            // Quotas count the lengths that labels tell, so these must be true.
            Err(Refusal::from(Reason::OtherLength))
        }
        TransferResult::Finished { small: Some(bytes) } => {
            if put_small(ctx.txn, &bytes)? != transfer.object {
                return refuse(Reason::AnotherObject);
            }
            Ok(())
        }
        TransferResult::Finished { small: None } => Ok(()),
        TransferResult::Refused { refusal } => Err(refusal),
    };
    if result.is_ok() {
        note_here(ctx.txn, transfer.object)?;
    }
    ctx.notify(Notice::Pulled { transfer, result });
    Ok(())
}

/// Forgets a pull that nobody makes anything of.
pub(crate) fn give_up(ctx: &mut Context<'_>, id: TransferId) -> Handled<()> {
    ctx.txn.delete(TRANSFERS, &id.0)?;
    Ok(())
}

/// Ends all pulls of one purpose, for instance when a deposit's place expires. Gives how many there were.
pub(crate) fn cancel(ctx: &mut Context<'_>, purpose: &TransferFor) -> Handled<u64> {
    let mut ended = 0;
    for (id, transfer) in transfers(ctx.txn)? {
        if transfer.purpose == *purpose {
            ctx.txn.delete(TRANSFERS, &id.0)?;
            ctx.effects.push(Effect::Stop { id });
            ended += 1;
        }
    }
    Ok(ended)
}

/// The hash that a label carries of its entry's content objects.
#[must_use]
pub fn contents_hash(contents: &Vec<ContentRef>) -> [u8; 32] {
    blake3::hash(&contents.to_bytes()).into()
}
