//! Experiments: many runs, and what is learned from one.
//!
//! | module | what |
//! |---|---|
//! | `failing` | what makes a run a failing one |
//! | `shrink` | the smallest scenario that still fails |
//!
//! Each takes the function that runs a scenario as an argument ([`Runner`]): [`run`](crate::run()) outside of
//! tests.

mod failing;
#[cfg(test)]
mod fake;
mod shrink;

pub use failing::Failing;
pub use shrink::{ShrinkError, Shrinking, Shrunk, shrink};

use crate::result::{Outcome, TraceRow, TraceSink, Watcher};
use crate::run::RunError;
use crate::scenario::Scenario;

/// Runs a scenario with a seed, as [`run`](crate::run()) does.
pub type Runner<'a> = dyn Fn(&Scenario, u64, &mut dyn Watcher, &mut dyn TraceSink) -> Result<Outcome, RunError>
    + Sync
    + 'a;

/// Keeps no trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl TraceSink for NoTrace {
    fn row(&mut self, _: &TraceRow) {}
}
