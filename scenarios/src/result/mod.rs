//! What a run gives: measures, the trace's hash, faults that fired, what did not hold; and what it tells while it goes.

mod failing;
mod outcome;
mod trace;
mod watcher;

pub use failing::Failing;
pub use outcome::{
    Cost, Expectation, Fired, Mark, Metric, OF_REGION, Outcome, PartyRow, RunError, Sample,
    Violation,
};
pub use trace::{NOBODY, TraceKind, TraceRow, TraceSink};
pub use watcher::{Progress, Unwatched, Watcher};
