//! Who belongs to the region: founded by one, joined, put out, left; the same on every node.
//!
//! ```text
//!  found ──> view 0, the founder alone
//!  invite ──(code, which names a view)──> join: hello with the code, Apply ──> applicant
//!  applicant ──admit by k members──> sealed: member ──expel by a majority──> sealed: expelled, for good
//!                                      └────leave────> sealed: left
//! ```
//!
//! [`crate::membership`] judges and seals; this feature has people's decisions as rows, makes each view's ballot of them, tells
//! the others what they were not told yet, and follows seals from whomever they come. Who was expelled is told so by
//! the seals when it says `hello`, and by nothing else.

pub mod command;
mod machine;
pub mod query;
mod reasons;
mod sealing;
mod sync;
mod tables;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::identity::Role;
use crate::refusal::{Handled, Refusal, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Commands as _, Context, Feature, RequestId, Sender};

pub use command::Command;
pub(crate) use sync::{greeted, learn_snapshot, proof, told_expelled};
pub(crate) use view::{expulsion, view};
pub use wire::{
    Applicant, Apply, CatchUp, ExpulsionProof, Follow, Gossip, HowFar, Message, Retract,
};

pub(crate) use reasons::Reason;

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn command(ctx: &mut Context<'_>, request: RequestId, command: Command) -> Handled<()> {
        if ctx.own.role() == Role::Patient && !matches!(command, Command::Follow(_)) {
            return refuse(Reason::RelayIsNone);
        }
        if !matches!(command, Command::Found(_) | Command::Join(_)) {
            view::not_expelled(ctx)?;
        }
        command.carry_out(ctx, request)
    }

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Apply(apply) => machine::applied(ctx, sender, &apply),
            Message::Applicant(applicant) => machine::applicant_told(ctx, sender, applicant),
            Message::Gossip(told) => sync::told(ctx, sender, told),
            Message::CatchUp(question) => sync::catch_up(ctx, sender.institution, &question),
            Message::HowFar(question) => sync::how_far(ctx, sender.institution, &question),
            Message::Retract(retract) => machine::retracted(ctx, sender.institution, retract),
        }
    }

    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match message {
            Message::Apply(apply) => machine::applied_to(ctx, to, &apply, result),
            Message::Applicant(_) | Message::Retract(_) => Ok(()),
            Message::Gossip(_) => sync::told_answered(ctx, to, result),
            Message::CatchUp(question) => sync::caught_up(ctx, to, &question, result),
            Message::HowFar(_) => sync::reported(ctx, result),
        }
    }

    fn tick(ctx: &mut Context<'_>) -> Handled<()> {
        sealing::tick(ctx)
    }

    fn next_due(txn: &dyn ReadTxn) -> Result<Option<Timestamp>, StoreError> {
        sealing::next_due(txn)
    }
}
