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

mod by_compartment;
pub(crate) mod catalogue;
mod kind;
mod machine;
mod seal;
mod stock;
mod tables;
pub mod view;
mod wire;

pub(crate) use by_compartment::{count_in, covered};
pub use catalogue::{
    Catalogue, CatalogueError, Listed, Listing, Section, Step, root as catalogue_root,
};
pub use kind::{Kind, UnknownKind};
pub use machine::Command;
pub(crate) use machine::{adopt, command, outcome, receive, reseal, sealing};
pub(crate) use seal::seal;
pub use seal::{Draft, SealedContent, SealedEntry};
pub(crate) use stock::stock;
pub(crate) use tables::{
    EntryRow, Found, chart, chart_for, chart_of, charts, complete, entries, entry, forget,
    forget_holder, holders, index, keep, learn_holder, open_as_patient, sealed_in_time, whole,
};
pub use wire::{Bundle, Checked, ContentKey, ContentRef, Label, Manifest, Message, Term};
