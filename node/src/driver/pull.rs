//! Pulling objects that the protocol wants, one task for each, a few of them at work at once.
//!
//! ```text
//!             ┌────────── wait: longer each time, shorter when the holder appears ──┐
//!             v                                                                     │
//!  wanted ──> a place ──> hello ──> bulk stream ──> verified bytes ──┬── broken ────┤
//!    │ no                                                            ├── lied ──────┘
//!    v                                                               ├── refused ──> told, for good
//!  thrown away                                                       └── whole ────> synced, told
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::{NodeId, ObjectId, TransferId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::objects::NotSent;
use chartmesh_protocol::objects::Transfer;
use chartmesh_protocol::peer::{Event, Route, TransferResult};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::StoreError;
use tokio::sync::{Semaphore, broadcast, watch};

use super::greet::greet;
use super::in_use::Using;
use super::limits::{
    PULL_RETRY_ARRIVED, PULL_RETRY_MAX, PULL_RETRY_MIN, PULL_RETRY_TROUBLE, PULL_WANTED_EVERY,
    PULLS_MAX,
};
use super::memory_disk::Small;
use super::shared::{Shared, multiaddrs, on_pool};
use crate::bulk::{self, Patience, Pulled};
use crate::disk::Disk;
use crate::net::{BulkStream, SendFailure};
use crate::objects::{ObjectError, Partial};

/// How far a pull has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferProgress {
    /// The object.
    pub object: ObjectId,
    /// Its length in bytes.
    pub length: u64,
    /// Bytes that are here and verified.
    pub have: u64,
    /// Bytes that were here already when this run of the node took the pull up.
    pub resumed_from: u64,
    /// Whether the pull has ended; ended ones are told of for a while, see [`ENDED_KEPT`].
    pub ended: bool,
}

/// How many pulls that have ended are still told of: enough for a person to see what just happened.
const ENDED_KEPT: usize = 32;

/// The pulls of this run that have not ended.
#[derive(Debug)]
pub(super) struct Pulls {
    running: Mutex<BTreeMap<TransferId, Option<TransferProgress>>>,
    ended: Mutex<VecDeque<(TransferId, TransferProgress)>>,
    places: Semaphore,
    /// The newest pull that nobody wants any more: all look whether it was theirs.
    stopped: watch::Sender<Option<TransferId>>,
}

impl Default for Pulls {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            ended: Mutex::default(),
            places: Semaphore::new(PULLS_MAX),
            stopped: watch::Sender::new(None),
        }
    }
}

impl Pulls {
    pub(super) fn progress(&self) -> Vec<(TransferId, TransferProgress)> {
        let running = self.lock();
        let known = running.iter().filter_map(|(id, now)| Some((*id, (*now)?)));
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        known.chain(ended.iter().copied()).collect()
    }

    /// Moves a pull to those that have ended.
    fn end(&self, id: TransferId) {
        let Some(Some(progress)) = self.lock().remove(&id) else { return };
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push_back((id, TransferProgress { ended: true, ..progress }));
        if ended.len() > ENDED_KEPT {
            ended.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TransferId, Option<TransferProgress>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where a transfer goes on; the first time, that is where it resumed.
    fn begin(&self, id: TransferId, transfer: &Transfer, have: u64) {
        if let Some(now) = self.lock().get_mut(&id) {
            let begun = now.get_or_insert(TransferProgress {
                object: transfer.object,
                length: transfer.length,
                have,
                resumed_from: have,
                ended: false,
            });
            begun.have = have;
        }
    }

    fn advance(&self, id: TransferId, have: u64) {
        if let Some(Some(now)) = self.lock().get_mut(&id) {
            now.have = have;
        }
    }

    fn have(&self, id: TransferId) -> u64 {
        let running = self.lock();
        running.get(&id).copied().flatten().map_or(0, |now| now.have)
    }
}

/// How one attempt ended.
enum Attempt {
    /// The object is here; small ones with their bytes.
    Finished(Option<Vec<u8>>),
    /// Its holder refuses, for good.
    Refused(Refusal),
    /// The protocol does not want it any more.
    Unwanted,
    /// To be tried again.
    Broken,
    /// To be tried again, but not soon.
    Trouble,
}

/// An object is to be pulled.
pub(super) fn wake(shared: &Arc<Shared>, id: TransferId) {
    {
        let mut running = shared.pulls.lock();
        if running.contains_key(&id) {
            return;
        }
        running.insert(id, None);
    }
    let task = Arc::clone(shared);
    shared.spawn(async move {
        run(&task, id).await;
        task.pulls.end(id);
    });
}

/// An object is not to be pulled any more.
pub(super) fn stop(shared: &Shared, id: TransferId) {
    shared.pulls.stopped.send_replace(Some(id));
}

async fn run(shared: &Arc<Shared>, id: TransferId) {
    let mut wait = PULL_RETRY_MIN;
    let mut arrivals = shared.arrivals.subscribe();
    let mut stopped = shared.pulls.stopped.subscribe();
    loop {
        let (transfer, route) = match wanted(shared, id).await {
            Ok(Some(found)) => found,
            Ok(None) => return discard(shared, id).await,
            Err(error) => return tracing::error!(%error, "cannot read the transfers"),
        };
        let nodes: Vec<NodeId> = route.iter().map(|(node, _)| *node).collect();
        let before = shared.pulls.have(id);
        // Until the protocol has noted that the object is here, nobody removes it.
        let using = Using::new(shared, transfer.object);
        match attempt(shared, id, &transfer, route).await {
            Attempt::Finished(small) => {
                let bytes = small.as_ref().map_or(0, Vec::len);
                let result = TransferResult::Finished { small };
                if !matches!(wanted(shared, id).await, Ok(Some(_))) {
                    using.in_doubt();
                }
                return end(shared, id, result, bytes).await;
            }
            Attempt::Refused(refusal) => {
                end(shared, id, TransferResult::Refused { refusal }, 0).await;
                return discard(shared, id).await;
            }
            Attempt::Unwanted => return discard(shared, id).await,
            Attempt::Broken if shared.pulls.have(id) > before => wait = PULL_RETRY_MIN,
            Attempt::Broken => wait = (wait * 2).min(PULL_RETRY_MAX),
            Attempt::Trouble => wait = PULL_RETRY_TROUBLE,
        }
        drop(using);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // Asks whether it is still wanted, and throws away what came if not.
            _ = stopped.changed() => {}
            () = appears(&mut arrivals, &nodes), if wait <= PULL_RETRY_MAX => {
                tokio::time::sleep(PULL_RETRY_ARRIVED).await;
            }
        }
    }
}

/// Waits until one of the nodes connects or is discovered.
async fn appears(arrivals: &mut broadcast::Receiver<NodeId>, nodes: &[NodeId]) {
    loop {
        match arrivals.recv().await {
            Ok(node) if nodes.contains(&node) => return,
            Ok(_) => {}
            // Too many came at once: it may have been among them.
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

async fn wanted(
    shared: &Arc<Shared>,
    id: TransferId,
) -> Result<Option<(Transfer, Route)>, StoreError> {
    shared.read_on_pool(move |peer, txn, _| peer.transfer(txn, id)).await
}

/// Tells the protocol how a pull ended.
async fn end(shared: &Arc<Shared>, id: TransferId, result: TransferResult, bytes: usize) {
    let event = Event::Transfer { id, result };
    if let Err(lost) = shared.submit(event, bytes).await {
        tracing::warn!(%lost, "the end of a transfer was not noted; the next start takes it up");
    }
}

async fn discard(shared: &Arc<Shared>, id: TransferId) {
    let objects = shared.objects.clone();
    if let Some(Err(error)) = on_pool(move || objects.discard(id)).await {
        tracing::debug!(%error, "what was received stays until the next start");
    }
}

/// One attempt, with a place among those at work.
async fn attempt(
    shared: &Arc<Shared>,
    id: TransferId,
    transfer: &Transfer,
    route: Route,
) -> Attempt {
    let place = shared.pulls.places.acquire().await;
    let _place = place.expect("the semaphore is never closed");
    if transfer.length <= SMALL_OBJECT_BYTES_MAX as u64 {
        return match Small::new(id, transfer.object, transfer.length) {
            Ok((small, mut partial)) => {
                let fetched = fetch(shared, id, transfer, route, &mut partial).await;
                drop(partial);
                fetched.unwrap_or_else(|| Attempt::Finished(Some(small.into_bytes())))
            }
            Err(error) => trouble(&error),
        };
    }
    let (objects, object, length) = (shared.objects.clone(), transfer.object, transfer.length);
    let mut partial = match on_pool(move || objects.partial(id, object, length)).await {
        Some(Ok(partial)) => partial,
        // The thread of an attempt that was given up still writes.
        Some(Err(ObjectError::Busy(_))) | None => return Attempt::Broken,
        Some(Err(error)) => return trouble(&error),
    };
    if let Some(end) = fetch(shared, id, transfer, route, &mut partial).await {
        return end;
    }
    match on_pool(move || partial.finish()).await {
        Some(Ok(())) => Attempt::Finished(None),
        Some(Err(error)) => trouble(&error),
        None => Attempt::Broken,
    }
}

fn trouble(error: &ObjectError) -> Attempt {
    tracing::error!(%error, "an object cannot be kept; trying again later");
    Attempt::Trouble
}

/// Fetches what is missing from any of the holder's nodes. `None`: all is here.
async fn fetch<D: Disk>(
    shared: &Arc<Shared>,
    id: TransferId,
    transfer: &Transfer,
    mut route: Route,
    partial: &mut Partial<D>,
) -> Option<Attempt> {
    shared.pulls.begin(id, transfer, partial.next_offset());
    route.sort_by_key(|(node, _)| shared.sessions.theirs(*node).is_none());
    let mut worst = Attempt::Broken;
    for (node, addresses) in route {
        if partial.next_offset() == partial.len() {
            return None;
        }
        let one = fetch_from(shared, id, transfer, node, &addresses, partial);
        let fetched = tokio::select! {
            fetched = one => fetched,
            () = unwanted(shared, id) => Some(Attempt::Unwanted),
        };
        match fetched {
            Some(Attempt::Broken) => {}
            Some(Attempt::Trouble) => worst = Attempt::Trouble,
            end => return end,
        }
    }
    (partial.next_offset() < partial.len()).then_some(worst)
}

/// Returns when the protocol does not want the transfer any more.
async fn unwanted(shared: &Arc<Shared>, id: TransferId) {
    let mut stopped = shared.pulls.stopped.subscribe();
    loop {
        // A stop that came just before is noticed at the latest by the clock.
        tokio::select! {
            () = tokio::time::sleep(PULL_WANTED_EVERY) => {}
            _ = stopped.changed() => {}
        }
        if let Ok(None) = wanted(shared, id).await {
            return;
        }
    }
}

async fn fetch_from<D: Disk>(
    shared: &Arc<Shared>,
    id: TransferId,
    transfer: &Transfer,
    node: NodeId,
    addresses: &[String],
    partial: &mut Partial<D>,
) -> Option<Attempt> {
    let Some(mut stream) = open(shared, transfer, node, addresses).await else {
        return Some(Attempt::Broken);
    };
    let progress = |have| shared.pulls.advance(id, have);
    let patience = Patience::default();
    match bulk::pull(&mut stream, transfer.ticket, partial, patience, progress).await {
        Ok(Pulled::Finished) => None,
        Ok(Pulled::Refused(code)) => Some(refused(code)),
        Ok(Pulled::Broken(error)) => {
            tracing::debug!(node = %node.short(), %error, kind = "bulk", "a pull broke off");
            Some(Attempt::Broken)
        }
        Ok(Pulled::Lied(lie)) => {
            tracing::warn!(node = %node.short(), %lie, kind = "bulk", "a node sent something else");
            Some(Attempt::Trouble)
        }
        Err(error) => Some(trouble(&error)),
    }
}

/// Opens a stream, after a `hello`; says `hello` once more if the node has forgotten it.
async fn open(
    shared: &Arc<Shared>,
    transfer: &Transfer,
    node: NodeId,
    addresses: &[String],
) -> Option<BulkStream> {
    let addresses = multiaddrs(addresses);
    for _ in 0..2 {
        let greeted = greet(shared, transfer.from, node, addresses.clone()).await;
        let nonce = greeted.ok()?;
        match shared.net.open_bulk(node, addresses.clone()).await {
            Ok(stream) => return Some(stream),
            Err(SendFailure::Refused) => shared.sessions.outdated(node, nonce),
            Err(failure) => {
                tracing::debug!(node = %node.short(), %failure, kind = "bulk", "not opened");
                return None;
            }
        }
    }
    None
}

/// Which refusals are final.
fn refused(code: bulk::RefusalCode) -> Attempt {
    use bulk::RefusalCode as Bulk;
    let why = match code {
        Bulk::Failed | Bulk::Busy => return Attempt::Broken,
        Bulk::NotPermitted => NotSent::NotPermitted,
        Bulk::NotHere => NotSent::NotThere,
        Bulk::BadStart => NotSent::BadStart,
        Bulk::BadRequest => NotSent::BadRequest,
        Bulk::Version => NotSent::OtherVersion,
        Bulk::Other(code) => NotSent::Other { code },
    };
    Attempt::Refused(why.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_final() {
        use bulk::RefusalCode as Bulk;
        for code in [Bulk::Failed, Bulk::Busy] {
            assert!(matches!(refused(code), Attempt::Broken));
        }
        for code in [Bulk::NotPermitted, Bulk::NotHere, Bulk::Version, Bulk::Other(99)] {
            assert!(matches!(refused(code), Attempt::Refused(_)));
        }
    }

    #[test]
    fn a_wait_doubles_up_to_a_minute() {
        let mut wait = PULL_RETRY_MIN;
        for _ in 0..20 {
            wait = (wait * 2).min(PULL_RETRY_MAX);
        }
        assert_eq!(wait, Duration::from_secs(60));
    }
}
