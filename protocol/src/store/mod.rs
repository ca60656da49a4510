//! What the protocol asks of storage: plain ordered keys in named tables.
//!
//! A table says what shape its rows have ([`Shape`]): what is small and changes, what carries bulk, what is
//! only there or not. What lies below, and where it puts which, is the backend's affair; a map in memory
//! treats all alike.
//!
//! Implementations: redb in the node, a map with crash points in `scenarios`. Both are
//! synchronous and object-safe, so that the same compiled protocol runs on either.

use crate::reason::reasons;

pub(crate) mod clock;
#[cfg(test)]
mod counting;
mod memory;
mod overlay;
pub(crate) mod rows;
mod txn;

#[cfg(test)]
pub(crate) use counting::Counting;
pub use memory::{Interner, Memory, TableSize};
pub use overlay::{Changes, Overlay, Rows, merge};
pub use txn::{ReadTxn, Row, Shape, StoreError, Table, Txn, prefix_end};

reasons! {
    /// Why nothing is kept.
    pub(crate) enum Reason: 17 "store" {
        1 => TooLarge: LimitReached
            "this is more than can be kept in one piece; say it more briefly, or in parts",
        2 => DiskLow: LimitReached
            "the disk there is almost full: nothing more is taken in until its operator has made room; what is there can be read and deleted",
    }
}
