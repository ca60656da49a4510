//! A scenario: what a file says of a federation, what happens in it, and what must hold.
//!
//! The types are the file's shape, key by key; `scenarios/files` has examples and `chartmesh sim new`
//! writes a commented one. What is left out has the default that is written at its key.

mod bounds;
mod change;
mod conduct;
mod document;
mod metrics;
mod problem;
mod schema;
mod sense;
mod starter;
mod tables;
mod topology;
mod units;
mod words;

pub use change::{Change, Vary};
pub use conduct::{
    Act, Each, Event, Expect, Faults, Happening, Hostile, Hostility, Measure, Patients, Placement,
    Policy, ReadFrom, TraceFile, Work,
};
pub use document::Document;
pub use metrics::{limit, part};
pub use problem::{LoadError, Problem};
pub use schema::json_schema;
pub use starter::new_scenario;
pub use topology::{
    Bursts, Distribution, Federation, FromFile, Hospitals, Link, LinkMatrix, Loss, Machine, Nat,
    Providers, Region, Relays, Spread, TimeUnit,
};
pub use units::{BadUnit, Rate, Share, Size, Span};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the file's format.
pub const SCHEMA: &str = "chartmesh-sim/1";

/// A whole scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// `chartmesh-sim/1`.
    pub schema: String,
    /// A short name: small letters, digits and `-`.
    pub name: String,
    /// The question that it asks, in a sentence.
    #[serde(default)]
    pub question: String,
    /// How long it runs, in simulated time.
    pub duration: Span,
    /// Simulated time before anything is measured: the federation is founded and patients enrol before it
    /// begins, the first exchanges happen within it.
    #[serde(default)]
    pub warmup: Span,
    /// The federation's rules.
    #[serde(default)]
    pub federation: Federation,
    /// Where parties are.
    #[serde(rename = "region")]
    pub regions: Vec<Region>,
    /// Latencies of all pairs of regions from a CSV file; a `[[link]]` of the same pair goes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_matrix: Option<LinkMatrix>,
    /// How messages travel, by pair of regions. A pair that is not given takes 20 ms one way, and 5 ms within
    /// a region.
    #[serde(default, rename = "link")]
    pub links: Vec<Link>,
    /// Hospitals.
    #[serde(rename = "hospitals")]
    pub hospitals: Vec<Hospitals>,
    /// Backup providers.
    #[serde(default, rename = "providers")]
    pub providers: Vec<Providers>,
    /// Patients' relays: phones, boxes at home, a clinic's computer.
    #[serde(default, rename = "relays")]
    pub relays: Vec<Relays>,
    /// What patients do when they are asked.
    #[serde(default)]
    pub patients: Patients,
    /// The protocol's own policies.
    #[serde(default)]
    pub policy: Policy,
    /// What people do all along.
    #[serde(default, rename = "work")]
    pub work: Vec<Work>,
    /// What happens at a time.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
    /// What goes wrong all along.
    #[serde(default)]
    pub faults: Faults,
    /// Parties that are dishonest.
    #[serde(default, rename = "hostile")]
    pub hostile: Vec<Hostile>,
    /// What is measured, and how finely.
    #[serde(default)]
    pub measure: Measure,
    /// What must hold in the end.
    #[serde(default, rename = "expect")]
    pub expect: Vec<Expect>,
    /// Keys with the values that a sweep tries: `"providers.vault.count" = [1, 2, 3]`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<serde_json::Value>>")]
    pub sweep: BTreeMap<String, Vec<toml::Value>>,
}

/// Reads a scenario file, with the CSV files that it names.
///
/// # Errors
/// [`LoadError`]: the file cannot be read, or what is wrong in it, with line and column.
pub fn load(path: &Path) -> Result<Scenario, LoadError> {
    Document::read(path)?.scenario()
}

/// Reads a scenario from text. `name` is what refusals call it, CSV files are sought in `base_dir`.
///
/// # Errors
/// [`LoadError`].
pub fn parse(text: &str, name: &str, base_dir: &Path) -> Result<Scenario, LoadError> {
    Document::parse(text, name, base_dir)?.scenario()
}

impl Scenario {
    /// The scenario as a file that needs no other: what the CSV files held stands in it, and every default.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("text keys and finite numbers are TOML")
    }

    /// Judges a scenario that was made by a program or read from a manifest.
    ///
    /// # Errors
    /// [`LoadError`], with keys such as `event.2.target` in place of lines.
    pub fn check(&self) -> Result<(), LoadError> {
        Document::of(self).scenario().map(drop)
    }
}

const fn one() -> u32 {
    1
}

const fn two_kib() -> Size {
    Size::from_bytes(2048)
}

const fn whole() -> Share {
    Share::WHOLE
}

#[cfg(test)]
mod tests;
