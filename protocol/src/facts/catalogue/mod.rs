//! The catalogue: the patient's relay signs which entries there are, so that a holder that keeps one
//! back is noticed.
//!
//! Every author announces to the relay what it records, so the relay knows the label of each entry
//! without being able to read one. It signs a count and a root over the pairs (entry, label id) of
//! one compartment, or of the entries that one permission names, and gives pairs and signature to
//! whoever may read these:
//!
//! ```text
//!  author ──announce──> relay ──listing (begins, continues)──> reader, behind its permission
//!                         │
//!                         └────listing (adds)────────────────> readers of whole compartments,
//!                                                              when there is something new
//!  a list that does not lead to the signed root is refused, and the relay sends all of it again
//! ```
//!
//! A catalogue is of one compartment, never of the whole record: who may read laboratory results is
//! not to learn how much there is of anything else. It tells what is there, not who has it: a holder
//! that did not send an entry may never have had it.
//!
//! What is listed is a fact, and stands here; who tells whom of it is the feature's ([`crate::record`]).

mod enter;
mod listed;
mod newest;
pub(crate) mod tables;
mod tree;
mod wire;

pub(crate) use enter::enter;
pub use listed::Listed;
pub(crate) use newest::{counts, listed, lists};
pub(crate) use tables::listed_rows;
pub use tree::root;
pub use wire::{Catalogue, CatalogueError, Listing, Section, Step};
