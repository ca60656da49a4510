//! Who looks on while a run goes.

use super::trace::{TraceRow, TraceSink};

/// What a run is told, and asks, while it goes.
pub trait Watcher {
    /// Called about ten times a second of real time; gives whether to go on.
    fn progress(&mut self, progress: &Progress) -> bool;
}

/// Nobody watches: a run goes on to its end, and no trace is kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn progress(&mut self, _: &Progress) -> bool {
        true
    }
}

impl TraceSink for Unwatched {
    fn row(&mut self, _: &TraceRow) {}
}

impl TraceSink for Vec<TraceRow> {
    fn row(&mut self, row: &TraceRow) {
        self.push(*row);
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Simulated microseconds so far.
    pub simulated_us: u64,
    /// Of so many.
    pub duration_us: u64,
    /// Real seconds so far.
    pub wall_s: f64,
    /// Events so far.
    pub events: u64,
    /// What is going on before time runs: `founding`, `enrolling`; `running` then.
    pub phase: &'static str,
}
