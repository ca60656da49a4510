//! A run that does nothing, for tests to plant failures in.

use crate::result::{
    Cost, Expectation, NOBODY, Outcome, Progress, RunError, TraceKind, TraceRow, TraceSink,
    Violation, Watcher,
};
use crate::scenario::{self, Scenario};

pub(super) fn read(text: &str) -> Scenario {
    let read = scenario::parse(text, "fake.toml", std::path::Path::new(""));
    read.unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(super) fn smallest() -> Scenario {
    read(
        "schema = 'chartmesh-sim/1'\nname = 'smallest'\nduration = '1h'\nregion = [{ id = 'north' }]\n\
         hospitals = [{ id = 'clinic', region = 'north', count = 2 }]",
    )
}

pub(super) fn row(kind: TraceKind, bytes: u64) -> TraceRow {
    TraceRow { bytes, ..TraceRow::new(0, kind, 0, NOBODY) }
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
        tier: "core",
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
