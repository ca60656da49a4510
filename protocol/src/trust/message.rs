//! Messages between institutions, and their outcomes.
//!
//! Each pair of institutions has one stream of messages in each direction, numbered from 1 without
//! gaps and delivered one at a time. A message is kept by the sender until the receiver's outcome is
//! durable here; an outcome is kept by the receiver until the sender says that it is. So each message
//! is handled exactly once, whatever dies in between.

use crate::capability::Proof;
use crate::codec::{Bytes, wire_enum, wire_struct};
use crate::id::{NodeId, PartyId, StreamId};
use crate::limits;
use crate::refusal::Refusal;
use crate::statement::{Statement, Unverified};
use crate::time::Timestamp;

wire_struct! {
    /// Which message.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct MessageId {
        /// The sending institution.
        1 => sender: PartyId,
        /// Its stream to the receiver; a sender restored from a copy starts a new one.
        2 => stream: StreamId,
        /// Position in the stream, from 1.
        3 => number: u64,
    }
}

wire_struct! {
    /// A message, signed by a certified node of the sender when it is sent.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Envelope {
        /// Which message.
        1 => id: MessageId,
        /// The institution that is to handle it.
        2 => to: PartyId,
        /// When it was put into the outbox.
        3 => sent: Timestamp,
        /// Outcomes of this stream up to this number are durable at the sender.
        4 => acknowledged: u64,
        /// The sender's node.
        5 => node: NodeId,
        /// The receiver's nonce on this connection.
        6 => nonce: [u8; 16],
        /// The feature's message.
        7 => body: Bytes,
        /// For a message with a capability token: the proof of possession, over BLAKE3 of `body`.
        8 => proof: Option<Unverified<Proof>>,
    }
}

impl Statement for Envelope {
    const DOMAIN: &'static str = "chartmesh/1/message";
    const LIMIT: usize = limits::REQUEST_BYTES_MAX;
}

wire_struct! {
    /// What became of a message, signed by the receiver's node: the receipt.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Outcome {
        /// Of which message.
        1 => message: MessageId,
        /// The institution that handled it.
        2 => by: PartyId,
        /// BLAKE3 of the message's body, so that the outcome stands for nothing else.
        3 => body: [u8; 32],
        /// When it was durable.
        4 => at: Timestamp,
        /// What became of it.
        5 => result: OutcomeResult,
    }
}

impl Statement for Outcome {
    const DOMAIN: &'static str = "chartmesh/1/outcome";
    const LIMIT: usize = limits::RESPONSE_BYTES_MAX;
}

wire_enum! {
    /// What became of a message.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum OutcomeResult {
        /// Done; the feature's answer.
        1 => Done(Bytes),
        /// Refused, for good.
        2 => Refused(Refusal),
        /// Not the number that comes next, or another message under a number already used: the sender
        /// goes on in a new stream.
        3 => OutOfOrder(u64),
    }
}
