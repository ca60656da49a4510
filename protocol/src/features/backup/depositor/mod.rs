//! The side that deposits, restores and has deleted.

mod delete;
mod offer;
mod restore;
mod stored;

use super::wire::Message;
use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::turn::Context;

pub(super) use delete::delete;
pub(crate) use offer::deposit;
pub(super) use offer::{execute_due, keep};
pub(super) use restore::restore;
pub(crate) use restore::restored_object;
pub(super) use stored::{stored, withdrawn};

/// What became of a message of ours.
pub(crate) fn outcome(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: Message,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    match message {
        Message::Offer(offer) => offer::answered(ctx, offer.reservation, result.err()),
        Message::Execute(execute) => match result {
            Ok(_) => Ok(()),
            Err(refusal) => offer::answered(ctx, execute.reservation, Some(refusal)),
        },
        Message::Stored(_) | Message::Withdrawn(_) | Message::Kept(_) | Message::Gone(_) => Ok(()),
        Message::Delete(delete) => delete::confirmed(ctx, to, &delete, result),
        Message::Fetch(fetch) => restore::restored(ctx, to, &fetch, result),
    }
}
