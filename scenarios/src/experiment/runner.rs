//! Running a scenario, and how that went: it may panic.

use crate::result::{Outcome, RunError, TraceSink, Unwatched, Watcher};
use crate::scenario::Scenario;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a scenario with a seed, as [`run`](crate::run()) does.
pub type Runner<'a> = dyn Fn(&Scenario, u64, &mut dyn Watcher, &mut dyn TraceSink) -> Result<Outcome, RunError>
    + Sync
    + 'a;

/// How a run went that may fail in any way.
pub(super) enum Went {
    /// To its end, or until it was stopped.
    Through(Box<Outcome>),
    /// It cannot be run.
    Not(RunError),
    /// It panicked.
    Panicked,
}

impl Went {
    /// Runs it, keeping no trace.
    pub(super) fn of(
        run: &Runner<'_>,
        scenario: &Scenario,
        seed: u64,
        w: &mut dyn Watcher,
    ) -> Self {
        // Nothing outlives the run but the watcher, which a panic elsewhere leaves as it was.
        match catch_unwind(AssertUnwindSafe(|| run(scenario, seed, w, &mut Unwatched))) {
            Ok(Ok(outcome)) => Self::Through(Box::new(outcome)),
            Ok(Err(error)) => Self::Not(error),
            Err(_) => Self::Panicked,
        }
    }
}
