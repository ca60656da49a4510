//! What comes from the network: checked on the pool, then queued.

use std::sync::Arc;

use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::NodeId;
use chartmesh_protocol::peer::{CheckedHello, CheckedMessage, Event};
use chartmesh_protocol::store::StoreError;
use libp2p::Multiaddr;
use tokio::sync::mpsc;

use super::greet::greet;
use super::serve::{Shelf, serve};
use super::shared::{Shared, on_pool};
use crate::net::{NetEvent, Reply};

/// Takes the network's events until it or the node ends.
pub(super) async fn run(shared: Arc<Shared>, mut events: mpsc::Receiver<NetEvent>) {
    let shelf = Arc::new(Shelf(Arc::clone(&shared)));
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Hello { node, request, reply } => hello(&shared, node, request, reply),
            NetEvent::Control { node, request, reply } => control(&shared, node, request, reply),
            NetEvent::Bulk { node, stream } => shared.spawn(serve(shelf.clone(), node, stream)),
            NetEvent::Connected { node } => appeared(&shared, node),
            NetEvent::Discovered { node, addrs } => {
                appeared(&shared, node);
                shared.spawn(discovered(Arc::clone(&shared), node, addrs));
            }
            NetEvent::Disconnected { node } => shared.sessions.end(node),
            NetEvent::Listening { addr } => tracing::info!(%addr, "listening"),
        }
    }
}

/// Pulls that wait for this node try again.
fn appeared(shared: &Shared, node: NodeId) {
    // No receiver: no pull waits for anyone.
    let _nobody = shared.arrivals.send(node);
}

/// A node was found on the local network: one that we know hears that we are here, so that what
/// waits on either side need not wait for the next try.
async fn discovered(shared: Arc<Shared>, node: NodeId, addresses: Vec<Multiaddr>) {
    if shared.sessions.theirs(node).is_some() {
        return;
    }
    let institution = shared.read_on_pool(move |peer, txn, now| {
        let institution = peer.institution_of(txn, now, node)?;
        Ok::<_, StoreError>(institution.filter(|found| *found != peer.me()))
    });
    if let Ok(Some(to)) = institution.await
        && let Err(failure) = greet(&shared, to, node, addresses).await
    {
        tracing::debug!(node = %node.short(), ?failure, "discovered, and not greeted");
    }
}

fn hello(shared: &Arc<Shared>, node: NodeId, request: Vec<u8>, reply: Reply) {
    let Ok(place) = Arc::clone(&shared.inbound).try_acquire_owned() else {
        return reply.busy();
    };
    // Now, and not when it is handled: events of the network come in the order in which they
    // happened, and the session may end meanwhile.
    let nonce = shared.sessions.choose(node);
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let bytes = request.len();
        let checked = on_pool(move || CheckedHello::prepare(node, &request)).await;
        if let Some(hello) = well_formed(node, "hello", checked) {
            let request = task.waiting.node(reply);
            let event = Event::Hello {
                request,
                node,
                nonce,
                addresses: task.addresses(),
                hello: Box::new(hello),
            };
            task.ask(request, event, bytes).await;
        }
        drop(place);
    });
}

fn control(shared: &Arc<Shared>, node: NodeId, request: Vec<u8>, reply: Reply) {
    // Without a `hello` in this session it cannot know our nonce: it is to say one.
    let Some(nonce) = shared.sessions.ours(node) else {
        return reply.refuse();
    };
    let Ok(place) = Arc::clone(&shared.inbound).try_acquire_owned() else {
        return reply.busy();
    };
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let bytes = request.len();
        let checked = on_pool(move || CheckedMessage::prepare(node, &request)).await;
        if let Some(message) = well_formed(node, "control", checked) {
            let request = task.waiting.node(reply);
            let event = Event::Message { request, node, nonce, message: Box::new(message) };
            task.ask(request, event, bytes).await;
        }
        drop(place);
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
