//! A node's id is its raw Ed25519 public key; libp2p's PeerId inlines the same key in a multihash.

use chartmesh_protocol::id::NodeId;
use libp2p::PeerId;
use libp2p::identity::{PublicKey, ed25519};

/// Multihash code "identity": the digest is the encoded key itself.
const IDENTITY: u64 = 0x00;

/// The PeerId of a node, or nothing where the id is not a point of the curve.
pub(super) fn peer_of(node: NodeId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(node.as_bytes()).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The node behind a PeerId, or nothing where its key is not Ed25519.
pub(super) fn node_of(peer: &PeerId) -> Option<NodeId> {
    let hash = peer.as_ref();
    if hash.code() != IDENTITY {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    Some(NodeId(key.try_into_ed25519().ok()?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::identity::Keypair;

    #[test]
    fn a_node_id_survives_the_way_through_a_peer_id() {
        let keypair = Keypair::ed25519_from_bytes([7; 32]).unwrap();
        let peer = keypair.public().to_peer_id();
        let node = node_of(&peer).unwrap();
        assert_eq!(node.as_bytes(), &keypair.public().try_into_ed25519().unwrap().to_bytes());
        assert_eq!(peer_of(node), Some(peer));
    }

    #[test]
    fn a_peer_id_of_another_kind_of_key_is_no_node() {
        let multihash = libp2p::multihash::Multihash::wrap(0x12, &[9; 32]).unwrap();
        assert_eq!(node_of(&PeerId::from_multihash(multihash).unwrap()), None);
    }
}
