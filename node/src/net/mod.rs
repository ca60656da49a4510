//! The network: libp2p over QUIC and TCP, moving opaque bytes between nodes.
//!
//! Nothing here knows of records, federations or tokens. Bytes that arrive are handed to one
//! owner (the driver), which decides and answers; whom to let in is its word too, spoken through
//! *gates*.
//!
//! # The three protocols, and who may open which
//!
//! | protocol | what it carries | who may open it |
//! |---|---|---|
//! | `/chartmesh/hello/1` | one request, one answer (`codec.rs` has the bytes) | anyone |
//! | `/chartmesh/control/1` | one request, one answer, framed alike | nodes whose gate is open |
//! | `/chartmesh/bulk/1` | a byte from the acceptor, then a pipe of bytes | nodes whose gate is open |
//!
//! A connection proves the remote's Ed25519 key, and so its [`NodeId`], before anything else.
//! A node starts as a stranger. It says `hello`; the core checks what it brought and calls
//! [`Net::open_gate`]. From then on, and over reconnects, its control and bulk streams are taken,
//! until [`Net::close_gate`] ends them, its connections and its permission in one act. For a
//! stranger the other two protocols do not exist: the negotiation of the stream answers "na", and
//! no byte of a payload is read. Gates are memory only: after a restart everyone says hello anew.
//!
//! Beside these run identify (it tells `chartmesh/1` and the observed address, never a name or a
//! listen address), ping (a connection that does not answer is closed) and, where configured,
//! mDNS.
//!
//! # Limits (`limits.rs` gives each its reason)
//!
//! | what | limit |
//! |---|---|
//! | `hello`, either way | 16 KiB, 5 s, one at a time per connection |
//! | `hello` of strangers | 20 at once from one internet address, then 5 a second; 100 and 50 for all beyond that |
//! | strangers' connections | 64, each for 15 s |
//! | control | 1 MiB asked, 10 MiB answered, 30 s, 100 on the wire per node, 4096 in line |
//! | requests being answered | 256, then the remote is told "busy" |
//! | answers that are not read | 20 MiB per connection, 40 MiB per institution; its further requests wait |
//! | bulk streams taken in | 8 per node, 64 in all |
//! | connections | 1024 with known nodes, of these 8 per node; idle for 5 minutes |
//! | handshakes at once | 128 inbound over TCP, 128 over QUIC, 128 of ours |
//! | address book | 4096 nodes, 16 addresses each |
//!
//! Who gets a place when there are too few: `places.rs`. Who has proven nothing counts by internet address, and gets
//! in for the oldest of whoever has most; who is let in counts by institution. A node that was let in once is no
//! stranger, also after a restart ([`Net::know`]).
//!
//! # Reaching a node
//!
//! A call uses the connection that exists, or dials: the addresses given with the call first,
//! then those in the address book (given earlier, dialled with success, found by mDNS). TCP
//! addresses have a head start of 250 ms before QUIC, because bulk runs faster there; within each
//! the caller's order counts. Calls to one node share one dial. A failure says what may be
//! concluded: [`SendFailure`].

mod address;
mod answers;
mod behaviour;
mod book;
mod bulk;
mod calls;
mod codec;
mod dial;
mod door;
mod error;
mod event;
mod gate;
mod limits;
mod outside;
mod peer_id;
mod places;
mod port;
mod state;
mod strangers;
mod task;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use chartmesh_protocol::Reach;
use chartmesh_protocol::id::{NodeId, PartyId};
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::transport::Boxed;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, Swarm};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

pub(crate) use address::is_loopback;
pub use bulk::BulkStream;
pub use error::NetError;
pub use event::{NetEvent, Reason, Reply, SendFailure};
pub use limits::{Limits, Rate};
pub use state::{PeerStatus, Transport};

use behaviour::Behaviour;
use calls::{Call, Kind};
use state::NetState;
use task::{Command, Starting, Task};

/// How a node takes part in the network.
pub struct NetConfig {
    /// The Ed25519 seed of the node's key.
    pub node_seed: Zeroizing<[u8; 32]>,
    /// Where to listen, such as `/ip4/0.0.0.0/tcp/0` and `/ip4/0.0.0.0/udp/0/quic-v1`; port 0
    /// lets the system choose. A node that only calls others may leave it empty.
    pub listen: Vec<Multiaddr>,
    /// Whether to announce this node on the local network and to look for others there.
    pub mdns: bool,
    /// Whether members stand in private networks: then names that others tell may lead there.
    pub private_networks: bool,
    /// The bounds that may differ.
    pub limits: Limits,
}

/// Starts the network: the handle, and the receiver of its events for the one owner. Returns when
/// every listener has an address. When the receiver or all handles are dropped, it ends.
///
/// # Errors
/// [`NetError`].
pub async fn start(config: NetConfig) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    let (keypair, state) = (keypair(&config.node_seed), Arc::<NetState>::default());
    let gates = Arc::clone(&state.gates);
    let names = if config.private_networks { Reach::Private } else { Reach::Internet };
    let swarm = behaviour::swarm(keypair, config.mdns, &config.limits, gates, names)?;
    run(swarm, state, config, free_for_us).await
}

/// [`start`], over the caller's pipes of bytes in the place of TCP and QUIC: for a simulation. What
/// stands above TCP stands above them too, Noise and Yamux first.
///
/// # Errors
/// [`NetError`].
pub async fn start_over<P>(
    config: NetConfig,
    pipes: Boxed<P>,
) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError>
where
    P: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (keypair, state) = (keypair(&config.node_seed), Arc::<NetState>::default());
    let gates = Arc::clone(&state.gates);
    let swarm = behaviour::swarm_over(keypair, config.mdns, &config.limits, gates, pipes)?;
    run(swarm, state, config, |_| Ok(())).await
}

async fn run(
    mut swarm: Swarm<Behaviour>,
    state: Arc<NetState>,
    config: NetConfig,
    is_free: fn(&Multiaddr) -> std::io::Result<()>,
) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    let NetConfig { listen, limits, .. } = config;
    let me = peer_id::node_of(swarm.local_peer_id()).expect("the key is Ed25519");

    let mut listeners = std::collections::HashSet::new();
    for addr in &listen {
        let failed = |reason: String| NetError::Listen { addr: addr.to_string(), reason };
        is_free(addr).map_err(|error| failed(error.to_string()))?;
        let id = swarm.listen_on(addr.clone()).map_err(|error| failed(error.to_string()))?;
        listeners.insert(id);
    }

    let (events, receiver) = mpsc::channel(limits::CHANNEL_MAX);
    let (commands, requested) = mpsc::channel(limits::CHANNEL_MAX);
    let mut streams = swarm.behaviour().bulk.inner.new_control();
    let incoming = streams.accept(bulk::BULK).expect("nobody else accepts this protocol");
    let accepting =
        bulk::accept(incoming, Arc::clone(&state.gates), limits.clone(), events.clone());
    let (ready, is_ready) = oneshot::channel();
    let wait = !listeners.is_empty();
    let starting = Starting { listeners, ready: Some(ready) };
    let task = Task::new(me, swarm, Arc::clone(&state), limits, requested, events, starting);
    // The acceptor ends when the swarm, and with it the sending half of its channel, is gone.
    tokio::spawn(accepting);
    tokio::spawn(task.run());

    if wait {
        let listening = tokio::time::timeout(limits::LISTEN_TIMEOUT, is_ready).await;
        let failed = match listening {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(reason))) => Some(reason),
            Ok(Err(_)) => Some("the network ended".to_owned()),
            Err(_) => Some("no address came up in time".to_owned()),
        };
        if let Some(reason) = failed {
            let all: Vec<_> = listen.iter().map(Multiaddr::to_string).collect();
            return Err(NetError::Listen { addr: all.join(", "), reason });
        }
    }
    Ok((Net { me, state, commands, streams }, receiver))
}

/// libp2p shares a TCP port with whoever else is willing to, so two nodes started on one port would
/// silently take each other's callers. A plain socket finds out first.
fn free_for_us(addr: &Multiaddr) -> std::io::Result<()> {
    let mut parts = addr.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::from(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::from(ip),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => TcpListener::bind((ip, port)).map(drop),
        _ => Ok(()),
    }
}

fn keypair(seed: &[u8; 32]) -> Keypair {
    // The library wipes the copy that it is given.
    let mut seed = Zeroizing::new(*seed);
    Keypair::ed25519_from_bytes(&mut seed[..]).expect("32 bytes are an Ed25519 seed")
}

/// The handle to the network; clones share it.
#[derive(Clone)]
pub struct Net {
    me: NodeId,
    state: Arc<NetState>,
    commands: mpsc::Sender<Command>,
    streams: libp2p_stream::Control,
}

impl Net {
    /// This node.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.me
    }

    /// Where this node listens now, with the ports that were chosen.
    #[must_use]
    pub fn listeners(&self) -> Vec<Multiaddr> {
        self.state.listeners()
    }

    /// The nodes that are connected, in the order of their ids.
    #[must_use]
    pub fn connected(&self) -> Vec<PeerStatus> {
        self.state.connected()
    }

    /// The nonce that this node has chosen for its present session with `node`: 32 bytes from
    /// the operating system, from its first connection to the end of its last. It is not sent by
    /// itself; the core puts it into an answer, and a proof of possession made over it is worth
    /// nothing in another session or at another node.
    #[must_use]
    pub fn nonce(&self, node: NodeId) -> Option<[u8; 32]> {
        self.state.nonce(node)
    }

    /// Nodes that are no strangers though they have not said `hello` yet, and whose they are: their connections take
    /// no strangers' places.
    pub fn know(&self, nodes: impl IntoIterator<Item = (NodeId, PartyId)>) {
        self.state.gates.know(nodes);
    }

    /// Admits a node, as one of an institution: from now on it may open control and bulk streams, whether it is
    /// connected or comes later. What there is few of is shared by institutions.
    pub fn open_gate(&self, node: NodeId, institution: PartyId) {
        self.state.gates.open(node, institution);
    }

    /// Puts a node out: its bulk streams here end at once, its connections right after. It stays known.
    pub fn close_gate(&self, node: NodeId) {
        self.state.close_gate(node);
    }

    /// Whether a node is no stranger.
    #[must_use]
    pub fn is_known(&self, node: NodeId) -> bool {
        self.state.gates.institution(node).is_some()
    }

    /// A node that was put out is a stranger again.
    pub fn forget(&self, node: NodeId) {
        self.state.gates.forget(node);
    }

    /// How far inside a node stands, by the connections with it. Behind a `forwarder` whoever comes in seems to come
    /// from inside, and is taken to come from the internet.
    #[must_use]
    pub fn reach(&self, node: NodeId, forwarder: bool) -> Reach {
        self.state.reach(node, forwarder)
    }

    /// Says hello to `node`, or to whoever is at `addrs`, and returns who answered what. Addresses
    /// may end in `/p2p/<peer id>`, which then names the node.
    pub async fn hello(
        &self,
        addrs: Vec<Multiaddr>,
        node: Option<NodeId>,
        request: Vec<u8>,
    ) -> Result<(NodeId, Vec<u8>), SendFailure> {
        self.call(Kind::Hello, node, addrs, request).await
    }

    /// Asks a node that has admitted us; [`SendFailure::Refused`] where it has not.
    pub async fn control(
        &self,
        node: NodeId,
        addrs: Vec<Multiaddr>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, SendFailure> {
        let (_, answer) = self.call(Kind::Control, Some(node), addrs, request).await?;
        Ok(answer)
    }

    /// Opens a pipe of bytes to a node that has admitted us. Never fails with
    /// [`SendFailure::Unknown`].
    pub async fn open_bulk(
        &self,
        node: NodeId,
        addrs: Vec<Multiaddr>,
    ) -> Result<BulkStream, SendFailure> {
        let not_a_node = SendFailure::NeverSent(Reason::NotANode);
        let peer = peer_id::peer_of(node).ok_or(not_a_node)?;
        let (caller, connected) = oneshot::channel();
        self.ask(Command::Connect { node, addrs, caller }, connected).await?;
        let gate = self.state.gates.token(node).map(|(_, gate)| gate);
        bulk::open(self.streams.clone(), peer, gate).await
    }

    /// Ends all connections in an orderly way and frees the ports.
    pub async fn stop(&self) {
        let (caller, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop { caller }).await.is_ok() {
            // An error means that it has ended otherwise.
            let _ended = stopped.await;
        }
    }

    async fn call(
        &self,
        kind: Kind,
        node: Option<NodeId>,
        addrs: Vec<Multiaddr>,
        request: Vec<u8>,
    ) -> calls::Outcome {
        let (bytes, max) = (request.len(), kind.request_bytes_max());
        if bytes > max {
            return Err(SendFailure::NeverSent(Reason::TooLarge { bytes, max }));
        }
        let (caller, outcome) = oneshot::channel();
        let call = Call { kind, request, caller };
        self.ask(Command::Call { node, addrs, call }, outcome).await
    }

    async fn ask<T>(
        &self,
        command: Command,
        outcome: oneshot::Receiver<Result<T, SendFailure>>,
    ) -> Result<T, SendFailure> {
        let sent = self.commands.send(command).await;
        sent.map_err(|_| SendFailure::NeverSent(Reason::Stopping))?;
        outcome.await.unwrap_or(Err(SendFailure::Unknown(Reason::Stopping)))
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").field("me", &self.me).finish_non_exhaustive()
    }
}
