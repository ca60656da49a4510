//! What this node undertook to keep and has no more, because a disk lost or damaged it.
//!
//! The holds say what ought to be here; what is here, only the object folder knows. The node compares
//! the two when it starts and whenever somebody asks, and tells the difference. What is lost is not
//! served, no entry that needs it is whole, no receipt names it, and the next pull fetches it again.

use super::holds::held;
use crate::codec::wire_struct;
use crate::id::ObjectId;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;

/// Object -> [`LostRow`].
const LOST: Table = Table::rows("object_lost");

wire_struct! {
    /// An object that is held and not here.
    #[derive(Debug, Clone)]
    pub struct LostRow {
        /// When it was noticed.
        1 => noticed: Timestamp,
        /// It was there and not what it should be; otherwise it was not there.
        2 => damaged: bool,
    }
}

/// What the node found of an object that ought to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The object.
    pub object: ObjectId,
    /// It is there and not what it should be; otherwise it is not there.
    pub damaged: bool,
}

/// An object that ought to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldObject {
    /// The object.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
    /// How it was lost, if that was noticed before.
    pub lost: Option<Lost>,
}

/// How an object was lost, if it was.
pub(crate) fn lost(
    txn: &(impl ReadTxn + ?Sized),
    object: ObjectId,
) -> Result<Option<Lost>, StoreError> {
    let row = rows::get::<LostRow>(txn, LOST, &object.0)?;
    Ok(row.map(|row| Lost { object, damaged: row.damaged }))
}

/// Notes that an object is not here; `false` when nothing needs it.
pub(crate) fn note_lost(txn: &mut dyn Txn, now: Timestamp, lost: Lost) -> Result<bool, StoreError> {
    if !held(txn, lost.object)? {
        return Ok(false);
    }
    let row = LostRow { noticed: now, damaged: lost.damaged };
    rows::put(txn, LOST, &lost.object.0, &row)?;
    Ok(true)
}

/// Notes that an object is here, again or for good.
pub(crate) fn note_here(txn: &mut dyn Txn, object: ObjectId) -> Result<(), StoreError> {
    txn.delete(LOST, &object.0)
}
