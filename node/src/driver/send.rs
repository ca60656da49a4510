//! Sending a message to a node.

use std::sync::Arc;

use chartmesh_protocol::agenda::{Letter, Sent};
use chartmesh_protocol::store::StoreError;

use super::running::{Running, multiaddrs};
use super::trail;
use crate::net::SendFailure;

/// Sends a message, and waits for its outcome.
pub(super) async fn send(running: &Arc<Running>, letter: Letter) -> Sent {
    let composed = running.read_on_pool(move |peer, txn, now| {
        let composed = letter.compose(peer, txn, now)?;
        Ok::<_, StoreError>((letter, composed))
    });
    let (letter, message) = match composed.await {
        Ok((letter, Ok(message))) => (letter, message),
        Ok((_, Err(sent))) => return sent,
        Err(error) => {
            tracing::error!(%error, "cannot compose a message");
            return Sent::NeverSent;
        }
    };
    let node = letter.node;
    trail::leaves(letter.to, letter.number, message.len());
    match running.net.control(node, multiaddrs(&letter.addresses), message).await {
        Ok(response) if !response.is_empty() => Sent::Answered(response),
        // Empty: it does not know us in this session; it may have restarted.
        Ok(_) | Err(SendFailure::Refused) => Sent::Forgotten,
        Err(failure @ SendFailure::NeverSent(_)) => {
            tracing::debug!(node = %node.short(), %failure, kind = "control", "not sent");
            Sent::NeverSent
        }
        Err(failure @ SendFailure::Unknown(_)) => {
            tracing::debug!(node = %node.short(), %failure, kind = "control", "no outcome");
            Sent::Unknown
        }
    }
}
