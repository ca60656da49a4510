//! What goes over the world's wires, for tests that look at it.

use super::state::World;
use crate::party::Who;
use chartmesh_protocol::backup;
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::id::EntryId;
use chartmesh_protocol::message::{Envelope, Outcome, OutcomeResult};
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::reason::Arg;
use chartmesh_protocol::record;
use chartmesh_protocol::statement::Unverified;

impl World {
    /// What was said since [`World::record_wire`] was set, the oldest first: by whom, to whom, what.
    pub fn said(&self) -> impl DoubleEndedIterator<Item = (Who, Who, Body)> {
        self.wire.iter().map(|(from, to, bytes)| (*from, *to, body_of(bytes)))
    }
}

/// What a message says.
///
/// # Panics
/// When the bytes are no message, which whatever a peer composes is.
#[must_use]
pub fn body_of(message: &[u8]) -> Body {
    let message = Unverified::<Envelope>::parse(message).expect("a peer composed it");
    Body::from_bytes(&message.claims().body.0, usize::MAX).expect("a peer composed it")
}

/// Whoever is refused hears of nothing but what it named itself, and bounds [REF-2].
///
/// # Panics
/// When an argument of the refusal is something else.
pub(super) fn discloses_nothing(message: &[u8], reply: &[u8]) {
    let outcome = Unverified::<Outcome>::parse(reply).expect("an outcome is well formed");
    let OutcomeResult::Refused(refusal) = &outcome.claims().result else { return };
    for arg in refusal.args.iter() {
        let named = match arg {
            Arg::Party(id) => contains(message, &id.0),
            Arg::Entry(id) => contains(message, &id.0) || labelled(message).contains(id),
            Arg::Request(id) => contains(message, &id.0),
            Arg::Permission(id) => contains(message, &id.0),
            Arg::Chart(id) => contains(message, &id.0),
            Arg::Object(id) => contains(message, &id.0),
            Arg::Number(_) => true,
            Arg::Time(_) | Arg::Text(_) => false,
        };
        assert!(named, "a refusal tells another of what it did not name: {refusal:?}");
    }
}

/// The entries that a message names by their labels.
fn labelled(message: &[u8]) -> Vec<EntryId> {
    let Ok(message) = Unverified::<Envelope>::parse(message) else { return Vec::new() };
    let bundles = match Body::from_bytes(&message.claims().body.0, usize::MAX) {
        Ok(Body::Backup(backup::Message::Offer(offer))) => offer.bundles,
        Ok(Body::Record(record::Message::Announce(announce))) => announce.bundles,
        _ => Vec::new(),
    };
    bundles.iter().map(|bundle| bundle.label.claims().entry()).collect()
}

fn contains(message: &[u8], id: &[u8]) -> bool {
    message.windows(id.len()).any(|window| window == id)
}
