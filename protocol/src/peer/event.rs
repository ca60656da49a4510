//! What comes in.

use super::features::Command;
use super::hello::{CheckedHello, CheckedWelcome};
use super::message::CheckedMessage;
use crate::Reach;
use crate::holdings::Lost;
use crate::id::{NodeId, ObjectId, PartyId, TransferId};
use crate::identity::PatientKeys;
use crate::turn::{Nonce, RequestId, TransferResult};

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
        /// Whom to answer, with [`crate::turn::Effect::Reply`].
        request: RequestId,
        /// The node, as the transport authenticated it.
        node: NodeId,
        /// Our nonce for this connection, to be told to the node.
        nonce: Nonce,
        /// Where we listen, to be told to the node.
        addresses: Vec<String>,
        /// How far inside the node stands.
        from: Reach,
        /// What it said.
        hello: Box<CheckedHello>,
    },
    /// A node answered our `hello`.
    Welcome {
        /// The node, as the transport authenticated it.
        node: NodeId,
        /// How far inside the node stands.
        from: Reach,
        /// What it said.
        welcome: Box<CheckedWelcome>,
    },
    /// A node whose gate is open sent a message and waits for its outcome.
    Message {
        /// Whom to answer, with [`crate::turn::Effect::Reply`].
        request: RequestId,
        /// The node, as the transport authenticated it.
        node: NodeId,
        /// Our nonce on this connection: what a proof must name.
        nonce: Nonce,
        /// How far inside the node stands.
        from: Reach,
        /// The message.
        message: Box<CheckedMessage>,
    },
    /// What became of trying to deliver message `number` to `to`.
    Delivery {
        /// The institution.
        to: PartyId,
        /// The message's number.
        number: u64,
        /// How far inside the node that answered stands.
        from: Reach,
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
    /// The node compared what [`super::Peer::held_objects`] says ought to be here with its object folder.
    Checked {
        /// Not here, or not what it should be.
        lost: Vec<Lost>,
        /// Noted as lost, and here after all.
        found: Vec<ObjectId>,
    },
    /// Time passed: a time that [`crate::turn::Effect::WakeAt`] named has come, or the driver thinks so.
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
