//! What connects the nodes: hosts with an address each, links between their regions, cuts, counters.

mod pipe;
mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use chartmesh_scenarios::scenario::Spread;
use chartmesh_scenarios::tier::Chance;

use crate::link::{Lane, Link, Varying};
use pipe::{Pipe, Socket};
use transport::Backlog;
pub(crate) use transport::SimTransport;

/// A region, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Region(pub usize);

/// How regions are linked.
#[derive(Clone, Debug)]
pub struct Links {
    all: Link,
    pairs: BTreeMap<(Region, Region), Link>,
    /// Latencies that differ from burst to burst; the link's own then is the one that TCP reckons with.
    spreads: BTreeMap<(Region, Region), Arc<Spread>>,
}

impl Links {
    /// The same link between any two hosts, in the same region or not.
    #[must_use]
    pub fn all(link: Link) -> Self {
        Self { all: link, pairs: BTreeMap::new(), spreads: BTreeMap::new() }
    }

    /// Another link between these two regions, both ways.
    #[must_use]
    pub fn with(mut self, one: Region, other: Region, link: Link) -> Self {
        self.pairs.insert((one.min(other), one.max(other)), link);
        self
    }

    /// The latency of what is between these two regions varies.
    #[must_use]
    pub fn varying(mut self, one: Region, other: Region, spread: Spread) -> Self {
        self.spreads.insert((one.min(other), one.max(other)), Arc::new(spread));
        self
    }

    fn spread(&self, one: Region, other: Region) -> Option<Arc<Spread>> {
        self.spreads.get(&(one.min(other), one.max(other))).cloned()
    }

    fn between(&self, one: Region, other: Region) -> Link {
        self.pairs.get(&(one.min(other), one.max(other))).copied().unwrap_or(self.all)
    }
}

/// What has travelled so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were dialled and stood.
    pub connections: u64,
    /// Writes, which one might call packets.
    pub writes: u64,
    /// Bytes, all of the transport's own included.
    pub bytes: u64,
}

/// The port at which every host listens.
const PORT: u16 = 4001;

/// Clones are the same internet.
#[derive(Clone)]
pub(crate) struct Internet(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Something was plugged in or healed: for dials that got no answer.
    pub(crate) changed: Notify,
}

struct State {
    seed: u64,
    begin: Instant,
    links: Links,
    hosts: Vec<Host>,
    cuts: BTreeSet<(usize, usize)>,
    connections: Vec<(usize, usize, Weak<Pipe>, Weak<Pipe>)>,
    traffic: Traffic,
    /// Bytes from one host to another.
    flows: BTreeMap<(usize, usize), u64>,
    /// Over each write: when, from where, to where, and its bytes.
    trace: blake3::Hasher,
}

struct Host {
    region: Region,
    backlog: Option<Arc<Backlog>>,
    /// Segments to and from it arrive.
    plugged: bool,
}

impl Internet {
    pub(crate) fn new(seed: u64, links: Links, begin: Instant) -> Self {
        let state = State {
            seed,
            begin,
            links,
            hosts: Vec::new(),
            cuts: BTreeSet::new(),
            connections: Vec::new(),
            traffic: Traffic::default(),
            flows: BTreeMap::new(),
            trace: blake3::Hasher::new(),
        };
        Self(Arc::new(Inner { state: Mutex::new(state), changed: Notify::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_host(&self, region: Region) -> usize {
        let mut state = self.lock();
        state.hosts.push(Host { region, backlog: None, plugged: true });
        state.hosts.len() - 1
    }

    pub(crate) fn listen(&self, host: usize, backlog: Option<Arc<Backlog>>) {
        self.lock().hosts[host].backlog = backlog;
    }

    /// Where nobody listens a dial is refused.
    pub(crate) fn backlog(&self, host: usize) -> Option<Arc<Backlog>> {
        self.lock().hosts.get(host)?.backlog.clone()
    }

    pub(crate) fn link(&self, from: usize, to: usize) -> Link {
        let state = self.lock();
        let region = |host: usize| state.hosts.get(host).map_or(Region(0), |host| host.region);
        state.links.between(region(from), region(to))
    }

    /// How the latency between two hosts varies, if it does, with chance of this purpose.
    pub(crate) fn varies(
        &self,
        purpose: &str,
        from: usize,
        to: usize,
        number: u64,
    ) -> Option<Varying> {
        let state = self.lock();
        let region = |host: usize| state.hosts.get(host).map_or(Region(0), |host| host.region);
        let spread = state.links.spread(region(from), region(to))?;
        let chance = Chance::of(state.seed, &format!("{from} {to} {number}"), purpose);
        Some(Varying::new(spread, chance))
    }

    /// Other links from now on, for connections that are made from now on.
    pub(crate) fn relink(&self, links: Links) {
        self.lock().links = links;
    }

    /// Chance that belongs to this purpose of a pair and no other, so that more traffic elsewhere
    /// changes nothing here.
    pub(crate) fn chance(&self, purpose: &str, from: usize, to: usize, number: u64) -> ChaCha20Rng {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.lock().seed.to_be_bytes()).update(purpose.as_bytes());
        for part in [from as u64, to as u64, number] {
            hasher.update(&part.to_be_bytes());
        }
        ChaCha20Rng::from_seed(*hasher.finalize().as_bytes())
    }

    /// Whether segments arrive from one host at the other.
    pub(crate) fn is_open(&self, one: usize, other: usize) -> bool {
        self.lock().is_open(one, other)
    }

    /// Waits until something was healed.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Two ends of a new connection: the dialler's and the listener's.
    pub(crate) fn connect(&self, dialler: usize, listener: usize) -> (Socket, Socket, u64) {
        let link = self.link(dialler, listener);
        let number = self.lock().traffic.connections;
        let lane = |from, to| {
            let varies = self.varies("lane", from, to, number);
            let lane = Lane::new(link, self.chance("lane", from, to, number)).varying(varies);
            Arc::new(Pipe::new(lane))
        };
        let (there, back) = (lane(dialler, listener), lane(listener, dialler));
        let mut state = self.lock();
        state.traffic.connections += 1;
        state.connections.retain(|(.., there, _)| there.strong_count() > 0);
        let weak = (Arc::downgrade(&there), Arc::downgrade(&back));
        state.connections.push((dialler, listener, weak.0, weak.1));
        drop(state);
        let ours = Socket::new(self.clone(), (dialler, listener), Arc::clone(&back), there.clone());
        let theirs = Socket::new(self.clone(), (listener, dialler), there, back);
        (ours, theirs, number)
    }

    /// Notes a write in the trace.
    pub(crate) fn wrote(&self, (from, to): (usize, usize), bytes: &[u8], now: Instant) {
        let mut state = self.lock();
        state.traffic.writes += 1;
        state.traffic.bytes += bytes.len() as u64;
        *state.flows.entry((from, to)).or_default() += bytes.len() as u64;
        let at = now.saturating_duration_since(state.begin).as_micros();
        state.trace.update(&at.to_be_bytes());
        for part in [from as u64, to as u64, bytes.len() as u64] {
            state.trace.update(&part.to_be_bytes());
        }
        state.trace.update(bytes);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.lock().traffic
    }

    /// Bytes written from one host to another.
    pub(crate) fn flow(&self, from: usize, to: usize) -> u64 {
        self.lock().flows.get(&(from, to)).copied().unwrap_or(0)
    }

    pub(crate) fn trace_hash(&self) -> String {
        self.lock().trace.finalize().to_string()
    }

    /// Cuts or heals the way between two hosts.
    pub(crate) fn cut(&self, one: usize, other: usize, cut: bool) {
        let pair = (one.min(other), one.max(other));
        let mut state = self.lock();
        if cut {
            state.cuts.insert(pair);
        } else {
            state.cuts.remove(&pair);
        }
        self.settle(state);
    }

    /// Plugs a host out, as by a power cut, or in. Nobody is told.
    pub(crate) fn plug(&self, host: usize, plugged: bool) {
        let mut state = self.lock();
        state.hosts[host].plugged = plugged;
        self.settle(state);
    }

    /// Brings the connections in line with what is open now.
    fn settle(&self, state: MutexGuard<'_, State>) {
        let now = Instant::now();
        for (one, other, there, back) in &state.connections {
            let open = state.is_open(*one, *other);
            for pipe in [there, back].into_iter().filter_map(Weak::upgrade) {
                pipe.open(open, now);
            }
        }
        drop(state);
        self.0.changed.notify_waiters();
    }
}

impl State {
    fn is_open(&self, one: usize, other: usize) -> bool {
        let plugged = |host: usize| self.hosts.get(host).is_some_and(|host| host.plugged);
        plugged(one) && plugged(other) && !self.cuts.contains(&(one.min(other), one.max(other)))
    }
}

/// Where a host listens.
pub(crate) fn address(host: usize) -> Multiaddr {
    address_at(host, PORT)
}

/// One of a host's ports that nobody listens at.
pub(crate) fn ephemeral(host: usize, number: u64) -> Multiaddr {
    let port = 32_768 + u16::try_from(number % 28_000).expect("below 28,000");
    address_at(host, port)
}

fn address_at(host: usize, port: u16) -> Multiaddr {
    let number = u32::try_from(host).expect("fewer hosts than addresses");
    // From 10.0.0.1 on: a network of its own.
    let ip = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + number);
    Multiaddr::empty().with(Protocol::Ip4(ip)).with(Protocol::Tcp(port))
}

/// The host and port of an address.
pub(crate) fn host_at(address: &Multiaddr) -> Option<(usize, bool)> {
    let mut parts = address.iter();
    let (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) = (parts.next(), parts.next()) else {
        return None;
    };
    let host = ip.to_bits().checked_sub(Ipv4Addr::new(10, 0, 0, 1).to_bits())?;
    Some((usize::try_from(host).ok()?, port == PORT))
}
