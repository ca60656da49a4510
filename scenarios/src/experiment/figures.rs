//! The figures of a run: every part of every measure as one number, by which runs are compared.

use crate::output::{SweptFigure, SweptPoint};
use crate::result::{Outcome, Unit};
use crate::stats::{PARTS, Summary, mean_interval, paired};
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

/// What many runs of one scenario gave, by seed.
pub type BySeed = BTreeMap<u64, Figures>;

/// Every figure at every point, over the seeds, each compared with the first point seed by seed. Those that a person
/// wants to see come first.
#[must_use]
pub fn side_by_side(points: &[(String, BySeed)]) -> Vec<SweptFigure> {
    let all = points.iter().flat_map(|(_, runs)| runs.values()).flat_map(|run| &run.0);
    let names: BTreeMap<&String, Unit> = all.map(|(name, figure)| (name, figure.unit)).collect();
    let mut figures: Vec<SweptFigure> = names
        .into_iter()
        .map(|(name, unit)| {
            let values = points.iter().enumerate();
            let points = values.filter_map(|(number, (point, runs))| {
                let first = (number > 0).then(|| &points[0].1);
                at_point(name, point, runs, first)
            });
            SweptFigure { name: name.clone(), unit, points: points.collect() }
        })
        .collect();
    figures.sort_by_key(|figure| !is_main(figure));
    figures
}

fn at_point(name: &str, point: &str, runs: &BySeed, first: Option<&BySeed>) -> Option<SweptPoint> {
    let figures: Vec<&Figure> = runs.values().filter_map(|run| run.0.get(name)).collect();
    let values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
    let got = |runs: &BySeed, seed: &u64| Some(runs.get(seed)?.0.get(name)?.value);
    let pairs = first.map(|first| {
        runs.keys()
            .filter_map(|seed| Some((got(first, seed)?, got(runs, seed)?)))
            .collect::<Vec<_>>()
    });
    Some(SweptPoint {
        point: point.to_owned(),
        mean: mean_interval(&values)?,
        at_least: figures.iter().filter(|figure| figure.at_least).count(),
        difference: pairs.and_then(|pairs| paired(&pairs)),
    })
}

/// Whether a person wants to see it without asking: of lengths of time the middle and the worst, of amounts the
/// sum, of shares the mean.
#[must_use]
pub fn is_main(figure: &SweptFigure) -> bool {
    let part = figure.name.rsplit('.').next().unwrap_or_default();
    match figure.unit {
        Unit::Micros => matches!(part, "median" | "p99"),
        Unit::Bytes | Unit::Count => part == "total" || figure.name == VIOLATIONS,
        Unit::Share => part == "mean",
    }
}
