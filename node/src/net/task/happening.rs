//! What the swarm reports: connections, listeners, discoveries.

use std::collections::HashMap;

use chartmesh_protocol::Reach;
use chartmesh_protocol::id::NodeId;
use libp2p::core::ConnectedPoint;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, mdns, ping};
use tokio::time::Instant;

use super::super::behaviour::BehaviourEvent;
use super::super::calls::Kind;
use super::super::event::NetEvent;
use super::super::limits::{CONNECTIONS_MAX, DISCOVERED_MAX};
use super::super::peer_id::node_of;
use super::super::places::{Origin, Places, Taken};
use super::super::state::Link;
use super::super::strangers::Strangers;
use super::Task;
use super::reach::describe;

impl Task {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(&peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.strangers.forget(connection_id);
                self.greeting.remove(&connection_id);
                if let Some(node) = node_of(&peer_id)
                    && self.state.link_down(node, connection_id)
                {
                    self.on_disconnected(node);
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, connection_id, error } => {
                if let (DialError::WrongPeerId { address, obtained }, Some(peer)) =
                    (&error, peer_id)
                    && let Some(node) = node_of(&peer)
                {
                    self.book.remove(node, address);
                    self.on_another(node, obtained, address);
                }
                self.dials.failed(connection_id, describe(&error), Instant::now());
                self.dial();
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.state.listening(address.clone());
                self.backlog.push_back(NetEvent::Listening { addr: address });
                self.listener_settled(listener_id, Ok(()));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => self.state.not_listening(&address),
            SwarmEvent::ListenerError { listener_id, error } => {
                tracing::warn!(%error, "a listener had an error");
                self.listener_settled(listener_id, Err(error.to_string()));
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                addresses.iter().for_each(|addr| self.state.not_listening(addr));
                let why = reason.err().map_or("closed".to_owned(), |error| error.to_string());
                tracing::warn!(%why, "a listener ended");
                self.listener_settled(listener_id, Err(why));
            }
            _ => {}
        }
    }

    fn listener_settled(&mut self, id: ListenerId, outcome: Result<(), String>) {
        if !self.starting.listeners.remove(&id) {
            return;
        }
        if (outcome.is_err() || self.starting.listeners.is_empty())
            && let Some(ready) = self.starting.ready.take()
        {
            let _gone = ready.send(outcome);
        }
    }

    fn on_connected(&mut self, peer: &PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let Some(node) = node_of(peer) else {
            self.swarm.close_connection(id);
            return;
        };
        let (addr, inbound) = (endpoint.get_remote_address().clone(), endpoint.is_listener());
        let origin = match endpoint {
            ConnectedPoint::Listener { local_addr, .. } => Origin::of(local_addr, &addr),
            ConnectedPoint::Dialer { .. } => Origin::of(&Multiaddr::empty(), &addr),
        };
        let first = self.state.link_up(node, Link { id, addr: addr.clone(), origin, inbound });
        if let Some(gone) = self.in_the_way(node, id, origin, inbound) {
            tracing::debug!(connection = %gone, "too many connections; one gives way");
            self.swarm.close_connection(gone);
        }
        // Where we reached it is the best address; where it came from is better than none.
        if !inbound || self.book.of(node).is_empty() {
            self.book.add(node, [addr]);
        }
        if first {
            self.backlog.push_back(NetEvent::Connected { node });
        }
        for waiter in self.dials.connected(node, id) {
            self.serve(node, waiter);
        }
    }

    /// The connection that is to end for this one, which may be itself.
    fn in_the_way(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        origin: Origin,
        inbound: bool,
    ) -> Option<ConnectionId> {
        let gates = &self.state.gates;
        let Some(institution) = gates.institution(node) else {
            let admit = |strangers: &mut Strangers| {
                strangers.admit(id, node, origin, gates, Instant::now())
            };
            return inbound.then(|| admit(&mut self.strangers)).flatten();
        };
        let held = self.state.known_links(id);
        match Places::held(CONNECTIONS_MAX, held).take(id, institution) {
            Taken::Free => None,
            Taken::Instead(gone) => Some(gone),
            Taken::Full => Some(id),
        }
    }

    /// Another node is where one was looked for.
    fn on_another(&mut self, of: NodeId, found: &PeerId, addr: &Multiaddr) {
        let Some(node) = node_of(found).filter(|node| *node != self.me) else { return };
        let same = |event: &NetEvent| matches!(event, NetEvent::Instead { of: o, node: n, .. } if (*o, *n) == (of, node));
        if self.backlog.len() < DISCOVERED_MAX && !self.backlog.iter().any(same) {
            let mut addr = addr.clone();
            if let Some(Protocol::P2p(_)) = addr.iter().last() {
                addr.pop();
            }
            self.backlog.push_back(NetEvent::Instead { of, node, addr });
        }
    }

    fn on_disconnected(&mut self, node: NodeId) {
        // A driver that is behind need not hear of a coming and going it never saw: that also
        // bounds the backlog against nodes that come and go quickly.
        let unseen =
            |event: &NetEvent| matches!(event, NetEvent::Connected { node: n } if *n == node);
        match self.backlog.iter().rposition(unseen) {
            Some(index) => {
                self.backlog.remove(index);
            }
            None => self.backlog.push_back(NetEvent::Disconnected { node }),
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Hello(event) => self.on_exchanged(Kind::Hello, event),
            BehaviourEvent::Control(event) => self.on_exchanged(Kind::Control, event),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => self.on_discovered(found),
            BehaviourEvent::Ping(ping::Event { connection, result: Err(failure), .. })
                if !matches!(failure, ping::Failure::Unsupported) =>
            {
                self.swarm.close_connection(connection);
            }
            _ => {}
        }
    }

    fn on_discovered(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        let mut by_node: HashMap<NodeId, Vec<Multiaddr>> = HashMap::new();
        for (peer, mut addr) in found {
            // Who is on the same cable says nothing of this machine's own doors.
            let near = Reach::of(&addr.to_string()).is_some_and(|reach| reach < Reach::Machine);
            if let Some(node) = node_of(&peer).filter(|_| near) {
                if let Some(Protocol::P2p(_)) = addr.iter().last() {
                    addr.pop();
                }
                by_node.entry(node).or_default().push(addr);
            }
        }
        for (node, addrs) in by_node {
            // What the local network claims comes after what is known.
            let known = self.book.of(node);
            self.book.add(node, known.into_iter().chain(addrs.clone()));
            self.backlog.retain(
                |event| !matches!(event, NetEvent::Discovered { node: n, .. } if *n == node),
            );
            if self.backlog.len() < DISCOVERED_MAX {
                self.backlog.push_back(NetEvent::Discovered { node, addrs });
            }
        }
    }
}
