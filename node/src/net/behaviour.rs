//! The libp2p behaviours of a node, and the swarm around them.

use std::sync::Arc;

use chartmesh_protocol::Reach;
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{Config, NetworkBehaviour};
use libp2p::{
    PeerId, StreamProtocol, Swarm, Transport, connection_limits, dns, identify, mdns, noise, ping,
    quic, yamux,
};

use super::NetError;
use super::calls::Kind;
use super::codec::{Frames, Room};
use super::door::Door;
use super::gate::{Gated, Gates};
use super::limits::{
    CONNECTIONS_PER_NODE_MAX, CONTROL_STREAMS_MAX, CONTROL_TIMEOUT, DIALS_MAX, HANDSHAKE_TIMEOUT,
    HELLO_STREAMS_MAX, HELLO_TIMEOUT, IDENTIFY_EVERY, Limits,
};
use super::outside::Outside;
use super::port::AnyPort;

const HELLO: StreamProtocol = StreamProtocol::new("/chartmesh/hello/1");
const CONTROL: StreamProtocol = StreamProtocol::new("/chartmesh/control/1");

/// What identify tells anyone: the protocol and nothing that would name a person, an institution
/// or a version to attack.
const AGENT: &str = "chartmesh/1";

/// One request and one answer per stream.
pub(super) type Exchange = request_response::Behaviour<Frames>;

/// All behaviours. The event enum is `BehaviourEvent`.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) hello: Exchange,
    pub(super) control: Gated<Exchange>,
    pub(super) bulk: Gated<libp2p_stream::Behaviour>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    fn new(keypair: &Keypair, mdns_on: bool, gates: Arc<Gates>) -> std::io::Result<Self> {
        let limits = connection_limits::ConnectionLimits::default()
            .with_max_pending_outgoing(Some(DIALS_MAX))
            .with_max_established_per_peer(Some(CONNECTIONS_PER_NODE_MAX));
        let identify = identify::Config::new(AGENT.to_owned(), keypair.public())
            .with_agent_version(AGENT.to_owned())
            .with_hide_listen_addrs(true)
            .with_interval(IDENTIFY_EVERY)
            .with_cache_size(0);
        let peer = keypair.public().to_peer_id();
        let mdns = mdns_on.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer));
        let control = exchange(Kind::Control, CONTROL, CONTROL_STREAMS_MAX);
        Ok(Self {
            limits: connection_limits::Behaviour::new(limits),
            hello: exchange(Kind::Hello, HELLO, HELLO_STREAMS_MAX),
            control: Gated::new(control, Arc::clone(&gates)),
            bulk: Gated::new(libp2p_stream::Behaviour::new(), gates),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::default(),
            mdns: mdns.transpose()?.into(),
        })
    }

    /// The behaviour of one of the two request protocols.
    pub(super) fn exchange(&mut self, kind: Kind) -> &mut Exchange {
        match kind {
            Kind::Hello => &mut self.hello,
            Kind::Control => &mut self.control.inner,
        }
    }
}

fn exchange(kind: Kind, protocol: StreamProtocol, streams_max: usize) -> Exchange {
    let frames = Frames {
        request_bytes_max: kind.request_bytes_max(),
        answer_bytes_max: kind.answer_bytes_max(),
        room: Room::ForEach,
    };
    let timeout = match kind {
        Kind::Hello => HELLO_TIMEOUT,
        Kind::Control => CONTROL_TIMEOUT,
    };
    let config = request_response::Config::default()
        .with_request_timeout(timeout)
        .with_max_concurrent_streams(streams_max);
    Exchange::with_codec(frames, [(protocol, ProtocolSupport::Full)], config)
}

/// A swarm over TCP and QUIC that listens nowhere yet.
pub(super) fn swarm(
    keypair: Keypair,
    mdns_on: bool,
    limits: &Limits,
    gates: Arc<Gates>,
    names: Reach,
) -> Result<Swarm<Behaviour>, NetError> {
    let numbers = internet(&keypair)?;
    // A machine without a usable resolver can still reach nodes by number.
    let transport = match dns::tokio::Transport::system(Outside::new(internet(&keypair)?, names)) {
        Ok(names) => numbers.or_transport(names).map(|either, _| either.into_inner()).boxed(),
        Err(error) => {
            tracing::warn!(%error, "no name resolution: only numeric addresses can be dialled");
            numbers
        }
    };
    build(keypair, mdns_on, limits, gates, transport)
}

/// A swarm over someone's pipes of bytes that listens nowhere yet: upgraded as TCP is.
pub(super) fn swarm_over<P>(
    keypair: Keypair,
    mdns_on: bool,
    limits: &Limits,
    gates: Arc<Gates>,
    pipes: Boxed<P>,
) -> Result<Swarm<Behaviour>, NetError>
where
    P: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let pipes = upgraded(pipes, &keypair)?;
    build(keypair, mdns_on, limits, gates, pipes)
}

/// Connections to whoever is at the other end, and who that is.
type Connections = Boxed<(PeerId, StreamMuxerBox)>;

fn internet(keypair: &Keypair) -> Result<Connections, NetError> {
    let tcp = upgraded(AnyPort::default(), keypair)?;
    let quic = quic::tokio::Transport::new(quic::Config::new(keypair))
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    Ok(tcp.or_transport(quic).map(|either, _| either.into_inner()).boxed())
}

fn upgraded<T>(transport: T, keypair: &Keypair) -> Result<Connections, NetError>
where
    T: Transport + Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::Error: Send + Sync,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    let noise = noise::Config::new(keypair).map_err(|e| NetError::Transport(e.to_string()))?;
    let muxed = transport.upgrade(Version::V1Lazy).authenticate(noise);
    Ok(muxed.multiplex(yamux::Config::default()).boxed())
}

fn build(
    keypair: Keypair,
    mdns_on: bool,
    limits: &Limits,
    gates: Arc<Gates>,
    transport: Connections,
) -> Result<Swarm<Behaviour>, NetError> {
    let behaviour = Behaviour::new(&keypair, mdns_on, gates).map_err(NetError::Mdns)?;
    let transport = TransportTimeout::new(transport, HANDSHAKE_TIMEOUT).boxed();
    let config = Config::with_tokio_executor().with_idle_connection_timeout(limits.idle_timeout);
    let peer = keypair.public().to_peer_id();
    Ok(Swarm::new(Door::new(transport).boxed(), behaviour, peer, config))
}
