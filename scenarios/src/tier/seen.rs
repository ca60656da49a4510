//! What is to be seen from outside the peers: measures and checkers look on, and change nothing.

use chartmesh_protocol::consent::Message as Consent;
use chartmesh_protocol::id::{ConsentId, ObjectId, PartyId, StreamId, TokenId};
use chartmesh_protocol::message::{MessageId, OutcomeResult};
use chartmesh_protocol::peer::{Answer, Body, CheckedMessage, Command};
use chartmesh_protocol::record::Bundle;
use chartmesh_protocol::refusal::Refusal;

/// Something that happened.
pub enum Seen<'a> {
    /// A front door was asked.
    Asked {
        /// Where.
        party: u32,
        /// The number that the answer bears.
        request: u64,
        /// For what.
        command: &'a Command,
    },
    /// A front door answered, and what it did is durable.
    Answered {
        /// Where.
        party: u32,
        /// The number of what was asked.
        request: u64,
        /// What was asked, such as `consent.revoke`.
        name: &'static str,
        /// The answer.
        answer: &'a Result<Answer, Refusal>,
    },
    /// A patient took permissions back, and that is durable at the relay.
    Revoked {
        /// Whose.
        patient: PartyId,
        /// Which.
        tokens: &'a [TokenId],
    },
    /// A message left.
    Sent {
        /// From where.
        from: u32,
        /// Where to.
        to: u32,
        /// What.
        message: &'a CheckedMessage,
        /// Its bytes.
        bytes: u64,
    },
    /// A message was handled; what it did is not durable yet.
    Handled {
        /// From where.
        from: u32,
        /// Where.
        at: u32,
        /// Which.
        message: MessageId,
        /// What it said.
        body: &'a Body,
        /// What became of it.
        outcome: Option<&'a OutcomeResult>,
    },
    /// What became of a message is known to its sender, or that nobody knows.
    Concluded {
        /// The sender.
        from: u32,
        /// Which; `None` when it was never sent.
        message: Option<MessageId>,
        /// The message's name.
        name: &'static str,
        /// When it was put into the outbox, by the sender's clock.
        since_ms: u64,
        /// What became of it.
        outcome: Option<&'a OutcomeResult>,
        /// The request for consent that it was about.
        request: Option<ConsentId>,
    },
    /// An object arrived, or not.
    Pulled {
        /// Where.
        at: u32,
        /// From where.
        from: u32,
        /// Which.
        object: ObjectId,
        /// When the other gave it.
        served_us: u64,
        /// `done`, `refused` or `damaged`.
        end: &'static str,
    },
    /// What became of something that a dishonest machine made up and nobody honest is to take.
    Deceived {
        /// Who made it up.
        by: u32,
        /// Who was to take it.
        at: u32,
        /// The message's name.
        name: &'static str,
        /// `done` when it was taken.
        end: &'static str,
    },
    /// A machine crashed: commits that were not durable are gone.
    Crashed {
        /// Which.
        party: u32,
    },
    /// A machine and its disk are gone.
    Destroyed {
        /// Which.
        party: u32,
    },
    /// An event of the scenario began or ended.
    Happened {
        /// Its number in the scenario.
        event: usize,
        /// Whether it began.
        begins: bool,
    },
    /// A step of the time series is over.
    Step,
}

/// Whether watchers want to see what became of such a message where it was handled.
pub const fn matters(body: &Body) -> bool {
    matches!(
        body,
        Body::Consent(
            Consent::Ask(_) | Consent::Permission(_) | Consent::PassedOn(_) | Consent::Read(_)
        ) | Body::Custody(_)
            | Body::Backup(_)
            | Body::Enrolment(_)
    )
}

/// The first bytes of the id of the patient that a message concerns; 0 when none is.
pub fn patient_of(body: &Body) -> u64 {
    body.patient().map_or(0, short)
}

/// The request for consent that a message is about.
pub fn request_of(body: &Body) -> Option<ConsentId> {
    body.request()
}

/// The first bytes of a party's id.
pub fn short(party: PartyId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = party.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What traces follow a message by: the first bytes of its stream's id, and its number.
#[must_use]
pub fn message_id(stream: StreamId, number: u64) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = stream.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h]).wrapping_add(number)
}

/// The feature that a message or command belongs to.
#[must_use]
pub fn feature(name: &'static str) -> &'static str {
    name.split_once('.').map_or(name, |(feature, _)| feature)
}

/// Bytes of an entry's sealed objects.
pub(crate) fn bytes_of(bundle: &Bundle) -> u64 {
    let contents = bundle.contents.iter();
    contents.fold(bundle.manifest.0.len() as u64, |sum, content| sum.saturating_add(content.length))
}
