//! What stands between the nodes: every connection goes through here, and is as slow and as lossy as the
//! scenario's link between the two parties' regions.
//!
//! ```text
//!  node A ──dials──> door of B (all that anybody is told of B) ──two lanes──> B's own port
//! ```
//!
//! Both ends are on this machine and acknowledge at once; the time that TCP would have taken is all in the
//! lanes. A connection stands after a round trip: nothing of the dialler leaves before.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chartmesh_scenarios::scenario::{Link, Scenario};
use chartmesh_scenarios::tier::Chance;
use chartmesh_scenarios::tier::tcp::SEGMENT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::lane::{Lane, Line};
use crate::owner::owner;

/// Written and not yet arrived, of one direction: about what Linux lets a sender buffer by default.
const BUFFER_MAX: usize = 4 * 1024 * 1024;
/// Bytes that are read at once, at most.
const READ_MAX: usize = 64 * 1024;
/// tokio's timers ring up to a millisecond late, half of one on the average: they are set that much earlier.
const LATE: Duration = Duration::from_micros(500);

/// The doors of all parties; cheap to clone. It ends with the last of its clones.
#[derive(Clone)]
pub(crate) struct Relay {
    shared: Arc<Inner>,
    doors: Arc<[SocketAddr]>,
    _serving: Arc<JoinSet<()>>,
}

struct Inner {
    seed: u64,
    /// Until the scenario begins, links take no time and lose nothing, as in the core tier.
    slow: AtomicBool,
    names: Vec<String>,
    /// By pair of parties' regions.
    links: Vec<Vec<Link>>,
    regions: Vec<usize>,
    lines: Vec<Line>,
    /// By party: where its node listens, and its process, once it runs.
    nodes: Mutex<BTreeMap<usize, (SocketAddr, u32)>>,
    /// Our own ends of connections to nodes.
    ours: Mutex<HashSet<SocketAddr>>,
    connections: AtomicU64,
    strangers: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
}

/// What went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Connections.
    pub(crate) connections: u64,
    /// Connections of which nobody knows who made them; they are refused.
    pub(crate) strangers: u64,
    /// Bytes, both ways.
    pub(crate) bytes: u64,
    /// Segments that were lost and sent again.
    pub(crate) lost: u64,
}

impl Relay {
    /// Opens a door for each party, given by name and number of its region.
    pub(crate) async fn open(
        scenario: &Scenario,
        seed: u64,
        parties: &[(String, usize)],
    ) -> io::Result<Self> {
        let between = |one: &str, other: &str| {
            let found = scenario.links.iter().rfind(|link| link.is_between(one, other));
            found.cloned().unwrap_or_else(|| Link::unsaid(one, other))
        };
        let regions = || scenario.regions.iter().map(|region| region.id.as_str());
        let links = regions().map(|from| regions().map(|to| between(from, to)).collect());
        let shared = Arc::new(Inner {
            seed,
            slow: AtomicBool::new(false),
            names: parties.iter().map(|(name, _)| name.clone()).collect(),
            links: links.collect(),
            regions: parties.iter().map(|(_, region)| *region).collect(),
            lines: parties.iter().map(|_| Line::default()).collect(),
            nodes: Mutex::default(),
            ours: Mutex::default(),
            connections: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let (mut doors, mut serving) = (Vec::new(), JoinSet::new());
        for to in 0..parties.len() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            doors.push(listener.local_addr()?);
            serving.spawn(serve(Arc::clone(&shared), to, listener));
        }
        Ok(Self { shared, doors: doors.into(), _serving: Arc::new(serving) })
    }

    /// The scenario begins: what is sent from now on takes its time.
    pub(crate) fn begin(&self) {
        self.shared.slow.store(true, Ordering::Relaxed);
    }

    /// A party's door: what its node tells others.
    pub(crate) fn door(&self, party: usize) -> SocketAddr {
        self.doors[party]
    }

    /// A party's node runs.
    pub(crate) fn runs(&self, party: usize, listens: SocketAddr, process: u32) {
        lock(&self.shared.nodes).insert(party, (listens, process));
    }

    /// Whether a node's far end of a connection is a door of ours, or one that we made.
    pub(crate) fn is_ours(&self, end: SocketAddr) -> bool {
        self.doors.contains(&end) || lock(&self.shared.ours).contains(&end)
    }

    pub(crate) fn passed(&self) -> Passed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Passed {
            connections: read(&self.shared.connections),
            strangers: read(&self.shared.strangers),
            bytes: read(&self.shared.bytes),
            lost: read(&self.shared.lost),
        }
    }
}

async fn serve(shared: Arc<Inner>, to: usize, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, end)) = accepted else { continue };
                connections.spawn(connection(Arc::clone(&shared), to, stream, end));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(shared: Arc<Inner>, to: usize, dialled: TcpStream, end: SocketAddr) {
    let begun = Instant::now();
    let nodes = lock(&shared.nodes).clone();
    let (parties, processes): (Vec<usize>, Vec<u32>) =
        nodes.iter().map(|(party, (_, process))| (*party, *process)).unzip();
    let from = match end {
        SocketAddr::V4(end) => owner(end, &processes).map(|at| parties[at]),
        SocketAddr::V6(_) => None,
    };
    let (Some(from), Some((listens, _))) = (from, nodes.get(&to)) else {
        shared.strangers.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let number = shared.connections.fetch_add(1, Ordering::Relaxed);
    let (mut there, back) = (shared.lane(from, to, number), shared.lane(to, from, number));
    if shared.slow.load(Ordering::Relaxed) {
        let latency = there.latency();
        there.not_before(begun + latency * 2);
        sleep_until(begun + latency - LATE.min(latency)).await;
    }
    let Ok(reached) = TcpStream::connect(listens).await else { return };
    if let Ok(end) = reached.local_addr() {
        lock(&shared.ours).insert(end);
    }
    // What is written is one segment or more already.
    let _slower = (dialled.set_nodelay(true), reached.set_nodelay(true));
    let ((from_dialler, to_dialler), (from_reached, to_reached)) =
        (dialled.into_split(), reached.into_split());
    tokio::join!(
        pump(&shared, from_dialler, to_reached, there),
        pump(&shared, from_reached, to_dialler, back),
    );
}

/// Moves one direction's bytes until its end.
async fn pump(shared: &Inner, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut lane: Lane) {
    let (under_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let room = Semaphore::new(BUFFER_MAX);
    let reading = async {
        let mut buffer = vec![0; READ_MAX];
        loop {
            let read = from.read(&mut buffer).await.unwrap_or(0);
            let now = Instant::now();
            if read == 0 {
                let ends = if shared.slow.load(Ordering::Relaxed) { lane.end(now) } else { now };
                let _gone = under_way.send((ends, Vec::new()));
                break;
            }
            shared.bytes.fetch_add(read as u64, Ordering::Relaxed);
            let slow = shared.slow.load(Ordering::Relaxed);
            let latency = if slow { lane.latency() } else { Duration::ZERO };
            for segment in buffer[..read].chunks(SEGMENT) {
                let size = u32::try_from(segment.len()).unwrap_or(u32::MAX);
                let Ok(permit) = room.acquire_many(size).await else { return };
                permit.forget();
                let arrives = if slow { lane.send(segment.len(), latency, now) } else { now };
                if under_way.send((arrives, segment.to_vec())).is_err() {
                    return;
                }
            }
            shared.lost.fetch_add(lane.take_lost(), Ordering::Relaxed);
        }
        // The writer goes on until the end, and this must not be dropped before.
        std::future::pending::<()>().await;
    };
    let writing = async {
        while let Some((arrives, segment)) = arriving.recv().await {
            sleep_until(arrives - LATE).await;
            room.add_permits(segment.len());
            if segment.is_empty() || to.write_all(&segment).await.is_err() {
                break;
            }
        }
        let _gone = to.shutdown().await;
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
}

impl Inner {
    fn lane(&self, from: usize, to: usize, connection: u64) -> Lane {
        let link = &self.links[self.regions[from]][self.regions[to]];
        let pair = format!("{} {}", self.names[from], self.names[to]);
        let chance = Chance::of(self.seed, &pair, &format!("connection {connection}"));
        Lane::new(link.clone(), chance, Arc::clone(&self.lines[from]))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_scenarios::scenario::parse;
    use std::path::Path;

    const FAR: &str = r#"
        schema = "chartmesh-sim/1"
        name = "far"
        duration = "1min"
        [[region]]
        id = "north"
        [[region]]
        id = "south"
        [[link]]
        between = ["north", "south"]
        latency = "30ms"
        [[hospitals]]
        id = "clinic"
        region = "north"
        count = 2
    "#;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_passes_takes_the_links_time_and_arrives_whole() {
        let scenario = parse(FAR, "far.toml", Path::new(".")).unwrap();
        let parties = [("a".to_owned(), 0), ("b".to_owned(), 1)];
        let relay = Relay::open(&scenario, 1, &parties).await.unwrap();
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        // Both parties are this process: a dial is of whoever is found first.
        relay.runs(0, "127.0.0.1:1".parse().unwrap(), std::process::id());
        relay.runs(1, echo.local_addr().unwrap(), std::process::id());
        let answering = tokio::spawn(async move {
            let (mut stream, end) = echo.accept().await.unwrap();
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            end
        });
        relay.begin();
        let begun = Instant::now();
        let mut stream = TcpStream::connect(relay.door(1)).await.unwrap();
        let sent: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
        stream.write_all(&sent[..4]).await.unwrap();
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.unwrap();
        // A round trip until the connection stands, another for the answer.
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(118), "{took:?}");
        let (mut read, mut write) = stream.split();
        let write = async {
            write.write_all(&sent[4..]).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let mut rest = Vec::new();
        let (_, came) = tokio::join!(write, read.read_to_end(&mut rest));
        came.unwrap();
        assert_eq!([&first[..], &rest].concat(), sent);
        let ours = answering.await.unwrap();
        assert!(relay.is_ours(ours) && relay.is_ours(relay.door(0)));
        assert!(!relay.is_ours("127.0.0.1:1".parse().unwrap()));
        let passed = relay.passed();
        assert_eq!((passed.connections, passed.strangers), (1, 0));
        assert_eq!(passed.bytes, 2 * sent.len() as u64);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_is_no_node_is_refused_and_counted() {
        let scenario = parse(FAR, "far.toml", Path::new(".")).unwrap();
        let relay = Relay::open(&scenario, 1, &[("a".to_owned(), 0)]).await.unwrap();
        let mut stream = TcpStream::connect(relay.door(0)).await.unwrap();
        assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
        assert_eq!(relay.passed().strangers, 1);
    }
}
