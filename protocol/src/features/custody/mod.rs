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
mod patient_keys;
pub mod query;
mod reasons;
pub mod view;
mod wire;

use crate::codec::Bytes;
use crate::refusal::Handled;
use crate::turn::{Context, Feature, Sender};

pub use command::Command;
pub(crate) use machine::{at_hand, publish_for, tell};
pub use patient_keys::{NewPatient, decode_keys, encode_keys, make, rotate};
pub(crate) use reasons::Reason;
pub use wire::{Keys, Message};

/// What the peer gives to this feature.
pub(crate) struct Machine;

impl Feature for Machine {
    type Message = Message;
    type Command = Command;

    fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
        let Message::Keys(keys) = message;
        machine::told(ctx, sender, keys)
    }
}
