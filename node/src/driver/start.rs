//! What happens before anything else can.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use chartmesh_protocol::peer::Effect;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::perform::perform;
use super::shared::{Item, Shared, multiaddrs, on_pool};
use super::{StartError, greet, inbound, stock, timer, writer};
use crate::net::NetEvent;
use crate::pool;

/// Institutions that are greeted at the same time after a start.
const GREETINGS_AT_ONCE: usize = 4;

pub(super) async fn start(
    shared: &Arc<Shared>,
    items: mpsc::Receiver<Item>,
    events: mpsc::Receiver<NetEvent>,
) -> Result<Option<JoinHandle<()>>, StartError> {
    let first = Arc::clone(shared);
    let effects = on_pool(move || first_steps(&first))
        .await
        .ok_or_else(|| StartError::Thread("the first steps were given up".to_owned()))??;
    let writing = writer::run(Arc::clone(shared), items);
    let writer = if pool::is_in_place() {
        // It tells itself when it has ended; nobody needs its handle.
        drop(tokio::spawn(writing));
        None
    } else {
        let named = thread::Builder::new().name("chartmesh-writer".to_owned());
        let thread = named.spawn(|| futures::executor::block_on(writing));
        Some(thread.map_err(|error| StartError::Thread(error.to_string()))?)
    };
    shared.spawn(timer::run(Arc::clone(shared)));
    shared.spawn(inbound::run(Arc::clone(shared), events));
    for effect in effects {
        perform(shared, effect);
    }
    shared.spawn(greet_known(Arc::clone(shared)));
    Ok(writer)
}

/// Before anyone can ask: the protocol's own notes, then the sweep. An import writes its objects
/// before the row that names them, so nothing may be swept once front doors are open.
fn first_steps(shared: &Shared) -> Result<Vec<Effect>, StartError> {
    let now = shared.clock.now();
    let mut batch = shared.store.batch()?;
    let mut overlay = batch.event();
    shared.peer.start(&mut overlay, now)?;
    let changes = overlay.into_changes();
    batch.merge(changes);
    batch.commit()?;
    sweep(shared)?;
    Ok(shared.read(|peer, txn, now| peer.resume(txn, now))?)
}

/// Removes what crashes left: partial objects that nobody waits for, and objects that nothing
/// holds. Then notes what is not here.
fn sweep(shared: &Shared) -> Result<(), StartError> {
    let snapshot = shared.store.begin_read()?;
    let peer = &shared.peer;
    // When in doubt, keep.
    let wanted = |transfer| !matches!(peer.transfer(&snapshot, transfer), Ok(None));
    let mut removed = shared.objects.sweep(wanted)?;
    let mut here = Vec::new();
    // A store that knows of no object is new beside a folder that is not: it was lost, and what it
    // knew may come back from a backup. Until it does, the files need not be fetched again.
    let knows_some = !peer.stock(&snapshot, None, None, 1)?.is_empty();
    for object in shared.objects.list()? {
        if !knows_some || peer.is_held(&snapshot, object)? {
            here.push(object);
        } else {
            shared.objects.remove(object)?;
            removed += 1;
        }
    }
    here.sort_unstable();
    for object in shared.objects.list_set_aside()? {
        // A good one came, or nobody wants it any more.
        if here.binary_search(&object).is_ok() || !peer.is_held(&snapshot, object)? {
            shared.objects.remove_set_aside(object)?;
            removed += 1;
        }
    }
    drop(snapshot);
    if !knows_some && !here.is_empty() {
        tracing::warn!(
            objects = here.len(),
            "the store is new and the objects are not; what a restore does not name before the next start goes then"
        );
    }
    if removed > 0 {
        tracing::info!(removed, "removed files that an earlier run had left unfinished");
    }
    stock::compare_names(shared, &here)
}

/// Tells those that we deal with that we are back, and where: our ports may have changed, and what waits
/// there for us is sent at once.
async fn greet_known(shared: Arc<Shared>) {
    let known = match shared.read_on_pool(|peer, txn, _| peer.to_greet(txn)).await {
        Ok(known) => known,
        Err(error) => return tracing::warn!(%error, "cannot read who is known"),
    };
    let greetings = known.into_iter().flat_map(|(to, nodes)| {
        nodes.into_iter().map(move |(node, addresses)| (to, node, addresses))
    });
    futures::stream::iter(greetings)
        .for_each_concurrent(GREETINGS_AT_ONCE, |(to, node, addresses)| {
            let shared = Arc::clone(&shared);
            async move {
                let addresses = multiaddrs(&addresses);
                if let Err(failure) = greet::greet(&shared, to, node, addresses).await {
                    tracing::debug!(node = %node.short(), ?failure, "not greeted");
                }
            }
        })
        .await;
}
