//! What front doors hold.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chartmesh_protocol::id::TransferId;
use chartmesh_protocol::peer::{Asked, Event, Listing, PatientKeys, Peer, Question};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::store::{ReadTxn, StoreError};
use chartmesh_protocol::time::Timestamp;

use tokio::sync::watch;

use super::check::{self, Check, Checked};
use super::ended::{Ended, Undone, ended};
use super::limits::COMMAND_BYTES;
use super::progress::TransferProgress;
use super::queue::Item;
use super::running::Running;
use crate::object_store::ObjectFolder;
use crate::room::Free;
use crate::store::StoreUse;

/// The way to the driver; clones share it.
#[derive(Clone)]
pub struct Handle {
    running: Arc<Running>,
}

/// How busy the driver is, since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverStatus {
    /// Events handled.
    pub events: u64,
    /// Transactions they took.
    pub batches: u64,
    /// Transactions that the storage failed.
    pub faults: u64,
    /// Events that wait now.
    pub waiting: usize,
    /// From being queued to being durable, for the newest transaction.
    pub lag: Duration,
}

impl Handle {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Self { running }
    }

    /// Asks for something to be done; answered when it is durable. `keys` are those of the patient that it concerns,
    /// when they are unlocked.
    ///
    /// # Errors
    /// [`Failure::Refused`] with what to tell the person; [`Failure::Store`] when it is unknown
    /// whether it was done, because the storage failed or the node is stopping.
    pub async fn command<A: Asked>(
        &self,
        act: A,
        keys: Option<PatientKeys>,
    ) -> Result<A::Answer, Failure> {
        let command = Box::new(act.into());
        let mut place = self.running.waiting.door();
        let event = Event::Command { request: place.request, command, keys };
        if let Err(undone) = self.running.submit(event, COMMAND_BYTES).await {
            return Err(undone.into());
        }
        match (&mut place.answer).await {
            Ok(answer) => answer.map(A::read),
            Err(_) => Err(Undone::Stopping.into()),
        }
    }

    /// Answers a question from what is committed, on the pool.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn query<Q>(&self, query: Q, keys: Option<&PatientKeys>) -> Result<Q::Answer, Failure>
    where
        Q: Question + Send + 'static,
    {
        let keys = keys.cloned();
        self.running
            .read_on_pool(move |peer, txn, now| peer.query(txn, now, &query, keys.as_ref()))
            .await
    }

    /// Asks for all of a listing, a page at a time, each from what is committed then.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn all<L>(
        &self,
        listing: L,
        keys: Option<&PatientKeys>,
    ) -> Result<Vec<L::Item>, Failure>
    where
        L: Listing + Send + 'static,
    {
        let mut all = Vec::new();
        let mut next = Some(listing.at_most());
        while let Some(listing) = next {
            let page = self.query(listing.clone(), keys).await?;
            next = listing.behind(&page);
            all.extend(page.items);
        }
        Ok(all)
    }

    /// Reads from what is committed. Blocks: not for async tasks, see
    /// [`Handle::read_on_pool`].
    ///
    /// # Errors
    /// What `read` gives, or the storage's fault.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, E>,
    ) -> Result<T, E> {
        self.running.read(read)
    }

    /// [`Handle::read`] on a thread that may block; also for sealing and other heavy work.
    ///
    /// # Errors
    /// As [`Handle::read`].
    pub async fn read_on_pool<T, E>(
        &self,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.running.read_on_pool(read).await
    }

    /// The protocol, for what needs no store: who this node is.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.running.peer
    }

    /// The time that counts: UTC, never going back while the node runs.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.running.clock.now()
    }

    /// The room on the disk of the data, as it is now. Blocks for as long as the system takes.
    #[must_use]
    pub fn room(&self) -> Option<Free> {
        self.running.look_for_room()
    }

    /// By how many milliseconds the time that counts is ahead of the machine's clock.
    #[must_use]
    pub fn clock_ahead_ms(&self) -> u64 {
        self.running.clock.ahead_ms()
    }

    /// The object folder. What is written there goes with the next start unless a command names
    /// it.
    #[must_use]
    pub fn objects(&self) -> &ObjectFolder {
        &self.running.objects
    }

    /// Looks whether the objects that ought to be here are, some at a time; what is lost is neither
    /// served nor claimed from then on.
    ///
    /// # Errors
    /// [`Failure::Store`] when the storage failed.
    pub async fn check(&self, check: Check) -> Result<Checked, Failure> {
        check::check(&self.running, check).await
    }

    /// Where this node can be reached, for invites and codes: what the operator announces first.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.running.addresses()
    }

    /// How far the pulls under way have come.
    #[must_use]
    pub fn transfers(&self) -> Vec<(TransferId, TransferProgress)> {
        self.running.progress.all()
    }

    /// Told of each transaction that became durable: for waiting until a query gives something
    /// else, without asking again and again.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.running.changes.subscribe()
    }

    /// How busy the driver is.
    #[must_use]
    pub fn status(&self) -> DriverStatus {
        let counters = &self.running.counters;
        let queue = &self.running.queue;
        DriverStatus {
            events: counters.events.load(Ordering::Relaxed),
            batches: counters.batches.load(Ordering::Relaxed),
            faults: counters.faults.load(Ordering::Relaxed),
            waiting: queue.max_capacity() - queue.capacity(),
            lag: Duration::from_micros(counters.lag_us.load(Ordering::Relaxed)),
        }
    }

    /// What the store takes up, and what it did; none while it is opened anew.
    #[must_use]
    pub fn store_use(&self) -> Option<StoreUse> {
        self.running.store.usage().ok()
    }

    /// Asks the driver to stop once what is queued is done; [`super::Driver::ended`] tells when.
    pub async fn shutdown(&self) {
        let _ended = self.running.queue.send(Item::Stop).await;
    }

    /// Waits until the driver has ended, and tells why.
    pub async fn ended(&self) -> Ended {
        ended(self.running.ended.subscribe()).await
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("peer", &self.running.peer).finish_non_exhaustive()
    }
}
