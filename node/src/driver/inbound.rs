//! What comes from the network: checked on the pool, then queued.

use std::sync::Arc;

use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::NodeId;
use chartmesh_protocol::peer::{CheckedHello, CheckedMessage, Event, Nonce};
use chartmesh_protocol::store::StoreError;
use libp2p::Multiaddr;
use tokio::sync::mpsc;

use super::orders::obey;
use super::running::{Running, on_pool};
use super::serve::{Shelf, serve};
use crate::net::{NetEvent, Reply};
use crate::random::system;

/// Takes the network's events until it or the node ends.
pub(super) async fn run(running: Arc<Running>, mut events: mpsc::Receiver<NetEvent>) {
    let shelf = Arc::new(Shelf(Arc::clone(&running)));
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Hello { node, request, reply } => hello(&running, node, request, reply),
            NetEvent::Control { node, request, reply } => control(&running, node, request, reply),
            NetEvent::Bulk { node, stream } => running.spawn(serve(shelf.clone(), node, stream)),
            NetEvent::Connected { node } => appeared(&running, node),
            NetEvent::Discovered { node, addrs } => {
                appeared(&running, node);
                running.spawn(discovered(Arc::clone(&running), node, addrs));
            }
            NetEvent::Instead { of, node, addr } => {
                running.spawn(instead(Arc::clone(&running), of, node, addr));
            }
            NetEvent::Disconnected { node } => running.agenda().disconnected(node),
            NetEvent::Listening { addr } => tracing::info!(%addr, "listening"),
        }
    }
}

/// Pulls that wait for this node try again.
fn appeared(running: &Arc<Running>, node: NodeId) {
    let next = running.agenda().appeared(node);
    obey(running, next);
}

/// A node was found on the local network: one that we know hears that we are here, so that what
/// waits on either side need not wait for the next try.
async fn discovered(running: Arc<Running>, node: NodeId, addresses: Vec<Multiaddr>) {
    if running.agenda().their_nonce(node).is_some() {
        return;
    }
    let institution = running.read_on_pool(move |peer, txn, now| {
        let institution = peer.institution_of(txn, now, node)?;
        Ok::<_, StoreError>(institution.filter(|found| *found != peer.me()))
    });
    if let Ok(Some(to)) = institution.await {
        let addresses = addresses.iter().map(Multiaddr::to_string).collect();
        let next = running.agenda().found(to, node, addresses);
        obey(&running, next);
    }
}

/// Where a node of an institution was looked for, another one is. It may be that institution's, with new keys: it is
/// greeted, and its answer says whose it is.
async fn instead(running: Arc<Running>, of: NodeId, node: NodeId, addr: Multiaddr) {
    if running.agenda().their_nonce(node).is_some() {
        return;
    }
    let institution = running.read_on_pool(move |peer, txn, _| peer.institution_told(txn, of));
    if let Ok(Some(to)) = institution.await {
        let next = running.agenda().found(to, node, vec![addr.to_string()]);
        obey(&running, next);
    }
}

fn hello(running: &Arc<Running>, node: NodeId, request: Vec<u8>, reply: Reply) {
    // Now, and not when it is handled: events of the network come in the order in which they
    // happened, and the session may end meanwhile.
    let nonce = running.agenda().choose_nonce(node, &mut system());
    let task = Arc::clone(running);
    running.spawn(async move {
        let bytes = request.len();
        let checked = on_pool(move || CheckedHello::prepare(node, &request)).await;
        if let Some(hello) = well_formed(node, "hello", checked) {
            let hello = match turned_away(&task, (node, nonce), hello).await {
                Ok(hello) => hello,
                Err(Some(answer)) => return reply.send(answer),
                Err(None) => return,
            };
            let request = task.waiting.node(reply);
            let event = Event::Hello {
                request,
                node,
                nonce,
                addresses: task.addresses(),
                from: task.reach(node),
                hello,
            };
            task.ask(request, event, bytes).await;
        }
    });
}

/// A stranger's `hello`, if it may be let in; or the refusal, which costs no transaction.
async fn turned_away(
    running: &Arc<Running>,
    (node, nonce): (NodeId, Nonce),
    hello: CheckedHello,
) -> Result<Box<CheckedHello>, Option<Vec<u8>>> {
    let hello = Box::new(hello);
    if running.net.is_known(node) {
        return Ok(hello);
    }
    let judged = running.read_on_pool(move |peer, txn, now| {
        let answer = peer.turns_away(txn, now, (node, nonce), &hello, &mut system())?;
        Ok::<_, StoreError>((hello, answer))
    });
    match judged.await {
        Ok((hello, None)) => Ok(hello),
        Ok((_, refused)) => Err(refused),
        Err(error) => {
            tracing::error!(%error, "cannot judge a hello");
            Err(None)
        }
    }
}

fn control(running: &Arc<Running>, node: NodeId, request: Vec<u8>, reply: Reply) {
    // Without a `hello` in this session it cannot know our nonce: it is to say one.
    let Some(nonce) = running.agenda().our_nonce(node) else {
        return reply.refuse();
    };
    let task = Arc::clone(running);
    running.spawn(async move {
        let bytes = request.len();
        let checked = on_pool(move || CheckedMessage::prepare(node, &request)).await;
        if let Some(message) = well_formed(node, "control", checked) {
            let (request, from) = (task.waiting.node(reply), task.reach(node));
            let event = Event::Message { request, node, nonce, from, message: Box::new(message) };
            task.ask(request, event, bytes).await;
        }
    });
}

/// What is malformed gets a line in the log and no answer.
fn well_formed<T>(
    node: NodeId,
    kind: &'static str,
    checked: Option<Result<T, DecodeError>>,
) -> Option<T> {
    match checked? {
        Ok(checked) => Some(checked),
        Err(error) => {
            tracing::warn!(node = %node.short(), kind, %error, "malformed");
            None
        }
    }
}
