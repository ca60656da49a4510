//! What is to happen.

use crate::stage::Flow;
use chartmesh_protocol::agenda::Retry;
use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::{ObjectId, PartyId, TransferId};
use chartmesh_protocol::peer::{CheckedMessage, DeliveryFailure, Effect};
use chartmesh_protocol::refusal::Refusal;

/// What is to happen.
pub(crate) enum Task {
    /// A peer wants to be called.
    Tick {
        at: u32,
        epoch: u32,
    },
    /// A commit is durable: its effects, and what follows.
    Durable {
        at: u32,
        epoch: u32,
        effects: Vec<Effect>,
        then: Then,
    },
    /// A connection stands.
    Greeting {
        from: u32,
        epoch: u32,
        target: u32,
    },
    /// A greeting came to nothing.
    NotGreeted {
        from: u32,
        epoch: u32,
        target: u32,
    },
    HelloArrives {
        from: u32,
        epoch: u32,
        target: u32,
        target_epoch: u32,
        bytes: Vec<u8>,
    },
    WelcomeArrives {
        from: u32,
        epoch: u32,
        target: u32,
        bytes: Vec<u8>,
    },
    MessageArrives {
        flow: Flow,
        message: Result<Box<CheckedMessage>, DecodeError>,
        first: bool,
    },
    OutcomeArrives {
        flow: Flow,
        bytes: Vec<u8>,
    },
    /// A sender gives up waiting for an outcome.
    Unknown(Flow),
    /// A wait is over.
    Retry {
        at: u32,
        epoch: u32,
        retry: Retry,
    },
    PullAsked {
        at: u32,
        epoch: u32,
        holder: u32,
        holder_epoch: u32,
        id: TransferId,
    },
    PullBroke {
        at: u32,
        epoch: u32,
        id: TransferId,
    },
    PullArrives {
        at: u32,
        epoch: u32,
        holder: u32,
        id: TransferId,
        object: ObjectId,
        served_us: u64,
        answer: Result<Vec<u8>, Refusal>,
    },
    /// A machine that comes and goes is switched.
    Switch {
        at: u32,
        on: bool,
    },
    /// An event of the scenario begins, or ends.
    Happen {
        event: usize,
        begins: bool,
    },
    /// A party turns dishonest.
    Turn(usize),
    /// Somebody does something.
    People(u64),
    /// A step of the time series is over.
    Step,
}

/// What follows once a commit is durable.
pub(crate) enum Then {
    Nothing,
    /// The answer to our `hello` was taken in.
    Greeted(u32, Result<(), DeliveryFailure>),
    /// What became of a message was taken in.
    Delivered(PartyId),
    /// A message was handled.
    Received(Flow),
}
