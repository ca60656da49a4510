//! What the handles read without asking the task that owns the swarm.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use chartmesh_protocol::Reach;
use chartmesh_protocol::id::{NodeId, PartyId};
use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use rand::rngs::SysRng;
use rand_core::TryRng as _;
use tokio::sync::Notify;

use super::book::is_tcp;
use super::gate::Gates;
use super::places::Origin;

/// How a connection is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP, Noise and Yamux.
    Tcp,
    /// QUIC.
    Quic,
}

/// A node that is connected.
#[derive(Debug, Clone)]
pub struct PeerStatus {
    /// Which.
    pub node: NodeId,
    /// Its end of each connection.
    pub addrs: Vec<Multiaddr>,
    /// When the first of them was made.
    pub since: SystemTime,
    /// How the first of them is carried.
    pub transport: Transport,
    /// Whether it has been admitted.
    pub gate_open: bool,
}

/// From the first connection with a node to the end of the last.
#[derive(Debug)]
struct Session {
    nonce: [u8; 32],
    since: SystemTime,
    links: Vec<Link>,
}

/// One connection of a session.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) id: ConnectionId,
    /// The far end.
    pub(super) addr: Multiaddr,
    pub(super) origin: Origin,
    /// Whether the far end made it.
    pub(super) inbound: bool,
}

/// Written by the owner of the swarm, read by all handles.
#[derive(Debug, Default)]
pub(super) struct NetState {
    pub(super) gates: Arc<Gates>,
    sessions: Mutex<HashMap<NodeId, Session>>,
    listeners: Mutex<Vec<Multiaddr>>,
    closing: Mutex<HashSet<NodeId>>,
    pub(super) closing_changed: Notify,
}

fn fresh_nonce() -> [u8; 32] {
    let mut nonce = [0; 32];
    SysRng.try_fill_bytes(&mut nonce).expect("the operating system's generator works");
    nonce
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NetState {
    /// Shuts a node out; the owner of the swarm then disconnects it.
    pub(super) fn close_gate(&self, node: NodeId) {
        self.gates.close(node);
        lock(&self.closing).insert(node);
        self.closing_changed.notify_one();
    }

    /// The nodes to disconnect.
    pub(super) fn take_closing(&self) -> HashSet<NodeId> {
        std::mem::take(&mut lock(&self.closing))
    }

    /// True when this is the first connection with the node.
    pub(super) fn link_up(&self, node: NodeId, link: Link) -> bool {
        let mut sessions = lock(&self.sessions);
        let session = sessions.entry(node).or_insert_with(|| Session {
            nonce: fresh_nonce(),
            since: SystemTime::now(),
            links: Vec::new(),
        });
        session.links.push(link);
        session.links.len() == 1
    }

    /// True when this was the last connection with the node.
    pub(super) fn link_down(&self, node: NodeId, id: ConnectionId) -> bool {
        let mut sessions = lock(&self.sessions);
        let Some(session) = sessions.get_mut(&node) else {
            return false;
        };
        session.links.retain(|link| link.id != id);
        let last = session.links.is_empty();
        if last {
            sessions.remove(&node);
        }
        last
    }

    pub(super) fn origin(&self, node: NodeId, id: ConnectionId) -> Option<Origin> {
        let sessions = lock(&self.sessions);
        let links = &sessions.get(&node)?.links;
        links.iter().find(|link| link.id == id).map(|link| link.origin)
    }

    /// The connections with known nodes but this one, oldest first, by whose they are.
    pub(super) fn known_links(&self, but: ConnectionId) -> Vec<(ConnectionId, PartyId)> {
        let sessions = lock(&self.sessions);
        let mut links: Vec<_> = sessions
            .iter()
            .filter_map(|(node, session)| Some((self.gates.institution(*node)?, &session.links)))
            .flat_map(|(whose, links)| links.iter().map(move |link| (link.id, whose)))
            .filter(|(id, _)| *id != but)
            .collect();
        links.sort_unstable();
        links
    }

    /// How far inside a node stands, by the connections with it: as the outermost of them says. Where whoever
    /// comes in seems to come from says nothing behind a `forwarder`.
    pub(super) fn reach(&self, node: NodeId, forwarder: bool) -> Reach {
        let sessions = lock(&self.sessions);
        let links = sessions.get(&node).map(|session| session.links.iter());
        let reach = |link: &Link| match link.inbound && forwarder {
            true => Reach::Internet,
            false => Reach::of(&link.addr.to_string()).unwrap_or(Reach::Internet),
        };
        links.into_iter().flatten().map(reach).min().unwrap_or(Reach::Internet)
    }

    pub(super) fn is_connected(&self, node: NodeId) -> bool {
        lock(&self.sessions).contains_key(&node)
    }

    pub(super) fn nonce(&self, node: NodeId) -> Option<[u8; 32]> {
        lock(&self.sessions).get(&node).map(|session| session.nonce)
    }

    pub(super) fn connected(&self) -> Vec<PeerStatus> {
        let sessions = lock(&self.sessions);
        let mut peers: Vec<_> = sessions
            .iter()
            .map(|(node, session)| PeerStatus {
                node: *node,
                addrs: session.links.iter().map(|link| link.addr.clone()).collect(),
                since: session.since,
                transport: match session.links.first() {
                    Some(link) if is_tcp(&link.addr) => Transport::Tcp,
                    _ => Transport::Quic,
                },
                gate_open: self.gates.is_open(*node),
            })
            .collect();
        peers.sort_by_key(|peer| peer.node);
        peers
    }

    pub(super) fn listening(&self, addr: Multiaddr) {
        lock(&self.listeners).push(addr);
    }

    pub(super) fn not_listening(&self, addr: &Multiaddr) {
        lock(&self.listeners).retain(|known| known != addr);
    }

    pub(super) fn listeners(&self) -> Vec<Multiaddr> {
        lock(&self.listeners).clone()
    }
}
