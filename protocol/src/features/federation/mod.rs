//! Who belongs to the region: founded, joined, put out, left; the same on every node.
//!
//! ```text
//!  create ──> founding ──(its first members applied and were taken)──> charter signed: founded
//!  invite ──(code)──> join: hello with the code, Apply ──> applicant
//!  applicant ──admit by k members──> member ──expel by a majority──> expelled, for good
//!                                      └────leave────> left
//! ```
//!
//! [`crate::membership`] judges the statements; this feature stores them, spreads them to everybody
//! concerned and keeps the answer as rows. Members push what is new to all members; whoever says
//! `hello` with other heads is asked for what is missing, so disorder and absence heal by themselves.
//! Who was expelled is told so with its proof when it says `hello`, and by nothing else.

pub mod command;
mod expelled;
mod machine;
mod query;
mod reasons;
mod sync;
mod tables;
pub mod view;
mod wire;

pub use command::Command;
pub(crate) use command::command;
pub(crate) use expelled::{proof, told};
pub(crate) use machine::receive;
pub use query::Members;
pub(crate) use sync::{greeted, learn_snapshot, outcome};
pub(crate) use view::{expulsion, view};
pub use wire::{Apply, ExpulsionProof, Message, Sync};

pub use crate::members::Spread;
pub(crate) use reasons::Reason;
