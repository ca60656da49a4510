//! The patient decides: who may see, who may keep, who is told.
//!
//! ```text
//!  download   hospital ─Ask─> relay ─(the patient)─Permission─> hospital ─Read─> holder
//!  referral   hospital A ─Ask─> relay ─(the patient)─Permission─> hospital B; A hears the outcome only
//!  upload     relay ─Order {permission}─> hospital ─Offer {permission}─> depositary: Ready, deferred
//!                                         hospital ─Execute─> depositary pulls, stores, says so
//!  own        relay ─Read {permission to itself}─> holder: contents come to the patient, sealed
//!
//!  passing on hospital ─PassedOn─> delegate ─Read─> holder; hospital ─Told─> relay
//!
//!  a request:  open ──> approved        (whole or narrowed, limited in time)
//!               │ ├───> refused
//!               │ ├───> deferred ──> open again at its time
//!               │ └───> expired
//!  a permission: live ──> revoked | expired | dropped by a rotation
//! ```
//!
//! A permission is over what there is, with the keys of single entries; or it stands, over whole kinds,
//! with the keys of their compartments, and opens what is added later until it ends (`standing.rs`).
//!
//! Whoever holds the data checks the permission on the spot. Revocation reaches neither the author's
//! own copy nor what was already obtained.

mod again;
mod ask;
pub mod command;
mod compare;
mod decide;
mod due;
mod narrow;
mod own;
mod pass_on;
pub mod query;
mod read;
mod reasons;
mod revoke;
mod sign;
mod standing;
mod tables;
mod upload;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Context, Feature, Sender};

pub(crate) use again::{at_hand, is_to_be_given_again};
pub use ask::AskCommand;
pub use command::Command;
pub use narrow::Narrow;
pub(crate) use read::pulled;
pub(crate) use reasons::Reason;
pub(crate) use standing::renew_for;
pub(crate) use tables::requests_beginning;
pub use tables::{Obtained, RequestKind};
pub(crate) use upload::{deposit_ready, deposit_refused, deposit_stored, deposited};
pub use wire::{
    Ask, Decision, Message, Order, OrderState, Permission, ReadAnswer, ReadRequest, RequestState,
    Told, Wish,
};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
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

    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match (message, result) {
            (Message::Read(read), result) => read::answered(ctx, to, &read, result),
            (Message::Ask(ask), Err(refusal)) => tables::fail(ctx, ask.request, &refusal),
            (Message::Permission(given), Err(refusal)) => {
                Ok(again::refused(ctx, to, &given, &refusal)?)
            }
            (Message::PassedOn(passed), Err(refusal)) => {
                pass_on::refused(ctx, to, passed, &refusal)
            }
            (Message::Order(order), Err(refusal)) => tables::fail(ctx, order.request, &refusal),
            _ => Ok(()),
        }
    }

    fn tick(ctx: &mut Context<'_>) -> Handled<()> {
        due::tick(ctx)
    }

    fn next_due(txn: &dyn ReadTxn) -> Result<Option<Timestamp>, StoreError> {
        tables::next_due(txn)
    }
}
