//! The manifest: what was run, from which it is run again, and what came.

use crate::output::WriteError;
use crate::output::schema::RESULTS;
use crate::result::{Failing, Outcome};
use crate::scenario::Scenario;
use crate::stats::Figures;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Its name in a run's folder.
pub const MANIFEST: &str = "manifest.json";

/// A run in one file: from `scenario` and `seed` the same version runs it again, with the same `trace_hash`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `chartmesh-sim-run/1`.
    pub schema: String,
    /// What stood for the machines: `core` for peers alone, `stack` for whole nodes.
    #[serde(default = "core")]
    pub tier: String,
    /// What ran it.
    pub version: Version,
    /// The seed.
    pub seed: u64,
    /// Whether signatures and ciphers were stand-ins.
    pub stand_ins: bool,
    /// Whether somebody stopped it before its end: what stands here is of the time until then.
    pub stopped: bool,
    /// Simulated microseconds that passed.
    pub simulated_us: u64,
    /// BLAKE3 of the trace's rows, in hexadecimal.
    pub trace_hash: String,
    /// Rows of the trace.
    pub trace_rows: u64,
    /// Events that the engine took from its queue.
    pub events: u64,
    /// What each fault did.
    pub faults: Vec<Fault>,
    /// The scenario's events as they took place.
    pub marks: Vec<Mark>,
    /// What the checkers found not to hold.
    pub violations: Vec<Violation>,
    /// What was expected, and what came.
    pub expectations: Vec<Expectation>,
    /// The measures without their values.
    pub metrics: Vec<Measure>,
    /// Every part of every measure as one number: what runs are compared by.
    pub figures: Figures,
    /// Where real time went; differs from run to run.
    pub cost: Cost,
    /// The files beside this one.
    pub files: Vec<FileRow>,
    /// The scenario, every default written out, and every file that it names read in.
    pub scenario: Scenario,
}

/// The tier of runs that do not say theirs.
fn core() -> String {
    "core".into()
}

/// A version of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Of the crate.
    pub number: String,
    /// The commit, with `+changes` if sources were changed after it; none when it was built without git.
    pub commit: Option<String>,
}

impl Version {
    /// Of this build.
    #[must_use]
    pub fn this() -> Self {
        Self {
            number: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("CHARTMESH_COMMIT").map(str::to_owned),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}", self.number)?;
        let Some(commit) = &self.commit else { return Ok(()) };
        let (id, changes) = commit.split_once('+').unwrap_or((commit, ""));
        write!(to, " ({}", id.get(..12).unwrap_or(id))?;
        if !changes.is_empty() {
            write!(to, " with changes")?;
        }
        write!(to, ")")
    }
}

/// How often a fault fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its name in the scenario.
    pub fault: String,
    /// How often.
    pub times: u64,
}

/// An event of the scenario as it took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// In words.
    pub what: String,
    /// Its number in the scenario's list.
    pub event: usize,
    /// From, in simulated microseconds.
    pub from_us: u64,
    /// Until.
    pub until_us: u64,
}

/// Something that must hold and did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The checker.
    pub checker: String,
    /// When, in simulated microseconds.
    pub at_us: u64,
    /// At which party, if at one.
    pub party: Option<u32>,
    /// What was found.
    pub what: String,
}

/// What was expected and what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// In words.
    pub what: String,
    /// The value that came; none when nothing was measured.
    pub came: Option<f64>,
    /// Whether it held.
    pub held: bool,
}

/// A measure without its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// `micros`, `bytes`, `count` or `share`.
    pub unit: String,
    /// What it says.
    pub doc: String,
    /// Of what it is counted.
    pub of: String,
    /// The denominator.
    pub denominator: u64,
    /// Values that the table of samples has.
    pub samples: u64,
}

/// Where real time went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds of real time.
    pub wall_s: f64,
    /// Seconds of processor time by what it was used for.
    pub cpu_s: Vec<(String, f64)>,
}

/// A file of a run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Its path within the folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Rows, of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl Manifest {
    /// Of an outcome, and the files that were written for it.
    #[must_use]
    pub fn of(outcome: &Outcome, files: Vec<FileRow>) -> Self {
        let faults = outcome.faults.iter();
        let violations = outcome.violations.iter();
        Self {
            schema: RESULTS.into(),
            tier: outcome.tier.into(),
            version: Version::this(),
            seed: outcome.seed,
            stand_ins: outcome.stand_ins,
            stopped: outcome.stopped,
            simulated_us: outcome.simulated_us,
            trace_hash: outcome.trace_hash.clone(),
            trace_rows: outcome.trace_rows,
            events: outcome.events,
            faults: faults
                .map(|fired| Fault { fault: fired.fault.into(), times: fired.times })
                .collect(),
            marks: outcome.marks.iter().map(Mark::of).collect(),
            violations: violations.map(Violation::of).collect(),
            expectations: outcome.expectations.iter().map(Expectation::of).collect(),
            metrics: outcome.metrics.iter().map(Measure::of).collect(),
            figures: Figures::of(outcome),
            cost: Cost {
                wall_s: outcome.cost.wall_s,
                cpu_s: outcome.cost.cpu_s.iter().map(|(what, s)| ((*what).into(), *s)).collect(),
            },
            files,
            scenario: outcome.scenario.clone(),
        }
    }

    /// Reads one, from its path or from the folder that it lies in.
    ///
    /// # Errors
    /// The file cannot be read, or is no manifest of this format.
    pub fn read(path: &Path) -> Result<Self, WriteError> {
        let path = if path.is_dir() { path.join(MANIFEST) } else { path.to_owned() };
        let bytes = std::fs::read(&path).map_err(|error| WriteError::at(&path, error))?;
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| WriteError::at(&path, error))?;
        if manifest.schema == RESULTS {
            Ok(manifest)
        } else {
            let found = format!(
                "it is of the format `{}`; this version reads `{RESULTS}`",
                manifest.schema
            );
            Err(WriteError::at(&path, found))
        }
    }

    /// Why the run fails, if it does.
    #[must_use]
    pub fn failing(&self) -> Option<String> {
        let violation = self.violations.first();
        let violation = violation.map(|found| Failing::Checker(found.checker.clone()));
        let expected = self.expectations.iter().find(|e| !e.held && !self.stopped);
        violation
            .or_else(|| {
                let expected = expected?;
                let (what, measured) = (expected.what.clone(), expected.came.is_some());
                Some(Failing::Expectation { what, measured })
            })
            .map(|failing| failing.to_string())
    }

    /// As JSON, as it is written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers are JSON");
        text.push('\n');
        text
    }
}

impl Mark {
    fn of(mark: &crate::result::Mark) -> Self {
        Self {
            what: mark.what.clone(),
            event: mark.event,
            from_us: mark.from_us,
            until_us: mark.until_us,
        }
    }
}

impl Violation {
    fn of(found: &crate::result::Violation) -> Self {
        Self {
            checker: found.checker.into(),
            at_us: found.at_us,
            party: found.party,
            what: found.what.clone(),
        }
    }
}

impl Expectation {
    fn of(expected: &crate::result::Expectation) -> Self {
        Self { what: expected.what.clone(), came: expected.came, held: expected.held }
    }
}

impl Measure {
    fn of(metric: &crate::result::Metric) -> Self {
        Self {
            name: metric.name.into(),
            unit: metric.unit.name().into(),
            doc: metric.doc.into(),
            of: metric.of.into(),
            denominator: metric.denominator,
            samples: metric.samples.len() as u64,
        }
    }
}
