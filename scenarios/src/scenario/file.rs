//! The whole file.

use super::conduct::{Event, Expect, Faults, Hostile, Measure, Patients, Policy, Work};
use super::topology::{Federation, Hospitals, Link, LinkMatrix, Providers, Region, Relays};
use super::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

impl Scenario {
    /// The scenario as a file that needs no other: what the CSV files held stands in it, and every default.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("text keys and finite numbers are TOML")
    }
}
