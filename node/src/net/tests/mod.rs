//! Real swarms on loopback and free ports. Every wait is for an event, within `PATIENCE`.

mod bulk;
mod calls;
mod crowds;
mod strangers;

use std::future::Future;
use std::time::Duration;

use chartmesh_protocol::id::{NodeId, PartyId};
use futures::StreamExt as _;
use libp2p::request_response::{self, OutboundFailure, OutboundRequestId, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, tcp, yamux};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::book::is_tcp;
use super::codec::{Answer, Frames, Room};
use super::peer_id::peer_of;
use super::{Limits, Net, NetConfig, NetEvent, Rate, start};

/// Long enough for two busy cores; a test that passes never waits for it to end.
const PATIENCE: Duration = Duration::from_secs(30);

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let ended = tokio::time::timeout(PATIENCE, future).await;
    ended.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// The institution of a node that is its only one.
fn alone(node: NodeId) -> PartyId {
    PartyId(node.0)
}

/// A node and what it was told.
struct Node {
    net: Net,
    events: mpsc::Receiver<NetEvent>,
}

impl Node {
    async fn start(seed: u8) -> Self {
        Self::start_with(seed, Limits::default()).await
    }

    async fn start_with(seed: u8, limits: Limits) -> Self {
        let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
        let listen = listen.iter().map(|addr| addr.parse().unwrap()).collect();
        Self::start_at(seed, limits, listen).await
    }

    async fn start_at(seed: u8, limits: Limits, listen: Vec<Multiaddr>) -> Self {
        let node_seed = Zeroizing::new([seed; 32]);
        let config = NetConfig { node_seed, listen, mdns: false, private_networks: false, limits };
        let (net, events) = start(config).await.unwrap();
        Self { net, events }
    }

    fn id(&self) -> NodeId {
        self.net.node_id()
    }

    /// Lets another in, as the only node of its institution.
    fn admit(&self, other: &Self) {
        self.net.open_gate(other.id(), alone(other.id()));
    }

    fn tcp(&self) -> Vec<Multiaddr> {
        self.net.listeners().into_iter().filter(is_tcp).collect()
    }

    fn quic(&self) -> Vec<Multiaddr> {
        self.net.listeners().into_iter().filter(|addr| !is_tcp(addr)).collect()
    }

    /// The first event for which `pick` has an answer; others are dropped.
    async fn event<T>(&mut self, what: &str, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        within(what, async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        })
        .await
    }

    async fn disconnected(&mut self, from: NodeId) {
        self.event("disconnected", |event| {
            matches!(event, NetEvent::Disconnected { node } if node == from).then_some(())
        })
        .await;
    }

    /// Answers everything with what was asked, admitting whoever says hello.
    fn echo(self) -> Net {
        let Self { net, mut events } = self;
        let gates = net.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    NetEvent::Hello { node, request, reply } => {
                        gates.open_gate(node, alone(node));
                        reply.send(request);
                    }
                    NetEvent::Control { request, reply, .. } => reply.send(request),
                    _ => {}
                }
            }
        });
        net
    }
}

/// What someone else's software might be: it asks for anything, with no caps of its own.
#[derive(NetworkBehaviour)]
struct RawBehaviour {
    hello: request_response::Behaviour<Frames>,
    control: request_response::Behaviour<Frames>,
    bulk: libp2p_stream::Behaviour,
    identify: identify::Behaviour,
}

struct Raw {
    swarm: Swarm<RawBehaviour>,
    target: PeerId,
}

impl Raw {
    /// Connected to `node` over TCP.
    async fn connect(node: &Node) -> Self {
        Self::connect_at(node, node.tcp().remove(0)).await
    }

    /// Connected to `node` over TCP, at this address.
    async fn connect_at(node: &Node, addr: Multiaddr) -> Self {
        let exchange = |name: &'static str| {
            let frames = Frames {
                request_bytes_max: usize::MAX,
                answer_bytes_max: usize::MAX,
                room: Room::ForEach,
            };
            let config = request_response::Config::default().with_max_concurrent_streams(1000);
            let protocols = [(StreamProtocol::new(name), ProtocolSupport::Outbound)];
            request_response::Behaviour::with_codec(frames, protocols, config)
        };
        let swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|key| RawBehaviour {
                hello: exchange("/chartmesh/hello/1"),
                control: exchange("/chartmesh/control/1"),
                bulk: libp2p_stream::Behaviour::new(),
                identify: identify::Behaviour::new(identify::Config::new(
                    "/raw".to_owned(),
                    key.public(),
                )),
            })
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
            .build();
        let mut raw = Self { swarm, target: peer_of(node.id()).unwrap() };
        raw.swarm.dial(addr).unwrap();
        raw.until("connected", |event| {
            matches!(event, SwarmEvent::ConnectionEstablished { .. }).then_some(())
        })
        .await;
        raw
    }

    async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(SwarmEvent<RawBehaviourEvent>) -> Option<T>,
    ) -> T {
        within(what, async {
            loop {
                let event = self.swarm.select_next_some().await;
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        })
        .await
    }

    fn say_hello(&mut self, bytes: usize) -> OutboundRequestId {
        let target = self.target;
        self.swarm.behaviour_mut().hello.send_request(&target, vec![7; bytes])
    }

    /// How the next of the requests under way ended.
    async fn outcome(&mut self) -> Result<Answer, OutboundFailure> {
        self.until("an outcome", |event| match event {
            SwarmEvent::Behaviour(
                RawBehaviourEvent::Hello(event) | RawBehaviourEvent::Control(event),
            ) => match event {
                request_response::Event::Message {
                    message: request_response::Message::Response { response, .. },
                    ..
                } => Some(Ok(response)),
                request_response::Event::OutboundFailure { error, .. } => Some(Err(error)),
                _ => None,
            },
            _ => None,
        })
        .await
    }
}
