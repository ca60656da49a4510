//! What the transport costs, measured on two nodes: the figures by which the other tier models it.
//!
//! A time is given in milliseconds and in one-way latencies of the link, since all of it is waiting for
//! the other side: nothing here computes for a measurable simulated time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chartmesh_kit::FaultyDisk;
use chartmesh_node::bulk::{self, Patience, Pulled};
use chartmesh_node::net::{self, Limits, Net, NetConfig, NetEvent};
use chartmesh_node::object_store::ObjectFolder;
use chartmesh_node::pool;
use chartmesh_protocol::id::{NodeId, PartyId, TicketId, TransferId};
use libp2p::Multiaddr;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::chance;
use crate::internet::SimTransport;
use crate::internet::{Internet, Links, Region, address};
use crate::link::Link;

/// One figure.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Of what.
    pub what: String,
    /// How long it took.
    pub took: Duration,
    /// That, in one-way latencies of the link.
    pub hops: f64,
    /// Bytes that whoever began wrote to its connection, and those that the other wrote.
    pub bytes: (u64, u64),
}

/// Bytes of the smallest requests and answers here.
const SMALL: usize = 200;

/// Measures on a link.
///
/// # Panics
/// When the network does not do what it does.
#[must_use]
pub fn measure(link: Link) -> Vec<Cost> {
    chance::seed(1);
    let runtime = crate::stack::runtime();
    pool::in_place(|| runtime.block_on(all(link)))
}

async fn all(link: Link) -> Vec<Cost> {
    let internet = Internet::new(1, Links::all(link), Instant::now());
    let mut bench = Bench::new(internet, link).await;
    bench.connecting().await;
    bench.requests().await;
    bench.bulk().await;
    bench.idle().await;
    bench.costs
}

/// Two bare networks, and what was measured on them.
struct Bench {
    internet: Internet,
    link: Link,
    near: Net,
    near_events: mpsc::Receiver<NetEvent>,
    far: Net,
    /// What reached the far side: bytes of each request, and when.
    reached: mpsc::UnboundedReceiver<(usize, Instant)>,
    library: Arc<ObjectFolder<FaultyDisk>>,
    costs: Vec<Cost>,
}

/// Where a measurement begins.
#[derive(Clone, Copy)]
struct Begin(Instant, (u64, u64));

impl Bench {
    async fn new(internet: Internet, link: Link) -> Self {
        let (near, near_events) = bare(&internet, 1).await;
        let (far, far_events) = bare(&internet, 2).await;
        let library = ObjectFolder::open(FaultyDisk::new(), Path::new("/objects"));
        let library = Arc::new(library.expect("memory does not fail"));
        let (reaches, reached) = mpsc::unbounded_channel();
        let answering = answer(far.clone(), far_events, reaches, Arc::clone(&library));
        drop(tokio::spawn(answering));
        let costs = Vec::new();
        Self { internet, link, near, near_events, far, reached, library, costs }
    }

    fn begin(&self) -> Begin {
        Begin(Instant::now(), self.bytes())
    }

    fn bytes(&self) -> (u64, u64) {
        (self.internet.flow(0, 1), self.internet.flow(1, 0))
    }

    /// Notes what was spent from `begin` to `end`; the bytes are those written until now.
    fn note(&mut self, what: &str, Begin(began, before): Begin, end: Instant) {
        let took = end - began;
        let hops = took.as_secs_f64() / self.link.latency.as_secs_f64();
        let after = self.bytes();
        let bytes = (after.0 - before.0, after.1 - before.1);
        self.costs.push(Cost { what: what.to_owned(), took, hops, bytes });
    }

    fn address(&self) -> Vec<Multiaddr> {
        vec![address(1)]
    }

    /// Time for what trails behind, identify and pings, and for windows to close again: the next
    /// measurement begins as on a connection that has been quiet for a while.
    async fn settle(&self) {
        sleep(self.link.latency * 10 + Duration::from_secs(1)).await;
    }

    async fn hello(&self) {
        let id = self.far.node_id();
        let answered = self.near.hello(self.address(), Some(id), vec![0; SMALL]).await;
        answered.expect("the far side answers");
    }

    /// When the request of so many bytes reached the far side.
    async fn reached(&mut self, bytes: usize) -> Instant {
        loop {
            let (found, at) = self.reached.recv().await.expect("the far side runs");
            if found == bytes {
                return at;
            }
        }
    }

    async fn connecting(&mut self) {
        let begin = self.begin();
        let calling = self.near.clone();
        let (address, id) = (self.address(), self.far.node_id());
        let calling = tokio::spawn(async move {
            calling.hello(address, Some(id), vec![0; SMALL]).await.expect("the far side answers");
            Instant::now()
        });
        let connected = loop {
            match self.near_events.recv().await.expect("the near side runs") {
                NetEvent::Connected { .. } => break Instant::now(),
                _ => continue,
            }
        };
        self.note("dial, Noise and Yamux, until the dialler's connection stands", begin, connected);
        let reached = self.reached(SMALL).await;
        self.note("the same and a `hello`, until it is at the far side", begin, reached);
        let answered = calling.await.expect("it does not panic");
        self.note("the same, until its answer is here", begin, answered);
        let end = Instant::now();
        self.settle().await;
        self.note("the same, with identify and the first ping of both", begin, end);
    }

    async fn requests(&mut self) {
        let begin = self.begin();
        self.hello().await;
        let end = Instant::now();
        self.settle().await;
        self.note("`hello` of 200 bytes on an open connection, until its answer", begin, end);
        for bytes in [1024, 16 * 1024, 64 * 1024] {
            let begin = self.begin();
            let (calling, address, id) = (self.near.clone(), self.address(), self.far.node_id());
            let calling = tokio::spawn(async move {
                let answer = calling.control(id, address, vec![0; bytes]).await;
                answer.expect("the far side answers");
                Instant::now()
            });
            let reached = self.reached(bytes).await;
            let answered = calling.await.expect("it does not panic");
            self.settle().await;
            let what = format!("control of {bytes} bytes, until it is at the far side");
            self.note(&what, begin, reached);
            let what = format!("control of {bytes} bytes, until its answer of {SMALL}");
            self.note(&what, begin, answered);
        }
    }

    async fn bulk(&mut self) {
        for (number, kib) in [1_usize, 64, 1024, 16 * 1024].into_iter().enumerate() {
            let bytes = vec![0x5A; kib * 1024];
            let mut writer = self.library.writer();
            writer.push(&bytes).expect("memory does not fail");
            let written = writer.finish().expect("memory does not fail");
            let folder = ObjectFolder::open(FaultyDisk::new(), Path::new("/objects"));
            let folder = folder.expect("memory does not fail");
            let number = u8::try_from(number).expect("a few");
            let partial = folder.partial(TransferId([number; 16]), written.id, written.len);
            let mut partial = partial.expect("memory does not fail");

            let begin = self.begin();
            let stream = self.near.open_bulk(self.far.node_id(), self.address()).await;
            let mut stream = stream.expect("the far side takes it");
            let opened = Instant::now();
            if kib == 1 {
                self.note("a bulk stream, until it may be used", begin, opened);
            }
            let (ticket, patience) = (TicketId([0; 16]), Patience::default());
            let pulled = bulk::pull(&mut stream, ticket, &mut partial, patience, |_| {}).await;
            let end = Instant::now();
            assert!(matches!(pulled, Ok(Pulled::Finished)), "{pulled:?}");
            drop(stream);
            self.settle().await;
            let what = format!("a pull of an object of {kib} KiB, the stream's opening included");
            self.note(&what, begin, end);
        }
    }

    async fn idle(&mut self) {
        self.hello().await;
        let begin = self.begin();
        sleep(Duration::from_secs(60)).await;
        self.note("a minute of an open connection without a request", begin, Instant::now());
        while !self.near.connected().is_empty() {
            sleep(Duration::from_millis(100)).await;
        }
        self.note("until a connection that nobody uses is closed", begin, Instant::now());
    }
}

/// A network without a driver.
async fn bare(internet: &Internet, seed: u8) -> (Net, mpsc::Receiver<NetEvent>) {
    let host = internet.add_host(Region(0));
    let config = NetConfig {
        node_seed: Zeroizing::new([seed; 32]),
        listen: vec![address(host)],
        mdns: false,
        private_networks: false,
        limits: Limits::default(),
    };
    let pipes = SimTransport::boxed(internet.clone(), host);
    net::start_over(config, pipes).await.expect("the address is its own")
}

/// Admits everyone, answers everything, serves every object.
async fn answer(
    far: Net,
    mut events: mpsc::Receiver<NetEvent>,
    reaches: mpsc::UnboundedSender<(usize, Instant)>,
    library: Arc<ObjectFolder<FaultyDisk>>,
) {
    let anyone = Arc::new(|_: NodeId, _, _| Ok(()));
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Hello { node, request, reply } => {
                let _nobody = reaches.send((request.len(), Instant::now()));
                far.open_gate(node, PartyId(node.0));
                reply.send(vec![0; SMALL]);
            }
            NetEvent::Control { request, reply, .. } => {
                let _nobody = reaches.send((request.len(), Instant::now()));
                reply.send(vec![0; SMALL]);
            }
            NetEvent::Bulk { node, stream } => {
                let (library, anyone) = (Arc::clone(&library), Arc::clone(&anyone));
                let serving = bulk::serve(stream, node, library, anyone, Patience::default());
                drop(tokio::spawn(serving));
            }
            _ => {}
        }
    }
}
