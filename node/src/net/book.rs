//! Where nodes were last known to be. Memory only: what must outlive a restart is the core's.

use std::collections::{HashMap, VecDeque};

use chartmesh_protocol::id::NodeId;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::limits::{BOOK_ADDRS_MAX, BOOK_NODES_MAX};
use super::peer_id::{node_of, peer_of};

/// Addresses per node, the most recently named first.
#[derive(Debug, Default)]
pub(super) struct AddressBook {
    addrs: HashMap<NodeId, Vec<Multiaddr>>,
    /// Least recently touched first; holds each node of `addrs` once.
    order: VecDeque<NodeId>,
}

impl AddressBook {
    /// Puts `addrs` before what is known already, in the order given.
    pub(super) fn add(&mut self, node: NodeId, addrs: impl IntoIterator<Item = Multiaddr>) {
        let mut merged: Vec<Multiaddr> = Vec::new();
        let known = self.addrs.remove(&node).unwrap_or_default();
        for addr in addrs.into_iter().filter_map(|addr| bare(addr, node)).chain(known) {
            if merged.len() < BOOK_ADDRS_MAX && !merged.contains(&addr) {
                merged.push(addr);
            }
        }
        self.order.retain(|other| *other != node);
        if merged.is_empty() {
            return;
        }
        self.addrs.insert(node, merged);
        self.order.push_back(node);
        if self.order.len() > BOOK_NODES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.addrs.remove(&oldest);
        }
    }

    /// Takes out an address at which another node was found.
    pub(super) fn remove(&mut self, node: NodeId, addr: &Multiaddr) {
        if let (Some(addrs), Some(addr)) = (self.addrs.get_mut(&node), bare(addr.clone(), node)) {
            addrs.retain(|known| *known != addr);
        }
    }

    pub(super) fn of(&self, node: NodeId) -> Vec<Multiaddr> {
        self.addrs.get(&node).cloned().unwrap_or_default()
    }
}

/// The node that a list of addresses names in its `/p2p/` parts, if it names exactly one.
pub(super) fn named(addrs: &[Multiaddr]) -> Option<NodeId> {
    let mut names = addrs.iter().filter_map(|addr| match addr.iter().last() {
        Some(Protocol::P2p(peer)) => node_of(&peer),
        _ => None,
    });
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

/// The address without its `/p2p/` part; nothing where that names another node.
fn bare(mut addr: Multiaddr, node: NodeId) -> Option<Multiaddr> {
    if let Some(Protocol::P2p(peer)) = addr.iter().last() {
        if Some(peer) != peer_of(node) {
            return None;
        }
        addr.pop();
    }
    (!addr.is_empty()).then_some(addr)
}

/// Whether bulk is better carried there; see [`super::limits::DIAL_STAGGER`].
pub(super) fn is_tcp(addr: &Multiaddr) -> bool {
    addr.iter().any(|part| matches!(part, Protocol::Tcp(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::identity::Keypair;

    fn node(seed: u8) -> NodeId {
        node_of(&Keypair::ed25519_from_bytes([seed; 32]).unwrap().public().to_peer_id()).unwrap()
    }

    fn tcp(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn the_newest_addresses_come_first_and_only_once() {
        let mut book = AddressBook::default();
        book.add(node(1), [tcp(1), tcp(2)]);
        book.add(node(1), [tcp(3), tcp(1)]);
        assert_eq!(book.of(node(1)), [tcp(3), tcp(1), tcp(2)]);
    }

    #[test]
    fn an_address_that_names_another_node_is_not_taken() {
        let mut book = AddressBook::default();
        let own = tcp(1).with_p2p(peer_of(node(1)).unwrap()).unwrap();
        let foreign = tcp(2).with_p2p(peer_of(node(2)).unwrap()).unwrap();
        book.add(node(1), [own.clone(), foreign.clone()]);
        assert_eq!(book.of(node(1)), [tcp(1)]);
        assert_eq!(named(&[tcp(5), own.clone()]), Some(node(1)));
        assert_eq!(named(&[own, foreign]), None);
    }

    #[test]
    fn the_book_stays_bounded() {
        let mut book = AddressBook::default();
        for index in 0..=BOOK_NODES_MAX {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(index as u64).to_be_bytes());
            book.add(NodeId(id), [tcp(1)]);
        }
        assert_eq!(book.addrs.len(), BOOK_NODES_MAX);
        assert!(book.of(NodeId([0; 32])).is_empty());
        book.add(node(1), (1..100).map(tcp));
        assert_eq!(book.of(node(1)).len(), BOOK_ADDRS_MAX);
    }
}
