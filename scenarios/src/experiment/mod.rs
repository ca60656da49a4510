//! Experiments: many runs, and what is learned from one.
//!
//! | module | what |
//! |---|---|
//! | `failing` | what makes a run a failing one |
//! | `figures` | the figures of a run, and of many runs side by side |
//! | `sweep` | a scenario at several values of its keys, with the same seeds |
//! | `replay` | the same run once more, held against what was kept |
//! | `explain` | what became of one message or one patient, and why |
//! | `shrink` | the smallest scenario that still fails |
//!
//! Each takes the function that runs a scenario as an argument ([`Runner`]): [`run`](crate::run()) outside of
//! tests.

mod explain;
mod failing;
#[cfg(test)]
mod fake;
mod figures;
mod replay;
mod shelf;
mod shrink;
mod sweep;
mod trace;

pub use explain::{ExplainError, Follow, Line, Target, Thread, Threads, Timeline};
pub use failing::Failing;
pub use figures::{BySeed, Figure, Figures, VIOLATIONS, is_main, part_unit, side_by_side};
pub use replay::{Difference, Parting, Replayed, replay};
pub use shelf::Folders;
pub use shrink::{ShrinkError, Shrinking, Shrunk, shrink};
pub use sweep::{Ended, Job, Kept, Overseer, Shelf, Swept, sweep};
pub use trace::{Each, InWords, length, moment, short_id};

use crate::result::{Outcome, TraceSink, Watcher};
use crate::run::RunError;
use crate::scenario::Scenario;

/// Runs a scenario with a seed, as [`run`](crate::run()) does.
pub type Runner<'a> = dyn Fn(&Scenario, u64, &mut dyn Watcher, &mut dyn TraceSink) -> Result<Outcome, RunError>
    + Sync
    + 'a;
