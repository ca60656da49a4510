//! The side that deposits, restores and has deleted.

mod delete;
mod offer;
mod restore;
mod stored;

use super::wire::Message;
use crate::codec::Bytes;
use crate::id::{EntryId, PartyId};
use crate::identity::Role;
use crate::refusal::{Handled, Refusal};
use crate::time::Timestamp;
use crate::turn::{Context, RequestId};

pub(crate) use offer::deposit;
pub(super) use offer::execute_due;
pub(crate) use restore::restored_object;
pub(super) use stored::{stored, withdrawn};

/// What a front door can ask of this feature.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// A hospital has entries kept by a depositary: its own, or, with a permission to add, additions to
    /// a patient's record in the patient's name.
    Keep {
        /// Where.
        holder: PartyId,
        /// Whose record.
        subject: PartyId,
        /// The entries; all that this institution made when empty.
        #[serde(default)]
        entries: Vec<EntryId>,
        /// In the patient's name, under a permission that was received.
        #[serde(default)]
        for_patient: bool,
        /// Not to be carried out before.
        #[serde(default)]
        not_before: Option<Timestamp>,
    },
    /// A hospital gets back what a depositary keeps for it.
    Restore {
        /// Where.
        holder: PartyId,
        /// Only this record.
        #[serde(default)]
        subject: Option<PartyId>,
    },
    /// An owner has entries deleted by a holder.
    Delete {
        /// The owner: this institution, or a patient of this relay whose keys are unlocked.
        #[serde(default)]
        patient: Option<PartyId>,
        /// Where.
        holder: PartyId,
        /// The entries.
        entries: Vec<EntryId>,
    },
}

/// Handles a command.
pub(crate) fn command(ctx: &mut Context<'_>, request: RequestId, command: Command) -> Handled<()> {
    match command {
        Command::Keep { holder, subject, entries, for_patient, not_before } => {
            ctx.own.require(Role::Hospital)?;
            offer::keep(ctx, request, holder, subject, entries, for_patient, not_before)
        }
        Command::Restore { holder, subject } => {
            ctx.own.require(Role::Hospital)?;
            restore::restore(ctx, request, holder, subject)
        }
        Command::Delete { patient, holder, entries } => {
            delete::delete(ctx, request, patient, holder, entries)
        }
    }
}

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
