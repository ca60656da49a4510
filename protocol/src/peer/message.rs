//! A message from another node, read.

use super::features::Body;
use crate::codec::{DecodeError, Wire};
use crate::id::NodeId;
use crate::limits;
use crate::message::Envelope;
use crate::statement::{Signed, Unverified};

/// A message that is well formed and signed by the node it names.
#[derive(Debug)]
pub struct CheckedMessage {
    pub(super) envelope: Signed<Envelope>,
    pub(super) body: Body,
}

impl CheckedMessage {
    /// Reads a message from `node`; pure, for a pool.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn prepare(node: NodeId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let envelope = Unverified::<Envelope>::parse(bytes)?;
        if envelope.claims().node != node {
            return Err(DecodeError::Invalid("the message is from another node"));
        }
        let body = Body::from_bytes(&envelope.claims().body.0, limits::REQUEST_BYTES_MAX)?;
        let envelope = envelope
            .verify(&node.into())
            .map_err(|_| DecodeError::Invalid("the signature is not the node's"))?;
        Ok(Self { envelope, body })
    }

    /// The envelope, for whoever watches what is said.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }
}
