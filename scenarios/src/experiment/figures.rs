//! The figures of a run: every part of every measure as one number, by which runs are compared.

use crate::result::{Outcome, Unit};
use crate::stats::{Interval, PARTS, Summary, mean_interval, paired};
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
                let unit = match part {
                    "count" | "censored" | "denominator" => Unit::Count,
                    _ => metric.unit,
                };
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

/// Whether a person wants to see it without asking: of lengths of time the middle and the worst, of amounts the
/// sum, of shares the mean.
#[must_use]
pub fn is_main(name: &str, unit: Unit) -> bool {
    let part = name.rsplit('.').next().unwrap_or_default();
    match unit {
        Unit::Micros => matches!(part, "median" | "p99"),
        Unit::Bytes | Unit::Count => part == "total" || name == VIOLATIONS,
        Unit::Share => part == "mean",
    }
}

/// One figure over the seeds of one point of a sweep, or of one side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The point: the values that were varied, or the side.
    pub point: String,
    /// The figure's name.
    pub figure: String,
    /// What it counts.
    pub unit: Unit,
    /// Its mean over the seeds.
    pub mean: Interval,
    /// In so many runs it may be larger: something had not ended.
    pub at_least: usize,
    /// The mean difference from the first point, seed by seed; none at the first.
    pub difference: Option<Interval>,
}

/// What many runs of one scenario gave, by seed.
pub type BySeed = BTreeMap<u64, Figures>;

/// Every figure of every point, each compared with the first point seed by seed.
#[must_use]
pub fn rows(points: &[(String, BySeed)]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, (point, runs)) in points.iter().enumerate() {
        let first = (number > 0).then(|| &points[0].1);
        let names: BTreeMap<&String, Unit> = runs
            .values()
            .flat_map(|run| &run.0)
            .map(|(name, figure)| (name, figure.unit))
            .collect();
        for (name, unit) in names {
            let got = |runs: &BySeed, seed: &u64| Some(runs.get(seed)?.0.get(name)?.value);
            let figures = runs.values().filter_map(|run| run.0.get(name));
            let values: Vec<f64> = figures.clone().map(|figure| figure.value).collect();
            let Some(mean) = mean_interval(&values) else { continue };
            let pair = |first| move |seed| Some((got(first, seed)?, got(runs, seed)?));
            let pairs = first.map(|first| runs.keys().filter_map(pair(first)).collect::<Vec<_>>());
            rows.push(Row {
                point: point.clone(),
                figure: name.clone(),
                unit,
                mean,
                at_least: figures.filter(|figure| figure.at_least).count(),
                difference: pairs.and_then(|pairs| paired(&pairs)),
            });
        }
    }
    rows
}
