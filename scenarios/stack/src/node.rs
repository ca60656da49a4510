//! One node: the program's own driver, network and store, on simulated machinery.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chartmesh_kit::FaultyDisk;
use chartmesh_node::disk::AnyDisk;
use chartmesh_node::driver::{Driver, Handle, Parts, WallClock, Witness};
use chartmesh_node::net::{self, Limits, Net, NetConfig};
use chartmesh_node::object_store::ObjectFolder;
use chartmesh_node::store::{StorageKey, Store, StoreFiles, StoreOptions};
use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::identity::{Role, incept};
use chartmesh_protocol::peer::{Identity, Peer, Policy};
use chartmesh_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use redb::StorageBackend as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::clock::ms;
use crate::internet::{Internet, SimTransport, address};
use crate::memory::MemoryFile;

/// Where its objects are on its own disk.
const FOLDER: &str = "/objects";

/// Names its store in errors.
const STORE: &str = "store";
/// Where its packs are, on the disk of its objects.
const PACKS: &str = "/packs";

/// What outlives a node that is switched off: its keys and its disks.
pub(crate) struct Machine {
    seed: u64,
    pub(crate) host: usize,
    role: Role,
    name: String,
    policy: Policy,
    disk: FaultyDisk,
    store: MemoryFile,
    /// By how much its clock is ahead of the world's, in milliseconds.
    pub(crate) ahead_ms: u64,
}

/// A node that runs.
pub(crate) struct Running {
    driver: Driver,
    net: Net,
    pub(crate) handle: Handle,
}

impl Machine {
    pub(crate) fn new(seed: u64, host: usize, role: Role, name: &str, policy: Policy) -> Self {
        let (disk, store) = (FaultyDisk::new(), MemoryFile::default());
        Self { seed, host, role, name: name.to_owned(), policy, disk, store, ahead_ms: 0 }
    }

    /// Its own keys, each from the seed and its purpose.
    fn key(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_be_bytes()).update(&self.host.to_be_bytes());
        *hasher.update(purpose.as_bytes()).finalize().as_bytes()
    }

    fn peer(&self) -> Peer {
        let institution = SigningKey::from_seed(&self.key("institution"));
        let next = SigningKey::from_seed(&self.key("next"));
        let identity = Identity {
            role: self.role,
            name: self.name.clone(),
            log: incept(&institution, &next.public()),
            institution,
            kem: KemSecret::from_seed(self.key("kem")),
            node: SigningKey::from_seed(&self.key("node")),
        };
        let peer = Peer::new(identity).expect("a fresh key log verifies");
        peer.with_policy(self.policy)
    }

    pub(crate) fn id(&self) -> PartyId {
        self.peer().me()
    }

    pub(crate) fn node(&self) -> NodeId {
        self.peer().node()
    }

    /// Bytes of its store.
    pub(crate) fn store_bytes(&self) -> usize {
        self.store.size()
    }

    fn open_store(&self) -> Store {
        let key = StorageKey::from_bytes(Zeroizing::new(self.key("storage")));
        let options = StoreOptions::default();
        let mut salt = ChaCha20Rng::from_seed(self.key("salt"));
        let empty = self.store.len().expect("memory does not fail") == 0;
        let files = StoreFiles {
            store: Box::new(self.store.clone()),
            disk: AnyDisk::new(self.disk.clone()),
            packs: PACKS.into(),
        };
        if empty {
            return Store::create_on(files, Path::new(STORE), &key, &mut salt, &options)
                .expect("memory does not fail");
        }
        Store::open_on(files, Path::new(STORE), &key, &options)
            .expect("memory does not fail")
    }

    /// Switches it on.
    pub(crate) async fn start(
        &self,
        internet: &Internet,
        (begin, epoch): (Instant, Timestamp),
        witness: Witness,
    ) -> Running {
        let disk = AnyDisk::new(self.disk.clone());
        let objects = ObjectFolder::open(disk, Path::new(FOLDER)).expect("memory does not fail");
        let config = NetConfig {
            node_seed: Zeroizing::new(self.key("node")),
            listen: vec![address(self.host)],
            mdns: false,
            private_networks: false,
            limits: Limits::default(),
        };
        let pipes = SimTransport::boxed(internet.clone(), self.host);
        let (net, events) = net::start_over(config, pipes).await.expect("the address is its own");
        let ahead = Duration::from_millis(self.ahead_ms);
        let parts = Parts {
            store: self.open_store(),
            reopen: None,
            room: None,
            peer: self.peer(),
            objects,
            net: net.clone(),
            events,
            announce: Vec::new(),
            private_networks: false,
            accept_clock: false,
            wall_clock: WallClock::new(move || epoch.plus_ms(ms(begin.elapsed() + ahead))),
            starts: None,
            witness: Some(witness),
        };
        let driver = Driver::start(parts).await.expect("memory does not fail");
        Running { handle: driver.handle(), driver, net }
    }
}

impl Running {
    /// Ends it in an orderly way.
    pub(crate) async fn stop(self) {
        let _ended = self.driver.shutdown().await;
        self.net.stop().await;
    }

    /// Ends it as by a power cut.
    pub(crate) async fn abandon(self) {
        let _ended = self.driver.abandon().await;
        self.net.stop().await;
    }

    pub(crate) fn is_connected(&self, node: NodeId) -> bool {
        self.net.connected().iter().any(|peer| peer.node == node)
    }

    pub(crate) fn connections(&self) -> usize {
        self.net.connected().iter().map(|peer| peer.addrs.len()).sum()
    }
}

/// Which node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who(pub usize);

/// What is behind a lock, whoever panicked while holding it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
