//! Who belongs to the region: founded, joined, put out, left; the same on every node.
//!
//! ```text
//!  create ──> founding ──(its first members applied and were taken)──> charter signed: founded
//!  invite ──(code)──> join: hello with the code, Apply ──> applicant
//!  applicant ──admit by k members──> member ──expel by a majority──> expelled, for good
//!                                      └────leave────> left
//! ```
//!
//! [`crate::membership`] judges the statements; this feature stores them, spreads them to everybody
//! concerned and keeps the answer as rows. Members push what is new to all members; whoever says
//! `hello` with other heads is asked for what is missing, so disorder and absence heal by themselves.
//! Who was expelled is told so with its proof when it says `hello`, and by nothing else.

pub mod command;
mod expelled;
mod machine;
pub mod query;
mod reasons;
mod sync;
mod tables;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::identity::Role;
use crate::refusal::{Handled, Refusal, refuse};
use crate::turn::{Commands as _, Context, Feature, RequestId, Sender};

pub use command::Command;
pub(crate) use expelled::{proof, told};
pub(crate) use sync::{greeted, learn_snapshot};
pub(crate) use view::{expulsion, view};
pub use wire::{Apply, ExpulsionProof, Message, Sync};

pub use crate::members::Spread;
pub(crate) use reasons::Reason;

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn command(ctx: &mut Context<'_>, request: RequestId, command: Command) -> Handled<()> {
        if ctx.own.role() == Role::Patient {
            return refuse(Reason::RelayIsNone);
        }
        if !matches!(command, Command::Create(_) | Command::Join(_)) {
            machine::not_expelled(ctx)?;
        }
        command.carry_out(ctx, request)
    }

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Apply(apply) => machine::applied(ctx, sender, &apply),
            Message::Spread(spread) => sync::spread_received(ctx, sender.institution, spread),
            Message::Sync(sync) => sync::sync(ctx, sender.institution, &sync),
            Message::Applicant(applicant) => machine::applicant_told(ctx, sender, applicant),
        }
    }

    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match message {
            Message::Apply(apply) => sync::answered(ctx, to, &apply, result),
            Message::Spread(_) | Message::Sync(_) | Message::Applicant(_) => Ok(()),
        }
    }
}
