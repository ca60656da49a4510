//! Saying `hello` to a node.

use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::{CheckedWelcome, DeliveryFailure, Event};

use super::running::{Running, multiaddrs, on_pool};
use crate::net::SendFailure;
use crate::random::system;

/// Says `hello` to a node that is to be of institution `to`, and has its answer taken in.
pub(super) async fn hello(
    running: &Arc<Running>,
    to: PartyId,
    node: NodeId,
    addresses: &[String],
) -> Result<(), DeliveryFailure> {
    let ours = running.agenda().choose_nonce(node, &mut system());
    let own_addresses = running.addresses();
    let hello = running
        .read_on_pool(move |peer, txn, now| peer.hello(txn, now, to, own_addresses, ours))
        .await
        .map_err(|error| {
            tracing::error!(%error, "cannot say hello");
            DeliveryFailure::NeverSent
        })?;
    match running.net.hello(multiaddrs(addresses), Some(node), hello).await {
        Ok((_, answer)) => welcome(running, node, answer).await,
        Err(SendFailure::Refused) => Err(DeliveryFailure::GateClosed),
        Err(failure) => {
            tracing::debug!(node = %node.short(), %failure, kind = "hello", "not answered");
            Err(DeliveryFailure::NeverSent)
        }
    }
}

/// Takes in the answer to our `hello`.
async fn welcome(
    running: &Arc<Running>,
    node: NodeId,
    answer: Vec<u8>,
) -> Result<(), DeliveryFailure> {
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
    running.submit(event, bytes).await.map_err(|_| DeliveryFailure::NeverSent)?;
    let nonce = nonce.map_err(|_| DeliveryFailure::GateClosed)?;
    running.agenda().learn_nonce(node, nonce);
    Ok(())
}
