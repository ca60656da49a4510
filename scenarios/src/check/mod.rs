//! Checkers: they stand outside the peers and judge what is to be seen.

use crate::engine::{Engine, Stage};
use crate::result::Violation;
use crate::watch::{Seen, Watch};

/// All checkers of a run.
pub(crate) struct Checkers {
    found: Vec<Violation>,
}

impl Checkers {
    pub(crate) fn new(_engine: &Engine<'_>) -> Self {
        Self { found: Vec::new() }
    }

    /// What was found so far.
    pub(crate) fn found(self) -> Vec<Violation> {
        self.found
    }

    /// Judges what can be judged in the end alone.
    pub(crate) fn end(&mut self, _engine: &mut Engine<'_>) -> Vec<Violation> {
        core::mem::take(&mut self.found)
    }
}

impl Watch for Checkers {
    fn see(&mut self, _stage: &Stage, _seen: &Seen<'_>) {}
}
