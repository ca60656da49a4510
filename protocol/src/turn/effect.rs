//! What is to be done once a transaction is durable.

use super::Answer;
use crate::id::{NodeId, ObjectId, PartyId, TransferId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Who waits for an answer: a number the driver gives out and recognises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// Something to be done, after the transaction that says so is durable.
#[derive(Debug)]
pub enum Effect {
    /// Answer a front door.
    Answer {
        /// Who waits.
        request: RequestId,
        /// The answer.
        answer: Result<Answer, Refusal>,
    },
    /// Answer a node's `hello` or message.
    Reply {
        /// Who waits.
        request: RequestId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Something waits in the outbox for this institution; see [`crate::peer::Peer::next_delivery`].
    Deliver {
        /// The institution.
        to: PartyId,
    },
    /// Say `hello` to an institution's nodes, whatever was said before, and for a while again to those that do not
    /// answer: something is told by it.
    Greet {
        /// The institution.
        to: PartyId,
    },
    /// Let a node in beyond `hello`, or put it out with all its streams, once it has the answers that
    /// earlier effects gave it.
    Gate {
        /// The node.
        node: NodeId,
        /// In, as a node of this institution; or out.
        open_for: Option<PartyId>,
    },
    /// An object is to be pulled; see [`crate::peer::Peer::transfer`].
    Pull {
        /// Which.
        id: TransferId,
        /// From whom.
        from: PartyId,
    },
    /// Nobody wants this pull any more: it ends, wherever it stands.
    Stop {
        /// Which.
        id: TransferId,
    },
    /// Nothing holds this object any more: its bytes go.
    Drop {
        /// Which.
        object: ObjectId,
    },
    /// Call with [`crate::peer::Event::Tick`] at this time, if not earlier.
    WakeAt(Timestamp),
}
