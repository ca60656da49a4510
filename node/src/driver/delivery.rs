//! Delivering what waits in the outbox: one task for each institution that something waits for,
//! one message at a time.

use std::sync::{Arc, MutexGuard, PoisonError};

use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::{DeliveryFailure, Event};
use chartmesh_protocol::store::StoreError;
use libp2p::Multiaddr;

use super::greet::greet;
use super::shared::{Shared, multiaddrs};
use crate::net::SendFailure;

/// Something waits for `to`, or may be tried now.
pub(super) fn wake(shared: &Arc<Shared>, to: PartyId) {
    let mut running = running(shared);
    if let Some(again) = running.get_mut(&to) {
        *again = true;
        return;
    }
    running.insert(to, false);
    drop(running);
    let task = Arc::clone(shared);
    shared.spawn(async move {
        loop {
            deliver(&task, to).await;
            let mut running = self::running(&task);
            match running.get_mut(&to) {
                Some(again) if *again => *again = false,
                _ => {
                    running.remove(&to);
                    return;
                }
            }
        }
    });
}

fn running(shared: &Shared) -> MutexGuard<'_, std::collections::HashMap<PartyId, bool>> {
    shared.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Delivers until nothing waits, or what waits is not to be tried yet.
async fn deliver(shared: &Arc<Shared>, to: PartyId) {
    loop {
        let next = shared
            .read_on_pool(move |peer, txn, now| {
                Ok::<_, StoreError>((now, peer.next_delivery(txn, now, to)?))
            })
            .await;
        let (now, delivery) = match next {
            Ok((now, Some(delivery))) => (now, delivery),
            Ok((_, None)) => return,
            Err(error) => return tracing::error!(%error, "cannot read the outbox"),
        };
        if delivery.wait_ms > 0 {
            return shared.timer.wake_at(now.plus_ms(delivery.wait_ms));
        }
        let number = delivery.number;
        let Some(result) = attempt(shared, to, number, delivery.route).await else {
            continue;
        };
        let bytes = result.as_ref().map_or(0, Vec::len);
        let event = Event::Delivery { to, number, result };
        if shared.submit(event, bytes).await.is_err() {
            // The message waits still; the next tick tries again.
            return;
        }
    }
}

/// Tries the institution's nodes, those first that we are in a session with. `None`: the message
/// does not wait any more.
async fn attempt(
    shared: &Arc<Shared>,
    to: PartyId,
    number: u64,
    mut route: Vec<(NodeId, Vec<String>)>,
) -> Option<Result<Vec<u8>, DeliveryFailure>> {
    route.sort_by_key(|(node, _)| shared.sessions.theirs(*node).is_none());
    let mut failure = DeliveryFailure::NeverSent;
    for (node, addresses) in route {
        match send(shared, to, number, node, multiaddrs(&addresses)).await {
            Ok(None) => return None,
            Ok(Some(response)) => return Some(Ok(response)),
            // It may have arrived: another node of theirs would be asked the same in vain.
            Err(DeliveryFailure::OutcomeUnknown) => {
                return Some(Err(DeliveryFailure::OutcomeUnknown));
            }
            Err(DeliveryFailure::NeverSent) => {}
            Err(DeliveryFailure::GateClosed) => failure = DeliveryFailure::GateClosed,
        }
    }
    Some(Err(failure))
}

/// Sends to one node, after a `hello`; says `hello` once more if the node has forgotten it.
async fn send(
    shared: &Arc<Shared>,
    to: PartyId,
    number: u64,
    node: NodeId,
    addresses: Vec<Multiaddr>,
) -> Result<Option<Vec<u8>>, DeliveryFailure> {
    for _ in 0..2 {
        let nonce = greet(shared, to, node, addresses.clone()).await?;
        let composed = shared
            .read_on_pool(move |peer, txn, now| {
                // Who told us of this node may have been wrong, or lied: another member answered.
                if peer.institution_of(txn, now, node)? != Some(to) {
                    return Ok::<_, StoreError>(Err(DeliveryFailure::NeverSent));
                }
                Ok(Ok(peer.compose(txn, to, number, nonce)?))
            })
            .await;
        let message = match composed {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(failure)) => return Err(failure),
            Err(error) => {
                tracing::error!(%error, "cannot compose a message");
                return Err(DeliveryFailure::NeverSent);
            }
        };
        super::trail::leaves(to, number, message.len());
        match shared.net.control(node, addresses.clone(), message).await {
            Ok(response) if !response.is_empty() => return Ok(Some(response)),
            // Empty: it does not know us in this session; it may have restarted.
            Ok(_) | Err(SendFailure::Refused) => shared.sessions.outdated(node, nonce),
            Err(failure @ SendFailure::NeverSent(_)) => {
                tracing::debug!(node = %node.short(), %failure, kind = "control", "not sent");
                return Err(DeliveryFailure::NeverSent);
            }
            Err(failure @ SendFailure::Unknown(_)) => {
                tracing::debug!(node = %node.short(), %failure, kind = "control", "no outcome");
                return Err(DeliveryFailure::OutcomeUnknown);
            }
        }
    }
    Err(DeliveryFailure::GateClosed)
}
