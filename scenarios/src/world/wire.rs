//! What goes over the world's wires, for tests that look at it.

use super::state::World;
use crate::party::Who;
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::message::Envelope;
use chartmesh_protocol::peer::Body;
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
