//! An object on its way here, and for whom.

use crate::codec::{wire_enum, wire_struct};
use crate::id::{EntryId, ObjectId, PartyId, TicketId};
use crate::refusal::Refusal;

wire_enum! {
    /// What a pulled object is for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum TransferFor {
        /// A deposit that is being taken in.
        1 => Deposit(PullFor),
        /// A read of another's record.
        2 => Read(PullFor),
        /// A restore of our own.
        3 => Restore(PullFor),
    }
}

wire_struct! {
    /// Which entry a pulled object belongs to.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PullFor {
        /// The deposit, request or restore.
        1 => id: [u8; 16],
        /// For whom the object will be held.
        2 => owner: PartyId,
        /// Whose record.
        3 => subject: PartyId,
        /// The entry.
        4 => entry: EntryId,
    }
}

wire_struct! {
    /// An object on its way here.
    #[derive(Debug, Clone)]
    pub struct Transfer {
        /// The institution that has it.
        1 => from: PartyId,
        /// The ticket to show.
        2 => ticket: TicketId,
        /// The object.
        3 => object: ObjectId,
        /// Bytes of its file.
        4 => length: u64,
        /// What for.
        5 => purpose: TransferFor,
    }
}

/// How a pull ended.
#[derive(Debug)]
pub enum TransferResult {
    /// The object is whole, verified and synced. A small one comes with its bytes; a large one is in
    /// the object folder.
    Finished {
        /// The bytes of an object of at most `SMALL_OBJECT_BYTES_MAX`.
        small: Option<Vec<u8>>,
    },
    /// The holder refused; trying again is of no use.
    Refused {
        /// Its reason.
        refusal: Refusal,
    },
}
