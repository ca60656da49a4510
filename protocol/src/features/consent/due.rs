//! The passing of time.

use super::decide;
use super::tables::{next_due, put_request, request, requests_due};
use super::wire::{Message, RequestState};
use crate::patients;
use crate::refusal::Handled;
use crate::turn::{Context, Effect};

/// Time passed: requests expire, deferred ones open again.
pub(super) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    loop {
        let due = requests_due(ctx.txn, ctx.now)?;
        if due.is_empty() {
            break;
        }
        // Each is due later or not at all after this, so that there is an end.
        for id in due {
            let mut row = request(ctx.txn, id)?;
            row.until = None;
            if row.expires <= ctx.now {
                row.state = RequestState::Expired;
                if patients::serves(ctx.txn, row.patient)? {
                    let decision = decide::decision(id, &row);
                    ctx.send_if_room(row.asker, &Message::Decision(decision))?;
                }
            } else {
                row.state = RequestState::Open;
            }
            put_request(ctx.txn, id, &row)?;
        }
    }
    ctx.effects.extend(next_due(ctx.txn)?.map(Effect::WakeAt));
    Ok(())
}
