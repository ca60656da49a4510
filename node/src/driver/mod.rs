//! The driver: feeds the protocol with what happens, one durable transaction after another, and
//! does what it asks for.
//!
//! ```text
//!  front doors ──command──┐                               ┌── answers, replies
//!  network ──hello, ──────┤                               ├── gates
//!            control      ├──> queue ──> writer thread ───┼── deliveries, one per institution
//!  deliveries ──outcome───┤              events -> one    ├── pulls, eight at once
//!  pulls ──end────────────┤              transaction ->   ├── removals of objects
//!  timer ──tick───────────┘              commit -> then   └── timer
//! ```
//!
//! * **Commit, then speak.** The writer takes what waits into one transaction (group commit), and
//!   only when that is durable anything of it is seen by anyone. Effects are hints; after a crash
//!   the protocol's `resume` names again what is to be done.
//! * **Nothing is decided here.** Who may come in, what is sent, what is refused: the protocol
//!   says it. The driver brings time, randomness, bytes, and patience.
//! * **What is costly is done elsewhere.** Signatures of what arrives are checked on a pool before
//!   the writer sees it; reads run on snapshots, on any thread.
//!
//! A storage fault drops its batch, and tells whoever waits; three in a row stop the node.

mod clock;
mod delivery;
mod greet;
mod handle;
mod in_use;
mod inbound;
mod limits;
mod memory_disk;
mod perform;
mod pull;
mod serve;
mod sessions;
mod shared;
mod start;
mod stock;
mod timer;
mod trail;
mod waiting;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;

use chartmesh_protocol::peer::{Effect, Event, Peer};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::store::StoreError;
use chartmesh_protocol::time::Timestamp;
use libp2p::Multiaddr;
use tokio::sync::{mpsc, watch};

pub use clock::WallClock;
pub use handle::{DriverStatus, Handle};
pub use pull::TransferProgress;
pub use stock::{Check, Checked, LostObject};

use crate::net::{Net, NetEvent};
use crate::objects::{ObjectError, ObjectFolder};
use crate::store::Store;
use shared::{Item, Shared};

/// Told of every event at the time at which it is handled, before it is durable, and then of what it
/// asks for: how a simulation measures.
pub type Witness = Arc<dyn Fn(Timestamp, Witnessed<'_>) + Send + Sync>;

/// What a [`Witness`] is told.
#[derive(Clone, Copy, Debug)]
pub enum Witnessed<'a> {
    /// An event is handled.
    Event(&'a Event),
    /// The event before this was, and asks for these; not said of one that came to nothing.
    Effects(&'a [Effect]),
}

/// What a driver is made of.
pub struct Parts {
    /// The tables; nobody else writes them.
    pub store: Store,
    /// The protocol, with this node's identity.
    pub peer: Peer,
    /// The object folder.
    pub objects: ObjectFolder,
    /// The network's handle.
    pub net: Net,
    /// The network's events; nobody else takes them.
    pub events: mpsc::Receiver<NetEvent>,
    /// Addresses to tell others besides those it listens on, such as a router's.
    pub announce: Vec<Multiaddr>,
    /// The operator says that the machine's clock is right, and that the time by which the node has
    /// worked was ahead of it.
    pub accept_clock: bool,
    /// Where the time of day comes from.
    pub wall_clock: WallClock,
    /// Who sees every event that is handled; nobody does in a node.
    pub witness: Option<Witness>,
}

/// A running driver. Dropped, it ends as by a power cut: without waiting for anything.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    /// None where the writer is a task like others.
    writer: Option<JoinHandle<()>>,
}

/// Why the driver did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The tables cannot be read or written.
    #[error("the store cannot be used: {0}; check the disk and its free space")]
    Store(#[from] StoreError),
    /// The object folder cannot be read.
    #[error("the object folder cannot be used: {0}")]
    Objects(#[from] ObjectError),
    /// The system gives no thread, or the runtime is ending.
    #[error("no thread could be started: {0}")]
    Thread(String),
}

/// Why a driver ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It was told to.
    #[error("the node was stopped")]
    Stopped,
    /// The storage failed, again and again.
    #[error(
        "the storage failed: {0}; check the disk and its free space, then start the node again"
    )]
    Storage(String),
    /// A bug in the driver itself.
    #[error("the writing thread panicked; this is a bug, please report it with the log")]
    Bug,
}

/// Why an event came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    #[error("this node is stopping")]
    Stopping,
    #[error("{0}")]
    Storage(String),
    #[error("this request set off a bug of the node; see its log")]
    Bug,
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        Self::Store(StoreError::Fault(lost.to_string()))
    }
}

impl Driver {
    /// Starts on the calling runtime: writes what the protocol notes once per start, sweeps the
    /// object folder, and takes up what an earlier run left.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(mut parts: Parts) -> Result<Self, StartError> {
        let events = std::mem::replace(&mut parts.events, mpsc::channel(1).1);
        let (shared, items) = Shared::new(parts)?;
        let writer = start::start(&shared, items, events).await?;
        Ok(Self { shared, writer })
    }

    /// The handle, for front doors.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Waits until the driver ended by itself or was told to.
    pub async fn ended(&self) -> Ended {
        ended(self.shared.ended.subscribe()).await
    }

    /// Stops: what is queued is still done, then everything ends.
    pub async fn shutdown(mut self) -> Ended {
        let _ended = self.shared.queue.send(Item::Stop).await;
        self.join().await
    }

    /// Stops at once, as by a power cut: what is queued is not done. For tests and emergencies.
    pub async fn abandon(mut self) -> Ended {
        self.shared.stop_now();
        self.join().await
    }

    /// Has the storage fail the next batches.
    #[cfg(test)]
    pub(crate) fn fail_batches(&self, batches: u32) {
        let order = std::sync::atomic::Ordering::Relaxed;
        self.shared.failing.store(batches, order);
    }

    async fn join(&mut self) -> Ended {
        let ended = ended(self.shared.ended.subscribe()).await;
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        let tasks = self.shared.tasks.wait();
        if tokio::time::timeout(limits::STOP_TIMEOUT, tasks).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        if let Some(writer) = self.writer.take() {
            let _joined = shared::on_pool(move || writer.join()).await;
        }
        ended
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.stop_now();
    }
}

async fn ended(mut ended: watch::Receiver<Option<Ended>>) -> Ended {
    match ended.wait_for(Option::is_some).await {
        Ok(ended) => ended.clone().unwrap_or(Ended::Stopped),
        Err(_) => Ended::Stopped,
    }
}
