//! Proof of possession: a permission alone opens nothing.

use crate::codec::wire_struct;
use crate::crypto::SigningKey;
use crate::id::{PartyId, StatementId};
use crate::limits;
use crate::statement::{Signed, Statement};

/// The hash of a whole request as sent: BLAKE3-256 of its bytes.
pub type RequestHash = [u8; 32];

/// Sixteen random bytes that the verifier chose for this connection.
pub type ConnectionNonce = [u8; 16];

wire_struct! {
    /// A node of the grantee says, at the moment of sending, that it presents this permission with
    /// this request to this holder on this connection. Signed by the node's own key, so whoever
    /// copied the permission, and whoever recorded the request, has nothing to present.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Proof {
        /// Statement id of the permission's last link.
        1 => leaf: StatementId,
        /// The request.
        2 => request: RequestHash,
        /// The holder.
        3 => verifier: PartyId,
        /// The connection.
        4 => nonce: ConnectionNonce,
    }
}

impl Statement for Proof {
    const DOMAIN: &'static str = "chartmesh/1/pop";
    const LIMIT: usize = limits::POSSESSION_BYTES_MAX;
}

impl Proof {
    /// Signs the proof with the node's key.
    #[must_use]
    pub fn sign(self, node: &SigningKey) -> Signed<Self> {
        Signed::sign(self, node)
    }
}
