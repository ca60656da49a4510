//! Keeping sealed objects for others, giving them back, deleting them on the owner's word.
//!
//! ```text
//!  depositor                               depositary
//!  Offer {permission, bundles} ──────────> checks, keeps the place: READY (the deposit is deferred)
//!  ... until its time ...
//!  Execute {ticket} ─────────────────────> pulls what it lacks: FILLING
//!       <──────────────── Stored {receipt} all synced: STORED
//! ```
//!
//! The owner of what is kept is the patient, by a permission to keep or to add, or an institution that
//! backs up its own records. The depositary sees labels, sizes and hashes. The depositor passes the
//! receipt on to the patient's relay, which believes no other word on where the record is kept.

mod bills;
pub mod command;
mod depositary;
mod depositor;
mod elsewhere;
mod kept;
pub mod query;
mod reasons;
mod restores;
mod tables;
mod unkept;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::{SECOND_MS, Timestamp};
use crate::turn::{Context, Effect, Feature, Sender};

pub(crate) use bills::{kept as kept_bill, reserved as reserved_bill};
pub use command::Command;
pub(crate) use depositary::{misfiled, pulled, taken_back};
pub(crate) use depositor::{deposit, restored_object};
pub use wire::{
    Delete, DeleteOrder, Deletion, Execute, Fetch, FetchAnswer, Gone, Kept, Message, Offer,
    OfferPermission, Position, Stored, Withdrawn,
};

pub use crate::receipts::{Receipt, ReceiptObject};
pub(crate) use reasons::Reason;
pub(crate) use unkept::{put_back, unkept};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Offer(offer) => depositary::offered(ctx, sender, offer),
            Message::Execute(execute) => depositary::executed(ctx, sender, &execute),
            Message::Stored(stored) => depositor::stored(ctx, sender, &stored),
            Message::Delete(delete) => depositary::deleted(ctx, sender, delete),
            Message::Fetch(fetch) => depositary::fetched(ctx, sender, &fetch),
            Message::Withdrawn(withdrawn) => depositor::withdrawn(ctx, sender, withdrawn),
            Message::Kept(kept) => elsewhere::kept(ctx, sender, kept),
            Message::Gone(gone) => elsewhere::gone(ctx, sender, &gone),
        }
    }

    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match message {
            Message::Offer(offer) => match result {
                Ok(answer) => depositor::ready(ctx, offer.reservation, &answer),
                Err(refusal) => depositor::refused(ctx, offer.reservation, &refusal),
            },
            Message::Execute(execute) => match result {
                Ok(_) => Ok(()),
                Err(refusal) => depositor::refused(ctx, execute.reservation, &refusal),
            },
            Message::Stored(_) | Message::Withdrawn(_) | Message::Kept(_) | Message::Gone(_) => {
                Ok(())
            }
            Message::Delete(delete) => depositor::confirmed(ctx, to, &delete, result),
            Message::Fetch(fetch) => depositor::restored(ctx, to, &fetch, result),
        }
    }

    /// Deferred deposits become due, and the storing side gives up what never came.
    fn tick(ctx: &mut Context<'_>) -> Handled<()> {
        depositor::execute_due(ctx)?;
        depositary::tick(ctx)?;
        // What could not be done now is tried again in a while, not at once.
        let soonest = ctx.now.plus_ms(SECOND_MS);
        ctx.effects.extend(Self::next_due(ctx.txn)?.map(|at| Effect::WakeAt(at.max(soonest))));
        Ok(())
    }

    fn next_due(txn: &dyn ReadTxn) -> Result<Option<Timestamp>, StoreError> {
        tables::next_due(txn)
    }
}
