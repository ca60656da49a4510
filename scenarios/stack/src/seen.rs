//! What the drivers' witnesses saw: the same events that the other tier hands to its peers, so that both
//! tiers measure by one rule.

use std::collections::{BTreeMap, BTreeSet};

use chartmesh_protocol::id::{PartyId, StreamId};
use chartmesh_protocol::peer::Event;
use chartmesh_protocol::time::Timestamp;

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
}

impl Seen {
    pub(crate) fn event(&mut self, by: usize, at: Timestamp, event: &Event) {
        let kind = match event {
            Event::Command { .. } => "command",
            Event::Hello { .. } => "hello",
            Event::Welcome { .. } => "welcome",
            Event::Message { .. } => "message",
            Event::Delivery { result: Ok(_), .. } => "delivered",
            Event::Delivery { result: Err(_), .. } => "not delivered",
            Event::Transfer { .. } => "transfer",
            Event::Stock { .. } => "stock",
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
