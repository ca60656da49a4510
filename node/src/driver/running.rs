//! What the writer, the tasks and the handles of a running driver have in common.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::Reach;
use chartmesh_protocol::agenda::Agenda;
use chartmesh_protocol::id::NodeId;
use chartmesh_protocol::peer::{Event, Peer, RequestId};
use chartmesh_protocol::store::{ReadTxn, StoreError};
use chartmesh_protocol::time::Timestamp;
use libp2p::Multiaddr;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Clock;
use super::ended::{Ended, Undone};
use super::in_use::InUse;
use super::limits::{PULLS_MAX, QUEUE_EVENTS_MAX, QUEUE_KIB_MAX};
use super::parts::{Parts, Starts, Witness};
use super::progress::Progress;
use super::queue::{Counters, Item, Queued, Ticket};
use super::shelf::Shelf;
use super::waiting::Waiting;
use crate::net::{Net, is_loopback};
use crate::object_store::ObjectFolder;
use crate::pool::spawn_blocking;
use crate::room::{Free, Room};
use crate::store::Store;

/// A running driver's parts, and what it has under way.
pub(super) struct Running {
    pub(super) store: Shelf,
    /// The room on its disk.
    pub(super) disk: Option<Room>,
    pub(super) peer: Peer,
    pub(super) objects: ObjectFolder,
    pub(super) net: Net,
    pub(super) announce: Vec<Multiaddr>,
    private_networks: bool,
    pub(super) clock: Clock,
    pub(super) starts: Option<Starts>,
    pub(super) witness: Option<Witness>,
    pub(super) queue: mpsc::Sender<Item>,
    room: Arc<Semaphore>,
    pub(super) waiting: Waiting,
    /// What is under way with other nodes, and what is to be done next.
    agenda: Mutex<Agenda>,
    /// Notified when fetches are given up: each looks whether it is one.
    pub(super) given_up: Notify,
    /// Notified when something is due earlier than all before.
    pub(super) due_earlier: Notify,
    pub(super) progress: Progress,
    pub(super) in_use: InUse,
    pub(super) counters: Counters,
    /// How many batches became durable: for whoever waits for something to change.
    pub(super) changes: watch::Sender<u64>,
    /// Cancelled: everything but the writer ends now.
    pub(super) stopping: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) runtime: tokio::runtime::Handle,
    /// Why the writer ended, once it did.
    pub(super) ended: watch::Sender<Option<Ended>>,
    /// Batches that a test wants the storage to fail.
    #[cfg(test)]
    pub(super) failing: std::sync::atomic::AtomicU32,
}

impl Running {
    /// Of the calling runtime.
    pub(super) fn new(parts: Parts) -> Result<(Arc<Self>, mpsc::Receiver<Item>), StoreError> {
        let (queue, items) = mpsc::channel(QUEUE_EVENTS_MAX);
        let clock = Clock::new(parts.wall_clock, |system| {
            if parts.accept_clock {
                accept_clock(&parts.store, &parts.peer, system)?;
            }
            parts.peer.time(&parts.store.begin_read()?, system)
        })?;
        let running = Self {
            store: Shelf::new(parts.store, parts.reopen),
            disk: parts.room,
            peer: parts.peer,
            objects: parts.objects,
            net: parts.net,
            announce: parts.announce,
            private_networks: parts.private_networks,
            clock,
            starts: parts.starts,
            witness: parts.witness,
            queue,
            room: Arc::new(Semaphore::new(QUEUE_KIB_MAX as usize)),
            waiting: Waiting::default(),
            agenda: Mutex::new(Agenda::new(PULLS_MAX)),
            given_up: Notify::new(),
            due_earlier: Notify::new(),
            progress: Progress::default(),
            in_use: InUse::default(),
            counters: Counters::default(),
            changes: watch::channel(0).0,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
            ended: watch::channel(None).0,
            #[cfg(test)]
            failing: Default::default(),
        };
        Ok((Arc::new(running), items))
    }

    /// What is under way. Held for a moment, and never while waiting.
    pub(super) fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tick is wanted at this time.
    pub(super) fn wake_at(&self, time: Timestamp) {
        if self.agenda().wake_at(time) {
            self.due_earlier.notify_one();
        }
    }

    /// Ends everything now; the writer as soon as it looks.
    pub(super) fn stop_now(&self) {
        self.stopping.cancel();
        // Full: it is awake anyway, and looks.
        let _full = self.queue.try_send(Item::Stop);
    }

    /// Starts a task that ends at the latest when the node stops.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        let work = async move {
            stopping.run_until_cancelled(work).await;
        };
        self.tasks.spawn_on(work, &self.runtime);
    }

    /// Queues an event, and waits until it is durable and its effects are under way. `bytes` is
    /// what it holds in memory.
    pub(super) async fn submit(&self, event: Event, bytes: usize) -> Result<(), Undone> {
        let share = match u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX) {
            0 => None,
            kib => {
                let kib = kib.min(QUEUE_KIB_MAX);
                let share = Arc::clone(&self.room).acquire_many_owned(kib).await;
                Some(share.expect("the semaphore is never closed"))
            }
        };
        let (done, is_done) = oneshot::channel();
        let request = match &event {
            Event::Command { request, .. }
            | Event::Hello { request, .. }
            | Event::Message { request, .. } => Some(*request),
            Event::Welcome { .. }
            | Event::Delivery { .. }
            | Event::Transfer { .. }
            | Event::Checked { .. }
            | Event::Tick => None,
        };
        let ticket = Ticket { request, done, since: Instant::now(), _share: share };
        let queued = Box::new(Queued { event, ticket });
        let sent = self.queue.send(Item::Event(queued)).await;
        sent.map_err(|_| Undone::Stopping)?;
        is_done.await.unwrap_or(Err(Undone::Stopping))
    }

    /// [`Running::submit`] for an event that `request` waits for.
    pub(super) async fn ask(&self, request: RequestId, event: Event, bytes: usize) {
        if let Err(undone) = self.submit(event, bytes).await {
            self.waiting.undone(request, &undone);
        }
    }

    /// Reads what is committed. Blocks for as long as the disk takes.
    pub(super) fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, E>,
    ) -> Result<T, E> {
        let snapshot = self.store.begin_read()?;
        read(&self.peer, &snapshot, self.clock.now())
    }

    /// Does something on the pool. Whoever stops waits for it, though nobody wants it any more: until then the store is open.
    pub(super) async fn on_pool<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let (running, working) = (Arc::clone(self), self.tasks.token());
        on_pool(move || {
            let done = work(&running);
            drop((running, working));
            done
        })
        .await
    }

    /// [`Running::read`] on the pool.
    pub(super) async fn read_on_pool<T, E>(
        self: &Arc<Self>,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.on_pool(move |running| running.read(read)).await {
            Some(done) => done,
            None => Err(StoreError::Fault("reading was given up".to_owned()).into()),
        }
    }

    /// Where this node listens, for telling others: what the operator announces first, loopback
    /// last. Who announces an address and listens on loopback stands behind a forwarder: its own
    /// door is nobody else's.
    pub(super) fn addresses(&self) -> Vec<String> {
        let mut listening = self.net.listeners();
        listening.sort_by_key(is_loopback);
        if !self.announce.is_empty() {
            listening.retain(|address| !is_loopback(address));
        }
        let all = self.announce.iter().chain(&listening);
        let mut addresses: Vec<String> = Vec::new();
        for address in all.map(Multiaddr::to_string) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    /// How far inside a node stands, and so the addresses that it may have us dial. Who announces an address of
    /// the internet stands behind a forwarder, and whoever comes in seems to come from there.
    pub(super) fn reach(&self, node: NodeId) -> Reach {
        let outside =
            |address: &Multiaddr| Reach::of(&address.to_string()) == Some(Reach::Internet);
        let reach = self.net.reach(node, self.announce.iter().any(outside));
        if self.private_networks { reach.max(Reach::Private) } else { reach }
    }

    /// Looks how much room there is, and tells the protocol.
    pub(super) fn look_for_room(&self) -> Option<Free> {
        let free = self.disk.as_ref()?.look().ok()?;
        self.peer.set_disk_low(free.low);
        Some(free)
    }

    /// Counts a batch.
    pub(super) fn count(&self, events: usize, oldest: Instant) {
        let lag = u64::try_from(oldest.elapsed().as_micros()).unwrap_or(u64::MAX);
        let counters = &self.counters;
        counters.events.fetch_add(events as u64, Ordering::Relaxed);
        counters.batches.fetch_add(1, Ordering::Relaxed);
        counters.lag_us.store(lag, Ordering::Relaxed);
        self.changes.send_modify(|batches| *batches += 1);
    }
}

/// On the operator's word: the system's time counts, whatever was handled before.
fn accept_clock(store: &Store, peer: &Peer, system: Timestamp) -> Result<(), StoreError> {
    let mut batch = store.batch()?;
    let mut overlay = batch.event();
    let from = peer.accept_clock(&mut overlay, system)?;
    batch.merge(overlay.into_changes());
    batch.commit()?;
    match from {
        Some(from) => tracing::warn!(
            from = %from.utc_text(), to = %system.utc_text(),
            "the time that counts was set back, as --accept-clock says"
        ),
        None => tracing::info!("--accept-clock: the time that counts is not ahead; nothing to do"),
    }
    Ok(())
}

/// Runs on a blocking thread; `None` when it panicked or the runtime ends.
pub(super) async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            if error.is_panic() {
                tracing::error!("a task on the pool panicked; this is a bug");
            }
            None
        }
    }
}

/// The addresses among `texts` that can be read; others are of a transport we do not know.
pub(super) fn multiaddrs(texts: &[String]) -> Vec<Multiaddr> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("peer", &self.peer).finish_non_exhaustive()
    }
}
