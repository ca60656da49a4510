//! Saying `hello` to a node.

use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::{CheckedWelcome, DeliveryFailure, Event, Greeting};
use chartmesh_protocol::store::StoreError;

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
    let greeting = running
        .read_on_pool(move |peer, txn, now| peer.hello(txn, now, (to, node), own_addresses, ours))
        .await
        .map_err(cannot)?;
    let (mut welcome, mut bytes) = say(running, node, addresses, greeting).await?;
    if welcome.asks_for_proof() {
        let own_addresses = running.addresses();
        let (asked, proof) = running
            .read_on_pool(move |peer, txn, now| {
                let of = (to, node);
                let proof = peer.prove(txn, now, of, own_addresses, ours, &welcome)?;
                Ok((welcome, proof))
            })
            .await
            .map_err(cannot)?;
        (welcome, bytes) = match proof {
            Some(proof) => say(running, node, addresses, proof).await?,
            None => (asked, bytes),
        };
    }
    take_in(running, node, welcome, bytes).await
}

fn cannot(error: StoreError) -> DeliveryFailure {
    tracing::error!(%error, "cannot say hello");
    DeliveryFailure::NeverSent
}

/// Says it; gives the answer and its length.
async fn say(
    running: &Arc<Running>,
    node: NodeId,
    addresses: &[String],
    greeting: Greeting,
) -> Result<(CheckedWelcome, usize), DeliveryFailure> {
    let hello = greeting.bytes.clone();
    let answer = match running.net.hello(multiaddrs(addresses), Some(node), hello).await {
        Ok((_, answer)) => answer,
        Err(SendFailure::Refused) => return Err(DeliveryFailure::GateClosed),
        Err(failure) => {
            tracing::debug!(node = %node.short(), %failure, kind = "hello", "not answered");
            return Err(DeliveryFailure::NeverSent);
        }
    };
    let bytes = answer.len();
    match on_pool(move || CheckedWelcome::prepare(node, &answer, &greeting)).await {
        Some(Ok(welcome)) => Ok((welcome, bytes)),
        Some(Err(error)) => {
            tracing::warn!(node = %node.short(), %error, kind = "welcome", "malformed");
            Err(DeliveryFailure::GateClosed)
        }
        None => Err(DeliveryFailure::NeverSent),
    }
}

/// Takes in the answer to our `hello`.
async fn take_in(
    running: &Arc<Running>,
    node: NodeId,
    welcome: CheckedWelcome,
    bytes: usize,
) -> Result<(), DeliveryFailure> {
    let nonce = welcome.nonce();
    let event = Event::Welcome { node, from: running.reach(node), welcome: Box::new(welcome) };
    running.submit(event, bytes).await.map_err(|_| DeliveryFailure::NeverSent)?;
    let nonce = nonce.map_err(|_| DeliveryFailure::GateClosed)?;
    running.agenda().learn_nonce(node, nonce);
    Ok(())
}
