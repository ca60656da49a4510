//! A line in the log for each message that leaves, for each that was handled here, and for each of ours
//! whose outcome arrived: for whoever looks for what became of a message, and for measuring several nodes on
//! one machine from outside (`chartmesh sim run --tier process`). Written once what was done is durable, and
//! at level TRACE alone: who is whose patient is in it, by the first digits of ids.

use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::message::{MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{Effect, Event};
use chartmesh_protocol::statement::Unverified;

/// What is to be said of an event once it was handled.
pub(super) enum Line {
    /// Another institution's message came.
    Handled {
        id: MessageId,
        name: &'static str,
        since_ms: u64,
        about: Option<ConsentId>,
        patient: Option<PartyId>,
    },
    /// What became of ours is known.
    Concluded { id: MessageId, end: &'static str },
}

impl Line {
    /// Of an event that is about to be handled; none when nobody reads such lines.
    pub(super) fn of(event: &Event) -> Option<Self> {
        if !tracing::enabled!(tracing::Level::TRACE) {
            return None;
        }
        match event {
            Event::Message { message, .. } => {
                let (envelope, body) = (message.envelope(), message.body());
                Some(Self::Handled {
                    id: envelope.id,
                    name: body.name(),
                    since_ms: envelope.sent.0,
                    about: body.request(),
                    patient: body.patient(),
                })
            }
            Event::Delivery { result: Ok(bytes), .. } => {
                let outcome = outcome(bytes)?;
                let end = end(&outcome.result);
                Some(Self::Concluded { id: outcome.message, end })
            }
            _ => None,
        }
    }

    /// Writes it.
    pub(super) fn write(self, effects: &[Effect]) {
        match self {
            Self::Handled { id, name, since_ms, about, patient } => {
                let reply = effects.iter().find_map(|effect| match effect {
                    Effect::Reply { bytes, .. } => Some((bytes.len(), outcome(bytes)?)),
                    _ => None,
                });
                let answer = reply.as_ref().map_or(0, |(bytes, _)| *bytes);
                let end = reply.as_ref().map_or("unanswered", |(_, reply)| end(&reply.result));
                let about = about.map(|request| request.to_string()).unwrap_or_default();
                let first = |PartyId([a, b, c, d, e, f, g, h, ..]): PartyId| {
                    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
                };
                let patient = patient.map(first).unwrap_or_default();
                let MessageId { sender, stream, number } = id;
                tracing::trace!(
                    %sender, %stream, number, name, since_ms, about, patient, answer,
                    end, "message handled"
                );
            }
            Self::Concluded { id: MessageId { sender, stream, number }, end } => {
                tracing::trace!(%sender, %stream, number, end, "message concluded");
            }
        }
    }
}

/// A message is sent, perhaps not for the first time.
pub(super) fn leaves(to: PartyId, number: u64, bytes: usize) {
    tracing::trace!(%to, number, bytes, "message leaves");
}

fn outcome(bytes: &[u8]) -> Option<Outcome> {
    Some(Unverified::<Outcome>::parse(bytes).ok()?.claims().clone())
}

const fn end(result: &OutcomeResult) -> &'static str {
    match result {
        OutcomeResult::Done(_) => "done",
        OutcomeResult::Refused(_) => "refused",
        OutcomeResult::OutOfOrder(_) => "out-of-order",
    }
}
