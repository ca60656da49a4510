//! The patient's keys: made on a relay, kept sealed there, rotated with the phrase.
//!
//! ```text
//!  make ──> words (shown once)             rotate(words) ──> new signing key, new records root
//!     └───> key log, keys ──seal──> row          └──> rotation, key ring, revocations ──> contacts
//! ```
//!
//! The relay keeps the current signing key and all records roots, sealed under the patient's
//! passphrase; receiving needs neither. A rotation needs the phrase and replaces both, so whoever
//! steals the relay cannot rotate. An unlocked relay can read and sign for its patient.

pub mod command;
mod machine;
mod news;
mod patient_keys;
mod put_back;
pub mod query;
mod reasons;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{Context, Feature, Sender};

pub use command::Command;
pub(crate) use machine::{at_hand, publish_for, tell};
pub(crate) use news::ask as ask_for_news;
pub use patient_keys::{NewPatient, decode_keys, encode_keys, make, rotate};
pub(crate) use put_back::tell_again;
pub(crate) use reasons::Reason;
pub use wire::{AskNews, Keys, Message};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        match message {
            Message::Keys(keys) => machine::told(ctx, sender, keys),
            Message::AskNews(ask) => news::answer(ctx, sender.institution, &ask),
        }
    }

    fn outcome(
        ctx: &mut Context<'_>,
        _to: PartyId,
        message: Message,
        result: Result<Bytes, Refusal>,
    ) -> Handled<()> {
        match message {
            Message::Keys(_) => Ok(()),
            Message::AskNews(ask) => news::answered(ctx, &ask, result),
        }
    }

    fn tick(ctx: &mut Context<'_>) -> Handled<()> {
        news::tick(ctx)
    }

    fn next_due(txn: &dyn ReadTxn) -> Result<Option<Timestamp>, StoreError> {
        news::next_due(txn)
    }
}
