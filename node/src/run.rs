//! Making a node, and running it.
//!
//! ```text
//! <data>/identity.json   role, name, key log: who this node is; public, and written last by `init`
//! <data>/keystore        the secrets, sealed
//! <data>/store.redb      the tables, encrypted
//! <data>/store.packs/    the store's log, and all that is large in it, encrypted
//! <data>/objects/        sealed objects
//! <data>/ballast         room kept for deleting, until the disk is full
//! <data>/ports.json      the ports that the system chose, to be kept over restarts
//! <data>/starts          how often the node started: an older copy of the store knows of fewer
//! <data>/api.sock        the local API, while the node runs
//! ```

mod file;
mod identity;
mod init;
mod keys;
mod ports;
mod starts;

use std::io;

use chartmesh_protocol::identity::{KeyLogError, Role};
use chartmesh_protocol::peer::{Identity, Peer};
use libp2p::Multiaddr;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

pub use identity::{IdentityError, NodeIdentity};
pub use init::{InitError, Made, import, init, new_store, on_one_disk, recover};
pub use keys::{KeysError, export, reseal, rotate};

use crate::config::Config;
use crate::disk::AnyDisk;
use crate::driver::{Driver, Ended, Handle, Parts, Reopen, StartError, WallClock};
use crate::keystore::{Keystore, KeystoreError, Unlock, name};
use crate::limits::{BLOCKING_KEPT, BLOCKING_THREADS_MAX};
use crate::net::{self, Limits, Net, NetConfig, NetError, NetEvent};
use crate::object_store::{ObjectError, ObjectFolder};
use crate::room::Room;
use crate::store::{OpenError, StorageKey, Store};

/// Threads that async tasks run on: a node mostly waits.
const WORKERS: usize = 2;

/// The runtime that a node is made for.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_KEPT)
        .thread_name("chartmesh")
        .enable_all()
        .build()
}

/// A running node. Dropped, it ends as by a power cut.
#[derive(Debug)]
pub struct Node {
    driver: Driver,
    net: Net,
    config: Config,
    identity: NodeIdentity,
    /// While the keystore has signing keys from before a rotation.
    erasing: Option<AbortOnDropHandle<()>>,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no node here, or its description is damaged.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The keystore does not open.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The keystore opened and lacks a secret.
    #[error("the keystore lacks the secret `{0}`; restore the keystore that belongs to this node")]
    MissingSecret(String),
    /// The keystore's keys are not those of the identity.
    #[error(
        "the keystore belongs to another node than identity.json: {0}; restore both from the same copy"
    )]
    OtherKeys(KeyLogError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The object folder cannot be used.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The network did not start.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The driver did not start.
    #[error(transparent)]
    Driver(#[from] StartError),
    /// The runtime is ending.
    #[error("starting was given up: the program is ending")]
    GivenUp,
}

/// What is read from the disk before the network starts.
struct Opened {
    identity: NodeIdentity,
    peer: Peer,
    store: Store,
    reopen: Reopen,
    room: Room,
    objects: ObjectFolder,
    node_seed: Zeroizing<[u8; 32]>,
    /// Whether the keystore has signing keys from before a rotation.
    has_earlier: bool,
}

/// Starts the node that `init` made. Returns when it listens and has taken up what an earlier run
/// left. Call it on [`runtime`].
///
/// # Errors
/// [`RunError`]; each says what to do next.
pub async fn run(config: Config, unlock: Unlock) -> Result<Node, RunError> {
    start(config, unlock, false).await
}

/// [`run`], on the operator's word that the machine's clock is right, though the node has worked by a
/// later time: that later time counts no more. It is on the record.
///
/// # Errors
/// As [`run`].
pub async fn run_accepting_clock(config: Config, unlock: Unlock) -> Result<Node, RunError> {
    start(config, unlock, true).await
}

async fn start(config: Config, unlock: Unlock, accept_clock: bool) -> Result<Node, RunError> {
    let opening = (config.clone(), unlock.clone());
    let opened = tokio::task::spawn_blocking(move || open(&opening.0, &opening.1));
    let Opened { identity, peer, store, reopen, room, objects, node_seed, has_earlier } =
        opened.await.map_err(|_| RunError::GivenUp)??;
    let (net, events) = listen(&config, &node_seed).await?;
    tracing::info!(role = identity.role.name(), node = %peer.node().short(), "starting");
    let announce = config.announce.clone();
    let parts = Parts {
        store,
        reopen: Some(reopen),
        room: Some(room),
        peer,
        objects,
        net: net.clone(),
        events,
        announce,
        private_networks: config.private_networks,
        accept_clock,
        wall_clock: WallClock::default(),
        starts: Some(starts::beside(config.data_dir.join(file::STARTS))),
        witness: None,
    };
    let driver = Driver::start(parts).await?;
    // What unlocks the keystore is kept in memory for as long as there is something to be erased, and no longer.
    let erasing = has_earlier.then(|| {
        let keystore = config.data_dir.join(file::KEYSTORE);
        let erasing = keys::erase_earlier(driver.handle(), keystore, unlock);
        AbortOnDropHandle::new(tokio::spawn(erasing))
    });
    Ok(Node { driver, net, config, identity, erasing })
}

fn open(config: &Config, unlock: &Unlock) -> Result<Opened, RunError> {
    let dir = &config.data_dir;
    let mut identity = NodeIdentity::of(dir)?;
    let keystore = dir.join(file::KEYSTORE);
    let mut secrets = Keystore::open(&keystore, unlock)?;
    keys::drop_next(&keystore, unlock, &identity, &mut secrets)?;
    let key = |name: &str| {
        let missing = || RunError::MissingSecret(name.to_owned());
        secrets.key(name).ok_or_else(missing)
    };
    let storage = StorageKey::from_bytes(key(name::STORAGE_KEY)?);
    let node_seed = key(name::NODE_SIGNING_SEED)?;
    let peer = keys::secret_identity(&identity, &secrets).map_err(RunError::MissingSecret)?;
    let earlier = keys::earlier(&identity, &secrets);
    let has_earlier = !earlier.signing.is_empty();
    let peer = Peer::new(peer).map_err(RunError::OtherKeys)?.with_earlier(earlier);
    identity.node = peer.node();
    let room = Room::new(dir, config.keep_free);
    // What opening a store that was not closed cleanly writes.
    room.for_a_transaction();
    let (path, options) = (dir.join(file::STORE), config.store_options());
    let reopen: Reopen = Box::new(move || Store::open_with(&path, &storage, &options));
    let store = reopen()?;
    let objects = ObjectFolder::open(AnyDisk::default(), &dir.join(file::OBJECTS))?;
    Ok(Opened { identity, peer, store, reopen, room, objects, node_seed, has_earlier })
}

/// The protocol's identity of the node that `init` made, secrets included: for tools that speak as
/// this institution without running its node.
///
/// # Errors
/// [`RunError`].
pub fn load_identity(config: &Config, unlock: &Unlock) -> Result<Identity, RunError> {
    let dir = &config.data_dir;
    let identity = NodeIdentity::of(dir)?;
    let secrets = Keystore::open(&dir.join(file::KEYSTORE), unlock)?;
    keys::secret_identity(&identity, &secrets).map_err(RunError::MissingSecret)
}

/// Ends a task that holds the store open.
async fn end(task: Option<AbortOnDropHandle<()>>) {
    if let Some(task) = task {
        task.abort();
        let _ended = task.await;
    }
}

/// Starts the network on the ports of the last run, if they are free still: the addresses in
/// invites and in others' books stay true.
async fn listen(
    config: &Config,
    node_seed: &Zeroizing<[u8; 32]>,
) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    let path = config.data_dir.join(file::PORTS);
    let start = |listen: Vec<Multiaddr>| {
        net::start(NetConfig {
            node_seed: node_seed.clone(),
            listen,
            mdns: config.mdns,
            private_networks: config.private_networks,
            limits: Limits::default(),
        })
    };
    let kept = ports::recall(&path, &config.listen);
    let started = match start(kept.clone()).await {
        Err(error @ NetError::Listen { .. }) if kept != config.listen => {
            tracing::info!(%error, "the ports of the last run are taken; choosing others");
            start(config.listen.clone()).await?
        }
        other => other?,
    };
    ports::remember(&path, &config.listen, &started.0.listeners());
    Ok(started)
}

impl Node {
    /// The way to the driver, for front doors.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.driver.handle()
    }

    /// The network, for telling who is connected and where others connect.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// How it runs.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &NodeIdentity {
        &self.identity
    }

    /// What it does.
    #[must_use]
    pub fn role(&self) -> Role {
        self.identity.role
    }

    /// Waits until the node ended by itself, or was told to by [`Handle::shutdown`].
    pub async fn ended(&self) -> Ended {
        self.driver.ended().await
    }

    /// Stops in an orderly way: what is queued is done, others are told goodbye.
    pub async fn shutdown(self) -> Ended {
        end(self.erasing).await;
        let ended = self.driver.shutdown().await;
        self.net.stop().await;
        ended
    }

    /// Stops at once, as by a power cut, and returns when all files are closed.
    pub async fn abandon(self) -> Ended {
        end(self.erasing).await;
        let ended = self.driver.abandon().await;
        self.net.stop().await;
        ended
    }
}

#[cfg(test)]
mod tests;
