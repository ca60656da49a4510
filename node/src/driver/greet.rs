//! Saying `hello` to a node, once per session.

use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::{CheckedWelcome, DeliveryFailure, Event, Nonce};
use libp2p::Multiaddr;

use super::shared::{Shared, multiaddrs, on_pool};
use crate::net::SendFailure;

/// Sees to it that we said `hello` to `node` in this session and both gates are open; gives the
/// nonce that proofs to it must name.
pub(super) async fn greet(
    shared: &Arc<Shared>,
    to: PartyId,
    node: NodeId,
    addresses: Vec<Multiaddr>,
) -> Result<Nonce, DeliveryFailure> {
    if let Some(nonce) = shared.sessions.theirs(node) {
        return Ok(nonce);
    }
    let greeting = shared.sessions.greeting(node);
    let _once = greeting.lock().await;
    if let Some(nonce) = shared.sessions.theirs(node) {
        return Ok(nonce);
    }
    let (ours, own_addresses) = (shared.sessions.choose(node), shared.addresses());
    let hello = shared
        .read_on_pool(move |peer, txn, now| peer.hello(txn, now, to, own_addresses, ours))
        .await
        .map_err(|error| {
            tracing::error!(%error, "cannot say hello");
            DeliveryFailure::NeverSent
        })?;
    let answer = match shared.net.hello(addresses, Some(node), hello).await {
        Ok((_, answer)) => answer,
        Err(SendFailure::Refused) => return Err(DeliveryFailure::GateClosed),
        Err(failure) => {
            tracing::debug!(node = %node.short(), %failure, kind = "hello", "not answered");
            return Err(DeliveryFailure::NeverSent);
        }
    };
    welcome(shared, node, answer).await
}

/// Says `hello` to all nodes of an institution, and makes nothing of it if nobody is there.
pub(super) fn once(shared: &Arc<Shared>, to: PartyId) {
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let route = task.read_on_pool(move |peer, txn, _| peer.route(txn, to)).await;
        for (node, addresses) in route.unwrap_or_default() {
            // What is to be told is told by a `hello`: one that was said before does not tell it. Whoever was just
            // put out may still have a session here.
            if let Some(before) = task.sessions.theirs(node) {
                task.sessions.outdated(node, before);
            }
            if let Err(failure) = greet(&task, to, node, multiaddrs(&addresses)).await {
                tracing::debug!(node = %node.short(), ?failure, "not greeted");
            }
        }
    });
}

/// Takes in the answer to our `hello`.
async fn welcome(
    shared: &Arc<Shared>,
    node: NodeId,
    answer: Vec<u8>,
) -> Result<Nonce, DeliveryFailure> {
    let bytes = answer.len();
    let checked = on_pool(move || CheckedWelcome::prepare(node, &answer)).await;
    let welcome = match checked {
        Some(Ok(welcome)) => welcome,
        Some(Err(error)) => {
            tracing::warn!(node = %node.short(), %error, kind = "welcome", "malformed");
            return Err(DeliveryFailure::GateClosed);
        }
        None => return Err(DeliveryFailure::NeverSent),
    };
    let nonce = welcome.nonce();
    let event = Event::Welcome { node, welcome: Box::new(welcome) };
    shared.submit(event, bytes).await.map_err(|_| DeliveryFailure::NeverSent)?;
    match nonce {
        Ok(nonce) if shared.sessions.is_admitted(node) => {
            shared.sessions.learn(node, nonce);
            Ok(nonce)
        }
        // It refused us, or we refuse whoever answered.
        _ => Err(DeliveryFailure::GateClosed),
    }
}
