//! What happens before anything else can.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use chartmesh_protocol::peer::Effect;
use chartmesh_protocol::time::Timestamp;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::ended::StartError;
use super::limits::GREETINGS_AT_ONCE;
use super::orders::greet;
use super::perform::perform;
use super::queue::Item;
use super::running::{Running, on_pool};
use super::{check, inbound, timer, writer};
use crate::net::NetEvent;
use crate::pool;
use crate::random::system;
use crate::room::Room;

pub(super) async fn start(
    running: &Arc<Running>,
    items: mpsc::Receiver<Item>,
    events: mpsc::Receiver<NetEvent>,
) -> Result<Option<JoinHandle<()>>, StartError> {
    let first = Arc::clone(running);
    let effects = on_pool(move || first_steps(&first))
        .await
        .ok_or_else(|| StartError::Thread("the first steps were given up".to_owned()))??;
    let writing = writer::run(Arc::clone(running), items);
    let writer = if pool::is_in_place() {
        // It tells itself when it has ended; nobody needs its handle.
        drop(tokio::spawn(writing));
        None
    } else {
        let named = thread::Builder::new().name("chartmesh-writer".to_owned());
        let thread = named.spawn(|| futures::executor::block_on(writing));
        Some(thread.map_err(|error| StartError::Thread(error.to_string()))?)
    };
    let knowing = Arc::clone(running);
    let known = on_pool(move || knowing.read(|peer, txn, now| peer.known_nodes(txn, now))).await;
    running.net.know(known.ok_or_else(|| StartError::Thread("given up".to_owned()))??);
    running.spawn(timer::run(Arc::clone(running)));
    if running.disk.is_some() {
        running.spawn(timer::look_for_room(Arc::clone(running)));
    }
    running.spawn(inbound::run(Arc::clone(running), events));
    for effect in effects {
        perform(running, effect);
    }
    running.spawn(greet_known(Arc::clone(running)));
    Ok(writer)
}

/// Before anyone can ask: the protocol's own notes, then the sweep. An import writes its objects
/// before the row that names them, so nothing may be swept once front doors are open.
fn first_steps(running: &Running) -> Result<Vec<Effect>, StartError> {
    running.look_for_room();
    let now = running.clock.now();
    if running.disk.as_ref().is_none_or(Room::for_a_transaction) {
        note_start(running, now)?;
    } else {
        tracing::error!("the disk is full; the node starts, and can be read from");
    }
    sweep(running)?;
    Ok(running.read(|peer, txn, now| peer.resume(txn, now))?)
}

/// The protocol's own notes.
fn note_start(running: &Running, now: Timestamp) -> Result<(), StartError> {
    let mut batch = running.store.batch()?;
    let mut overlay = batch.event();
    let known = running.starts.as_ref().map_or(0, |starts| starts.known);
    let number = running.peer.start_counted(&mut overlay, now, known, &mut system())?;
    let changes = overlay.into_changes();
    batch.merge(changes);
    batch.commit()?;
    // The store first: after a crash between the two it knows of more starts, never of fewer.
    if let Some(starts) = &running.starts {
        (starts.keep)(number);
    }
    Ok(())
}

/// Removes what crashes left: partial objects that nobody waits for, and objects that nothing
/// holds. Then notes what is not here.
fn sweep(running: &Running) -> Result<(), StartError> {
    let snapshot = running.store.begin_read()?;
    let peer = &running.peer;
    // When in doubt, keep.
    let wanted = |transfer| !matches!(peer.transfer(&snapshot, transfer), Ok(None));
    let mut removed = running.objects.sweep(wanted)?;
    let mut here = Vec::new();
    // A store that knows of no object is new beside a folder that is not: it was lost, and what it
    // knew may come back from a backup. Until it does, the files need not be fetched again.
    let knows_some = !peer.held_objects(&snapshot, None, None, 1)?.is_empty();
    for object in running.objects.list()? {
        if !knows_some || peer.is_held(&snapshot, object)? {
            here.push(object);
        } else {
            running.objects.remove(object)?;
            removed += 1;
        }
    }
    here.sort_unstable();
    for object in running.objects.list_set_aside()? {
        // A good one came, or nobody wants it any more.
        if here.binary_search(&object).is_ok() || !peer.is_held(&snapshot, object)? {
            running.objects.remove_set_aside(object)?;
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
    check::compare_names(running, &here)
}

/// Tells those that we deal with that we are back, and where: our ports may have changed, and what waits
/// there for us is sent at once.
async fn greet_known(running: Arc<Running>) {
    let known = match running.read_on_pool(|peer, txn, _| peer.to_greet(txn)).await {
        Ok(known) => known,
        Err(error) => return tracing::warn!(%error, "cannot read who is known"),
    };
    let greetings = known.into_iter().flat_map(|(to, nodes)| {
        nodes.into_iter().map(move |(node, addresses)| (to, node, addresses))
    });
    futures::stream::iter(greetings)
        .for_each_concurrent(GREETINGS_AT_ONCE, |(to, node, addresses)| {
            let running = Arc::clone(&running);
            async move {
                let order = running.agenda().greet(to, node, addresses);
                if let Some(order) = order {
                    greet(&running, order).await;
                }
            }
        })
        .await;
}
