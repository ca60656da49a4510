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
mod query;
mod reasons;
pub mod view;
mod wire;

pub use command::Command;
pub(crate) use command::command;
pub(crate) use machine::{at_hand, publish_for, receive, tell};
pub use patient_keys::{NewPatient, decode_keys, encode_keys, make, rotate};
pub use query::Patients;
pub(crate) use reasons::Reason;
pub use wire::{Keys, Message};
