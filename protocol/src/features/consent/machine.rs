//! Who handles what others say, and the passing of time.

use super::tables::{fail, next_due, put_request, request, requests_due};
use super::wire::{Message, RequestState};
use super::{ask, decide, pass_on, read, upload};
use crate::codec::Bytes;
use crate::id::PartyId;
use crate::patients;
use crate::refusal::{Handled, Refusal};
use crate::turn::{Context, Effect, Sender};

/// Handles another institution's message.
pub(crate) fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
    match message {
        Message::Ask(ask) => ask::asked(ctx, sender, ask),
        Message::Decision(decision) => ask::decided(ctx, sender, decision),
        Message::Permission(permission) => ask::permitted(ctx, sender, permission),
        Message::Order(order) => upload::ordered(ctx, sender, order),
        Message::OrderState(state) => upload::state(ctx, sender, state),
        Message::Read(read) => read::serve(ctx, sender, read),
        Message::PassedOn(permission) => pass_on::received(ctx, sender, permission),
        Message::Told(told) => pass_on::told(ctx, sender, told),
    }
}

/// What became of a message of ours.
pub(crate) fn outcome(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: Message,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    match (message, result) {
        (Message::Read(read), result) => read::answered(ctx, to, &read, result),
        (Message::Ask(ask), Err(refusal)) => fail(ctx, ask.request, &refusal),
        (Message::PassedOn(passed), Err(refusal)) => fail(ctx, passed.request, &refusal),
        (Message::Order(order), Err(refusal)) => fail(ctx, order.request, &refusal),
        _ => Ok(()),
    }
}

/// Time passed: requests expire, deferred ones open again.
pub(crate) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
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
