//! Who sent a message.

use crate::capability::Proof;
use crate::id::{NodeId, PartyId};
use crate::identity::KnownKeys;
use crate::statement::Unverified;

/// The value that a connection's verifier chose; proofs made for it hold on this connection only.
pub type Nonce = [u8; 16];

/// Who sent a message, as far as it is proven.
pub(crate) struct Sender {
    /// The institution.
    pub(crate) institution: PartyId,
    /// Its keys.
    pub(crate) keys: KnownKeys,
    /// The node that signed.
    pub(crate) node: NodeId,
    /// Whether it is a member of the federation.
    pub(crate) member: bool,
    /// The member without whose certificate it could not come in: it is a relay that nothing else lets in.
    pub(crate) relay_of: Option<PartyId>,
    /// Whether nothing lets it in but that it has proven a code.
    pub(crate) introduced: bool,
    /// Its proof of possession, not yet judged.
    pub(crate) proof: Option<Unverified<Proof>>,
    /// BLAKE3 of the message's body.
    pub(crate) request_hash: [u8; 32],
    /// What a proof must name.
    pub(crate) nonce: Nonce,
}
