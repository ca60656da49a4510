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

mod catalogue;
mod check;
pub mod command;
mod machine;
mod query;
mod reasons;
pub mod view;
mod wire;

pub use crate::catalogue::{
    Catalogue, CatalogueError, Listed, Listing, Section, Step, root as catalogue_root,
};
pub use crate::entries::{
    Bundle, Checked, ContentKey, Draft, Label, Manifest, SealedContent, SealedEntry, Term,
};
pub use crate::holdings::ContentRef;
pub use crate::kind::{Kind, UnknownKind};
pub(crate) use catalogue::send;
pub(crate) use check::checked;
pub use command::Command;
pub(crate) use command::command;
pub(crate) use machine::{adopt, outcome, receive, reseal};
pub use query::{Catalogued, Charts, Entries, Verify};
pub(crate) use reasons::Reason;
pub use wire::Message;
