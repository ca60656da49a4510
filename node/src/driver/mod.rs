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
//!   says it; who is greeted, tried or pulled when: its [agenda](chartmesh_protocol::agenda). The
//!   driver brings time, randomness and bytes.
//! * **What is costly is done elsewhere.** Signatures of what arrives are checked on a pool before
//!   the writer sees it; reads run on snapshots, on any thread.
//!
//! A storage fault drops its batch, and tells whoever waits; three in a row stop the node.

mod check;
mod clock;
mod ended;
mod fetch;
mod handle;
mod hello;
mod in_use;
mod inbound;
mod limits;
mod memory_disk;
mod orders;
mod parts;
mod perform;
mod progress;
mod queue;
mod removal;
mod running;
mod send;
mod serve;
mod shelf;
mod start;
mod timer;
mod trail;
mod waiting;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

pub use check::{Check, Checked, LostObject};
pub use clock::WallClock;
pub use ended::{Ended, StartError};
pub use handle::{DriverStatus, Handle};
pub use parts::{Parts, Reopen, Starts, Witness, Witnessed};
pub use progress::TransferProgress;

use queue::Item;
use running::Running;

/// A running driver. Dropped, it ends as by a power cut: without waiting for anything.
#[derive(Debug)]
pub struct Driver {
    running: Arc<Running>,
    /// None where the writer is a task like others.
    writer: Option<JoinHandle<()>>,
}

impl Driver {
    /// Starts on the calling runtime: writes what the protocol notes once per start, sweeps the
    /// object folder, and takes up what an earlier run left.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(mut parts: Parts) -> Result<Self, StartError> {
        let events = std::mem::replace(&mut parts.events, mpsc::channel(1).1);
        let (running, items) = Running::new(parts)?;
        let writer = start::start(&running, items, events).await?;
        Ok(Self { running, writer })
    }

    /// The handle, for front doors.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.running))
    }

    /// Waits until the driver ended by itself or was told to.
    pub async fn ended(&self) -> Ended {
        ended::ended(self.running.ended.subscribe()).await
    }

    /// Stops: what is queued is still done, then everything ends.
    pub async fn shutdown(mut self) -> Ended {
        let _ended = self.running.queue.send(Item::Stop).await;
        self.join().await
    }

    /// Stops at once, as by a power cut: what is queued is not done. For tests and emergencies.
    pub async fn abandon(mut self) -> Ended {
        self.running.stop_now();
        self.join().await
    }

    /// Has the storage fail the next batches.
    #[cfg(test)]
    pub(crate) fn fail_batches(&self, batches: u32) {
        let order = std::sync::atomic::Ordering::Relaxed;
        self.running.failing.store(batches, order);
    }

    async fn join(&mut self) -> Ended {
        let ended = ended::ended(self.running.ended.subscribe()).await;
        self.running.stopping.cancel();
        self.running.tasks.close();
        let tasks = self.running.tasks.wait();
        if tokio::time::timeout(limits::STOP_TIMEOUT, tasks).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        if let Some(writer) = self.writer.take() {
            let _joined = running::on_pool(move || writer.join()).await;
        }
        ended
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.running.stop_now();
    }
}
