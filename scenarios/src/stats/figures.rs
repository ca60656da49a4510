//! The figures of a run: every part of every measure as one number, by which runs are compared.

use super::summary::{PARTS, Summary};
use crate::metric::Unit;
use crate::result::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of one run, by name: `consent_latency.median`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(pub BTreeMap<String, Figure>);

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The number, in its unit.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
    /// The true number may be larger: what was measured had not ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

/// What the checkers found, as a figure beside the measures.
pub const VIOLATIONS: &str = "violations.count";

impl Figures {
    /// Of a run. A part that has no value, such as the median of nothing, is left out.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let mut figures = BTreeMap::new();
        for metric in &outcome.metrics {
            let summary = Summary::of(metric);
            for part in PARTS {
                let Some(bound) = summary.part(part) else { continue };
                let unit = part_unit(part, metric.unit);
                let figure = Figure { value: bound.value(), unit, at_least: bound.at_least() };
                figures.insert(format!("{}.{part}", metric.name), figure);
            }
        }
        let found = outcome.violations.len() as f64;
        let found = Figure { value: found, unit: Unit::Count, at_least: false };
        figures.insert(VIOLATIONS.to_owned(), found);
        Self(figures)
    }
}

/// What a part of a measure counts: how many values there are is a number, whatever they are.
#[must_use]
pub fn part_unit(part: &str, unit: Unit) -> Unit {
    if matches!(part, "count" | "censored" | "denominator") { Unit::Count } else { unit }
}
