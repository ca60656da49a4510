//! Entries of a patient's record: made, added to, found, opened, verified.
//!
//! ```text
//!  draft ──seal──> entry ──keep──> own store ──announce──> the patient's relay
//!                    │
//!                    └ label (open, signed) + manifest (sealed) + content objects (sealed)
//! ```
//!
//! An institution always records into its own store under its own wrap; no permission governs that.
//! With an enrolled patient the manifest's key is also sealed to the patient's compartment and the
//! bundle goes to the relay, so the patient sees what is held. Entries are never changed: an addition
//! is an entry of its own that names the one it adds to. What the relay knows of, it lists in a signed
//! [`Catalogue`], so that readers notice what a holder keeps back.

mod announce;
mod authors;
mod catalogue;
mod check;
pub mod command;
mod machine;
mod misfiled;
pub mod query;
mod reasons;
mod undo;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::turn::{Context, Feature, Sender};

pub use crate::catalogue::{
    Catalogue, CatalogueError, Listed, Listing, Section, Step, root as catalogue_root,
};
pub use crate::entries::{
    Bundle, Checked, ContentKey, Draft, Label, Manifest, SealedContent, SealedEntry, Taken, Term,
    TurnedDown,
};
pub use crate::holdings::ContentRef;
pub use crate::kind::{Kind, UnknownKind};
pub(crate) use announce::{announce_again, announce_waiting, unannounced, untaken};
pub use authors::EntryStanding;
pub(crate) use authors::tell_all as tell_treating;
pub(crate) use check::checked;
pub use command::Command;
pub(crate) use machine::{adopt, may_read, reseal};
pub(crate) use misfiled::{tell_again as tell_misfiled_again, tell_waiting as tell_misfiled};
pub(crate) use reasons::Reason;
pub use undo::ToSeal;
pub(crate) use undo::{seal_anew, to_seal};
pub use wire::{Announce, Message, Treating};

pub use crate::misfiled::{Misfiled, MisfiledError};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Announce(announce) => announce::announced(ctx, sender, announce),
            Message::Listing(listing) => catalogue::received(ctx, sender, listing),
            Message::Treating(treating) => authors::told(ctx, sender, treating),
            Message::Misfiled(said) => misfiled::heard(ctx, sender, said),
        }
    }

    /// What a relay had no room for is announced again with what is said to it later; a reader that refused a listing may need all of
    /// it.
    fn outcome(
        ctx: &mut Context<'_>,
        to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match (message, result) {
            (Message::Listing(listing), Err(refusal)) => {
                catalogue::refused(ctx, to, &listing, &refusal)
            }
            (Message::Announce(announce), Ok(answer)) => {
                announce::answered(ctx, to, &announce, &answer)
            }
            (Message::Announce(announce), Err(refusal)) => {
                announce::refused(ctx, to, &announce, &refusal)
            }
            (Message::Misfiled(said), result) => misfiled::answered(ctx, to, said, result),
            _ => Ok(()),
        }
    }
}
