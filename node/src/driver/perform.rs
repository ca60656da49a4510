//! Doing what the protocol asked for, once that is durable. Called by the writer: nothing here may
//! wait, or the queue it would wait for could never empty.

use std::sync::Arc;

use chartmesh_protocol::peer::Effect;
use chartmesh_protocol::refusal::Failure;

use super::shared::Shared;
use super::{delivery, greet, in_use, pull};

/// Starts an effect.
pub(super) fn perform(shared: &Arc<Shared>, effect: Effect) {
    match effect {
        Effect::Answer { request, answer } => {
            shared.waiting.answer(request, answer.map_err(Failure::Refused));
        }
        Effect::Reply { request, bytes } => shared.waiting.reply(request, bytes),
        Effect::Deliver { to } => delivery::wake(shared, to),
        Effect::Greet { to } => greet::once(shared, to),
        Effect::Gate { node, open: true } => {
            shared.sessions.admit(node);
            shared.net.open_gate(node);
        }
        Effect::Gate { node, open: false } => {
            shared.net.close_gate(node);
            shared.sessions.put_out(node);
        }
        Effect::Pull { id } => pull::wake(shared, id),
        Effect::Stop { id } => pull::stop(shared, id),
        Effect::Drop { object } => in_use::remove_unless_held(shared, object),
        Effect::WakeAt(time) => shared.timer.wake_at(time),
    }
}
