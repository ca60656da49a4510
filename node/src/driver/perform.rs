//! Doing what the protocol asked for, once that is durable. Called by the writer: nothing here may
//! wait, or the queue it would wait for could never empty.

use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::peer::Effect;
use chartmesh_protocol::refusal::Failure;

use super::orders::obey;
use super::removal::remove_unless_held;
use super::running::Running;

/// Starts an effect.
pub(super) fn perform(running: &Arc<Running>, effect: Effect) {
    match effect {
        Effect::Answer { request, answer } => {
            running.waiting.answer(request, answer.map_err(Failure::Refused));
        }
        Effect::Reply { request, bytes } => running.waiting.reply(request, bytes),
        Effect::Deliver { to } => {
            let next = running.agenda().deliver(to);
            obey(running, next);
        }
        Effect::Greet { to } => tell(running, to),
        Effect::Gate { node, open_for: Some(institution) } => {
            running.agenda().gate(node, true);
            running.net.open_gate(node, institution);
        }
        Effect::Gate { node, open_for: None } => {
            running.net.close_gate(node);
            running.agenda().gate(node, false);
            forget(running, node);
        }
        Effect::Pull { id, from } => {
            let next = running.agenda().pull(id, from);
            obey(running, next);
        }
        Effect::Stop { id } => {
            let next = running.agenda().stop(id);
            obey(running, next);
        }
        Effect::Drop { object } => remove_unless_held(running, object),
        Effect::WakeAt(time) => running.wake_at(time),
    }
}

/// Whose institution may come in no more is a stranger; who merely has to say `hello` again is none.
fn forget(running: &Arc<Running>, node: NodeId) {
    let task = Arc::clone(running);
    running.spawn(async move {
        let known = task.read_on_pool(move |peer, txn, now| peer.is_known(txn, now, node)).await;
        match known {
            Ok(true) => {}
            Ok(false) => task.net.forget(node),
            Err(error) => tracing::error!(%error, "cannot read who may come in"),
        }
    });
}

/// Says `hello` to all nodes of an institution.
fn tell(running: &Arc<Running>, to: PartyId) {
    let task = Arc::clone(running);
    running.spawn(async move {
        let route = task.read_on_pool(move |peer, txn, _| peer.route(txn, to)).await;
        let route = route.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read whom to greet");
            Vec::new()
        });
        for (node, addresses) in route {
            let next = task.agenda().tell(to, node, addresses);
            obey(&task, next);
        }
    });
}
