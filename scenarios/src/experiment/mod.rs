//! Experiments: many runs, and what is learned from one.
//!
//! | module | what |
//! |---|---|
//! | `sweep` | a scenario at several values of its keys, with the same seeds |
//! | `replay` | the same run once more, held against what was kept |
//! | `explain` | what became of one message or one patient, and why |
//! | `shrink` | the smallest scenario that still fails |
//!
//! Each takes the function that runs a scenario as an argument ([`Runner`]): [`run`](crate::run()) outside of
//! tests.

mod explain;
#[cfg(test)]
mod fake;
mod replay;
mod runner;
mod shelf;
mod shrink;
mod sweep;
mod trace;

pub use explain::{ExplainError, Follow, Line, Target, Thread, Threads, Timeline};
pub use replay::{Difference, Parting, Replayed, replay};
pub use runner::Runner;
pub use shelf::Folders;
pub use shrink::{ShrinkError, Shrinking, Shrunk, shrink};
pub use sweep::{Ended, Job, Overseer, RunResult, Shelf, Swept, sweep};
pub use trace::{Each, InWords, length, moment, short_id};
