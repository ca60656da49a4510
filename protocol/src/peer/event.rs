//! What comes in, and what goes out.

use super::{CheckedHello, CheckedMessage, CheckedWelcome, Command, View};
use crate::crypto::SigningKey;
use crate::id::{NodeId, ObjectId, PartyId, TransferId};
use crate::identity::RecordsRoot;
use crate::objects::Lost;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Who waits for an answer: a number the driver gives out and recognises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// The value that a connection's verifier chose; proofs made for it hold on this connection only.
pub type Nonce = [u8; 16];

/// Something that happened.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "stand-ins"),
    expect(
        clippy::large_enum_variant,
        reason = "only `Command` is large, for a patient's keys, which a box would spread over the heap"
    )
)]
pub enum Event {
    /// A front door asks. `keys` are the patient's, when the driver has them unlocked.
    Command {
        /// Whom to answer.
        request: RequestId,
        /// What is asked.
        command: Box<Command>,
        /// The unlocked keys of the patient that the command concerns.
        keys: Option<PatientKeys>,
    },
    /// A node says `hello` and waits for ours.
    Hello {
        /// Whom to answer, with [`Effect::Reply`].
        request: RequestId,
        /// The node, as the transport authenticated it.
        node: NodeId,
        /// Our nonce for this connection, to be told to the node.
        nonce: Nonce,
        /// Where we listen, to be told to the node.
        addresses: Vec<String>,
        /// What it said.
        hello: Box<CheckedHello>,
    },
    /// A node answered our `hello`.
    Welcome {
        /// The node, as the transport authenticated it.
        node: NodeId,
        /// What it said.
        welcome: Box<CheckedWelcome>,
    },
    /// A node whose gate is open sent a message and waits for its outcome.
    Message {
        /// Whom to answer, with [`Effect::Reply`].
        request: RequestId,
        /// The node, as the transport authenticated it.
        node: NodeId,
        /// Our nonce on this connection: what a proof must name.
        nonce: Nonce,
        /// The message.
        message: Box<CheckedMessage>,
    },
    /// What became of trying to deliver message `number` to `to`.
    Delivery {
        /// The institution.
        to: PartyId,
        /// The message's number.
        number: u64,
        /// The far side's response, or how it failed.
        result: Result<Vec<u8>, DeliveryFailure>,
    },
    /// A pull ended.
    Transfer {
        /// Which.
        id: TransferId,
        /// How.
        result: TransferResult,
    },
    /// The node compared what [`super::Peer::stock`] says ought to be here with its object folder.
    Stock {
        /// Not here, or not what it should be.
        lost: Vec<Lost>,
        /// Noted as lost, and here after all.
        found: Vec<ObjectId>,
    },
    /// Time passed: a time that [`Effect::WakeAt`] named has come, or the driver thinks so.
    Tick,
}

/// Why a message got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryFailure {
    /// It was never sent: no address, no connection.
    NeverSent,
    /// It may have been processed: the connection broke while we waited.
    OutcomeUnknown,
    /// The far side does not open its gate to us.
    GateClosed,
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

/// Something to be done, after the transaction that says so is durable.
#[derive(Debug)]
pub enum Effect {
    /// Answer a front door.
    Answer {
        /// Who waits.
        request: RequestId,
        /// The answer.
        answer: Result<Box<View>, Refusal>,
    },
    /// Answer a node's `hello` or message.
    Reply {
        /// Who waits.
        request: RequestId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Something waits in the outbox for this institution; see [`super::Peer::next_delivery`].
    Deliver {
        /// The institution.
        to: PartyId,
    },
    /// Say `hello` to an institution's nodes, once, if they can be reached.
    Greet {
        /// The institution.
        to: PartyId,
    },
    /// Let a node in beyond `hello`, or put it out with all its streams, once it has the answers that
    /// earlier effects gave it.
    Gate {
        /// The node.
        node: NodeId,
        /// In or out.
        open: bool,
    },
    /// An object is to be pulled; see [`super::Peer::transfer`].
    Pull {
        /// Which.
        id: TransferId,
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
    /// Call with [`Event::Tick`] at this time, if not earlier.
    WakeAt(Timestamp),
}

/// A patient's keys while unlocked. They wipe themselves; they print nothing.
#[derive(Clone, Debug)]
pub struct PatientKeys {
    /// Whose.
    pub patient: PartyId,
    /// Number of the current signing key.
    pub number: u32,
    /// The current signing key.
    pub signing: SigningKey,
    /// The records roots of all generations, oldest first: what is sealed to an old one stays
    /// readable.
    pub records: Vec<RecordsRoot>,
}
