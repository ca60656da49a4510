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
//! backs up its own records. The depositary sees labels, sizes and hashes.

mod depositary;
mod depositor;
mod tables;
pub mod view;
mod wire;

pub(crate) use depositary::{pulled, receive};
pub use depositor::Command;
pub(crate) use depositor::{Deposit, command, offer, outcome, restored_object, tick};
pub(crate) use tables::{kept, kept_for_anybody, next_due};
pub use wire::{
    DeleteOrder, Deletion, FetchAnswer, Message, Offer, OfferPermission, Receipt, ReceiptObject,
};
