//! The gates: which nodes may open more than `hello`.
//!
//! [`Gated`] wraps a behaviour so that its protocols are offered only on connections of nodes
//! whose gate is open. The set is asked anew for every inbound stream, during the negotiation of
//! its protocol: for a stranger the protocol does not exist, and no byte of a payload is read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll};

use chartmesh_protocol::id::{NodeId, PartyId};
use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, UpgradeInfo};
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{
    ConnectionEvent, FullyNegotiatedInbound, InboundUpgradeSend, ListenUpgradeError,
    UpgradeInfoSend,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, Stream, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use tokio_util::sync::CancellationToken;

use super::peer_id::node_of;

/// The nodes that are known, and which of them may open more than `hello`.
#[derive(Debug, Default)]
pub(super) struct Gates(RwLock<HashMap<NodeId, Gate>>);

#[derive(Debug)]
struct Gate {
    institution: PartyId,
    /// Cancelled when the gate closes; none while it is closed.
    open: Option<CancellationToken>,
}

impl Gates {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<NodeId, Gate>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<NodeId, Gate>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nodes that are no strangers, though they have to say `hello`.
    pub(super) fn know(&self, nodes: impl IntoIterator<Item = (NodeId, PartyId)>) {
        let mut gates = self.write();
        for (node, institution) in nodes {
            gates.entry(node).or_insert(Gate { institution, open: None });
        }
    }

    pub(super) fn open(&self, node: NodeId, institution: PartyId) {
        let mut gates = self.write();
        let gate = gates.entry(node).or_insert(Gate { institution, open: None });
        gate.institution = institution;
        gate.open.get_or_insert_default();
    }

    /// Closes the gate and whatever hangs on its token; the node stays known.
    pub(super) fn close(&self, node: NodeId) {
        let token = self.write().get_mut(&node).and_then(|gate| gate.open.take());
        if let Some(token) = token {
            token.cancel();
        }
    }

    /// A node whose gate is closed is a stranger from now on.
    pub(super) fn forget(&self, node: NodeId) {
        let mut gates = self.write();
        if gates.get(&node).is_some_and(|gate| gate.open.is_none()) {
            gates.remove(&node);
        }
    }

    /// Whose a node is, if it is known.
    pub(super) fn institution(&self, node: NodeId) -> Option<PartyId> {
        self.read().get(&node).map(|gate| gate.institution)
    }

    pub(super) fn is_open(&self, node: NodeId) -> bool {
        self.token(node).is_some()
    }

    /// Whose an open gate is, and what is cancelled when it closes.
    pub(super) fn token(&self, node: NodeId) -> Option<(PartyId, CancellationToken)> {
        let gates = self.read();
        let gate = gates.get(&node)?;
        Some((gate.institution, gate.open.clone()?))
    }
}

/// A behaviour whose inbound protocols exist only for nodes with an open gate.
pub(super) struct Gated<B> {
    pub(super) inner: B,
    gates: Arc<Gates>,
}

impl<B> Gated<B> {
    pub(super) fn new(inner: B, gates: Arc<Gates>) -> Self {
        Self { inner, gates }
    }

    fn handler<H>(&self, peer: &PeerId, inner: H) -> GatedHandler<H> {
        GatedHandler { inner, node: node_of(peer), gates: Arc::clone(&self.gates) }
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Gated<B> {
    type ConnectionHandler = GatedHandler<THandler<B>>;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let inner = self.inner.handle_established_inbound_connection(id, peer, local, remote)?;
        Ok(self.handler(&peer, inner))
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        addr: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let inner =
            self.inner.handle_established_outbound_connection(id, peer, addr, role, port_use)?;
        Ok(self.handler(&peer, inner))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(cx)
    }
}

/// The handler of one connection; all but the choice of inbound protocols is the inner one's.
pub(super) struct GatedHandler<H> {
    inner: H,
    node: Option<NodeId>,
    gates: Arc<Gates>,
}

impl<H: ConnectionHandler> ConnectionHandler for GatedHandler<H> {
    type FromBehaviour = H::FromBehaviour;
    type ToBehaviour = H::ToBehaviour;
    type InboundProtocol = GatedUpgrade<H::InboundProtocol>;
    type OutboundProtocol = H::OutboundProtocol;
    type InboundOpenInfo = H::InboundOpenInfo;
    type OutboundOpenInfo = H::OutboundOpenInfo;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol, Self::InboundOpenInfo> {
        let open = self.node.is_some_and(|node| self.gates.is_open(node));
        self.inner.listen_protocol().map_upgrade(|inner| GatedUpgrade { inner, open })
    }

    fn connection_keep_alive(&self) -> bool {
        self.inner.connection_keep_alive()
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<
        ConnectionHandlerEvent<Self::OutboundProtocol, Self::OutboundOpenInfo, Self::ToBehaviour>,
    > {
        self.inner.poll(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::ToBehaviour>> {
        self.inner.poll_close(cx)
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        self.inner.on_behaviour_event(event);
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<
            '_,
            Self::InboundProtocol,
            Self::OutboundProtocol,
            Self::InboundOpenInfo,
            Self::OutboundOpenInfo,
        >,
    ) {
        self.inner.on_connection_event(match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, info }) => {
                ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, info })
            }
            ConnectionEvent::ListenUpgradeError(ListenUpgradeError { info, error }) => {
                ConnectionEvent::ListenUpgradeError(ListenUpgradeError { info, error })
            }
            ConnectionEvent::FullyNegotiatedOutbound(e) => {
                ConnectionEvent::FullyNegotiatedOutbound(e)
            }
            ConnectionEvent::DialUpgradeError(e) => ConnectionEvent::DialUpgradeError(e),
            ConnectionEvent::AddressChange(e) => ConnectionEvent::AddressChange(e),
            ConnectionEvent::LocalProtocolsChange(e) => ConnectionEvent::LocalProtocolsChange(e),
            ConnectionEvent::RemoteProtocolsChange(e) => ConnectionEvent::RemoteProtocolsChange(e),
            // The library keeps the right to add kinds: one that we do not know goes unheard.
            _ => return,
        });
    }
}

/// An inbound upgrade that names no protocol while the gate is shut.
pub(super) struct GatedUpgrade<U> {
    inner: U,
    open: bool,
}

impl<U: UpgradeInfoSend> UpgradeInfo for GatedUpgrade<U> {
    type Info = U::Info;
    type InfoIter = std::iter::Flatten<std::option::IntoIter<U::InfoIter>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.open.then(|| self.inner.protocol_info()).into_iter().flatten()
    }
}

impl<U: InboundUpgradeSend> InboundUpgrade<Stream> for GatedUpgrade<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_inbound(self, stream: Stream, info: U::Info) -> U::Future {
        self.inner.upgrade_inbound(stream, info)
    }
}
