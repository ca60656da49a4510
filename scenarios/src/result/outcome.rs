//! What a run gave.

use crate::metric::{METRICS, Unit};
use crate::scenario::Scenario;
use chartmesh_protocol::identity::Role;
use serde::Serialize;

/// One run of one scenario with one seed.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What stood for the machines: `core` for peers alone, `stack` for whole nodes.
    pub tier: &'static str,
    /// What was run, every default written out.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// Whether signatures and ciphers were stand-ins; see `docs/decisions/0014-stand-ins.md`.
    pub stand_ins: bool,
    /// Simulated microseconds that passed, warm-up included; less than the scenario's duration when the run was
    /// stopped.
    pub simulated_us: u64,
    /// Whether somebody stopped it before its end.
    pub stopped: bool,
    /// BLAKE3 of the trace's rows, in hexadecimal. Equal for equal scenario, seed and version.
    pub trace_hash: String,
    /// Rows of the trace.
    pub trace_rows: u64,
    /// Events that the engine took from its queue.
    pub events: u64,
    /// The parties, by number: what traces and samples refer to.
    pub parties: Vec<PartyRow>,
    /// Measures, in the order of their documentation.
    pub metrics: Vec<Metric>,
    /// What each fault did, by its name: how often it fired.
    pub faults: Vec<Fired>,
    /// What happened to everybody to see: the scenario's events, with begin and end.
    pub marks: Vec<Mark>,
    /// What the checkers found not to hold.
    pub violations: Vec<Violation>,
    /// What the scenario expected, and what came.
    pub expectations: Vec<Expectation>,
    /// Where the time went. Not part of what repeats.
    pub cost: Cost,
}

impl Outcome {
    /// A region's id, by its number.
    #[must_use]
    pub fn region_name(&self, region: u32) -> Option<&str> {
        self.scenario.regions.get(region as usize).map(|region| region.id.as_str())
    }

    /// The id of the region that a party is in.
    #[must_use]
    pub fn region(&self, party: u32) -> Option<&str> {
        self.region_name(self.parties.get(party as usize)?.region)
    }

    /// The id of the region that a sample is of: its party's, or itself where the sample is of a whole region.
    #[must_use]
    pub fn region_of(&self, sample: &Sample) -> Option<&str> {
        if sample.label == OF_REGION {
            self.region_name(sample.party)
        } else {
            self.region(sample.party)
        }
    }

    /// Whether no checker found anything and all that was expected came.
    #[must_use]
    pub fn held(&self) -> bool {
        self.violations.is_empty() && self.expectations.iter().all(|expectation| expectation.held)
    }
}

/// The scenario cannot be run as it is, though its file was well formed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A step of founding the federation or enrolling its patients was refused.
    #[error("the federation could not be set up: {0}")]
    Setup(String),
}

/// A party.
#[derive(Debug, Clone, Serialize)]
pub struct PartyRow {
    /// `clinic-1`.
    pub name: String,
    /// Its group's id.
    pub group: String,
    /// Its region's number.
    pub region: u32,
    /// Its role.
    pub role: Role,
}

/// One measure.
#[derive(Debug, Clone, Serialize)]
pub struct Metric {
    /// Its name, in lower case with `_`.
    pub name: &'static str,
    /// What a value is.
    pub unit: Unit,
    /// What it says.
    pub doc: &'static str,
    /// Of what it is counted: the denominator in words.
    pub of: &'static str,
    /// The denominator.
    pub denominator: u64,
    /// The values.
    #[serde(skip)]
    pub samples: Vec<Sample>,
}

impl Metric {
    /// One without values, by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (name, unit, doc, of) = *METRICS.iter().find(|(known, ..)| *known == name)?;
        Some(Self { name, unit, doc, of, denominator: 0, samples: Vec::new() })
    }
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// When what was measured began, in simulated microseconds.
    pub at_us: u64,
    /// The value, in the metric's unit.
    pub value: f64,
    /// It had not ended when the run did: the true value is at least this (right-censored).
    pub censored: bool,
    /// At which party, or [`NOBODY`](super::NOBODY); the region's number where the label is [`OF_REGION`].
    pub party: u32,
    /// A label for splitting, such as the feature or `online`.
    pub label: &'static str,
}

/// The label of samples that are of a whole region.
pub const OF_REGION: &str = "region";

/// How often a fault fired.
#[derive(Debug, Clone, Serialize)]
pub struct Fired {
    /// Its name in the scenario.
    pub fault: &'static str,
    /// How often.
    pub times: u64,
}

/// An event of the scenario as it took place.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// In words: `isolate north`.
    pub what: String,
    /// Its number in the scenario's list.
    pub event: usize,
    /// From.
    pub from_us: u64,
    /// Until; the same as from for what has no length.
    pub until_us: u64,
}

/// Something that must hold and did not.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// The checker.
    pub checker: &'static str,
    /// When, in simulated microseconds.
    pub at_us: u64,
    /// At which party, if at one.
    pub party: Option<u32>,
    /// What was found, in a sentence.
    pub what: String,
}

/// What was expected and what came.
#[derive(Debug, Clone, Serialize)]
pub struct Expectation {
    /// In words: `consent_latency.median below 2h`.
    pub what: String,
    /// The value that came; none when nothing was measured.
    pub came: Option<f64>,
    /// Whether it held.
    pub held: bool,
}

/// Where real time went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cost {
    /// Seconds of real time.
    pub wall_s: f64,
    /// Seconds of processor time by what it was used for: a feature's name, or `engine`.
    pub cpu_s: Vec<(&'static str, f64)>,
}
