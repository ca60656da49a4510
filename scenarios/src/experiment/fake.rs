//! A run that does nothing, for tests to plant failures in.

use crate::result::{Cost, Expectation, Outcome, Progress, TraceSink, Violation, Watcher};
use crate::run::RunError;
use crate::scenario::Scenario;

pub(super) fn scenario(text: &str) -> Scenario {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Goes on for ever.
pub(super) struct Patient;

impl Watcher for Patient {
    fn progress(&mut self, _: &Progress) -> bool {
        true
    }
}

/// Ends at once, after asking whether to go on.
pub(super) fn run(
    scenario: &Scenario,
    seed: u64,
    watcher: &mut dyn Watcher,
    _: &mut dyn TraceSink,
) -> Result<Outcome, RunError> {
    let duration_us = scenario.duration.micros();
    let progress =
        Progress { simulated_us: 0, duration_us, wall_s: 0.0, events: 0, phase: "running" };
    let stopped = !watcher.progress(&progress);
    Ok(Outcome {
        scenario: scenario.clone(),
        seed,
        stand_ins: false,
        simulated_us: if stopped { 0 } else { duration_us },
        stopped,
        trace_hash: String::new(),
        trace_rows: 0,
        events: 0,
        parties: Vec::new(),
        metrics: Vec::new(),
        faults: Vec::new(),
        marks: Vec::new(),
        violations: Vec::new(),
        expectations: Vec::new(),
        cost: Cost::default(),
    })
}

pub(super) fn violation(checker: &'static str, at_us: u64) -> Violation {
    Violation { checker, at_us, party: None, what: "planted".into() }
}

pub(super) fn expectation(what: &str, held: bool) -> Expectation {
    Expectation { what: what.into(), came: None, held }
}
