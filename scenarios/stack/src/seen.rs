//! What the drivers' witnesses saw: the same events that the other tier hands to its peers, so that both
//! tiers measure by one rule.

use std::collections::{BTreeMap, BTreeSet};

use chartmesh_node::driver::Witnessed;
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::{NodeId, PartyId, StreamId};
use chartmesh_protocol::message::{MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{Answer, Body, Effect, Event, TransferResult};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::statement::Unverified;
use chartmesh_protocol::time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock::EPOCH;
use crate::clock::ms;

/// A message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The number of the node that handled it.
    pub by: usize,
    /// The institution that sent it.
    pub from: PartyId,
    /// When it was handled.
    pub at: Timestamp,
    /// From when it was put into the sender's outbox, in milliseconds.
    pub latency_ms: u64,
    /// Bytes of its body.
    pub bytes: usize,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) events: BTreeMap<&'static str, u64>,
    pub(crate) delivered: Vec<Delivered>,
    /// Tries to deliver that came to nothing: by whom, when.
    pub(crate) failed: Vec<(usize, Timestamp)>,
    /// Messages that came, so that one that is sent again counts once.
    known: BTreeSet<(PartyId, StreamId, u64)>,
    notes: Option<Notes>,
}

/// What drivers did, as measures count it; machines go by their numbers.
#[derive(Debug)]
pub(crate) struct Note {
    /// When, in the world's time.
    pub(crate) at: Timestamp,
    pub(crate) what: Noted,
}

/// What was done.
#[derive(Debug)]
pub(crate) enum Noted {
    /// A front door answered to whom `tag` means.
    Answered { by: usize, tag: u64, name: &'static str, answer: Result<Answer, Refusal> },
    /// A message was handled.
    Handled(Box<Handled>),
    /// What became of a message is known to its sender.
    Concluded { by: usize, to: PartyId, number: u64, outcome: Vec<u8> },
    /// An object came.
    Pulled { bytes: u64 },
}

/// A message that was handled, and what became of it.
#[derive(Debug)]
pub(crate) struct Handled {
    pub(crate) by: usize,
    pub(crate) from: NodeId,
    pub(crate) to: PartyId,
    pub(crate) id: MessageId,
    pub(crate) since: Timestamp,
    /// Of the whole message, as it is sent.
    pub(crate) bytes: u64,
    pub(crate) body: Body,
    pub(crate) outcome: Option<OutcomeResult>,
}

/// Bytes of a signed message besides its envelope: a signature of 64, a protected header and the lengths.
const SIGNED: u64 = 74;

/// Where notes go.
#[derive(Debug)]
struct Notes {
    begin: Instant,
    to: mpsc::UnboundedSender<Note>,
    /// Messages that are being handled, by node: one at a time.
    handling: BTreeMap<usize, Box<Handled>>,
}

impl Notes {
    fn say(&self, what: Noted) {
        // Nobody asks any more once the run is over.
        let _gone = self.to.send(Note { at: EPOCH.plus_ms(ms(self.begin.elapsed())), what });
    }

    fn told(&mut self, by: usize, told: Witnessed<'_>) {
        match told {
            Witnessed::Event(Event::Message { node, message, .. }) => {
                let envelope = message.envelope();
                let handled = Handled {
                    by,
                    from: *node,
                    to: envelope.to,
                    id: envelope.id,
                    since: envelope.sent,
                    bytes: envelope.to_bytes().len() as u64 + SIGNED,
                    body: message.body().clone(),
                    outcome: None,
                };
                self.handling.insert(by, Box::new(handled));
            }
            Witnessed::Event(event) => {
                self.handling.remove(&by);
                match event {
                    Event::Delivery { to, number, result: Ok(outcome), .. } => {
                        let (to, number, outcome) = (*to, *number, outcome.clone());
                        self.say(Noted::Concluded { by, to, number, outcome });
                    }
                    Event::Transfer { result: TransferResult::Finished { small }, .. } => {
                        let bytes = small.as_ref().map_or(0, Vec::len) as u64;
                        self.say(Noted::Pulled { bytes });
                    }
                    _ => {}
                }
            }
            Witnessed::Effects(effects) => {
                let Some(mut handled) = self.handling.remove(&by) else { return };
                handled.outcome = effects.iter().find_map(|effect| match effect {
                    Effect::Reply { bytes, .. } => result(bytes),
                    _ => None,
                });
                self.say(Noted::Handled(handled));
            }
        }
    }
}

/// An outcome, as whoever watches reads it: without its signature.
pub(crate) fn result(bytes: &[u8]) -> Option<OutcomeResult> {
    let outcome = Unverified::<Outcome>::parse(bytes).ok()?;
    Some(outcome.claims().result.clone())
}

impl Seen {
    pub(crate) fn note(&mut self, begin: Instant, to: mpsc::UnboundedSender<Note>) {
        self.notes = Some(Notes { begin, to, handling: BTreeMap::new() });
    }

    pub(crate) fn told(&mut self, by: usize, at: Timestamp, told: Witnessed<'_>) {
        if let Some(notes) = &mut self.notes {
            notes.told(by, told);
        }
        if let Witnessed::Event(event) = told {
            self.event(by, at, event);
        }
    }

    fn event(&mut self, by: usize, at: Timestamp, event: &Event) {
        let kind = match event {
            Event::Command { .. } => "command",
            Event::Hello { .. } => "hello",
            Event::Welcome { .. } => "welcome",
            Event::Message { .. } => "message",
            Event::Delivery { result: Ok(_), .. } => "delivered",
            Event::Delivery { result: Err(_), .. } => "not delivered",
            Event::Transfer { .. } => "transfer",
            Event::Checked { .. } => "stock",
            Event::Tick => "tick",
        };
        *self.events.entry(kind).or_default() += 1;
        if let Event::Delivery { result: Err(_), .. } = event {
            self.failed.push((by, at));
        }
        let Event::Message { message, .. } = event else { return };
        let envelope = message.envelope();
        let id = envelope.id;
        if self.known.insert((id.sender, id.stream, id.number)) {
            self.delivered.push(Delivered {
                by,
                from: id.sender,
                at,
                latency_ms: at.since(envelope.sent),
                bytes: envelope.body.0.len(),
            });
        }
    }
}
