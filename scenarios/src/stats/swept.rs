//! The figures of many runs side by side.

use super::figures::{Figure, Figures, VIOLATIONS};
use super::interval::{Interval, mean_interval, paired};
use crate::metric::Unit;
use std::collections::BTreeMap;

/// One figure at every point of a sweep.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SweptFigure {
    /// A measure and its part: `consent_latency.median`.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// Its values, in the order of the points.
    pub points: Vec<SweptPoint>,
}

/// One figure at one point.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SweptPoint {
    /// The values that were varied there.
    pub point: String,
    /// The mean over the seeds.
    pub mean: Interval,
    /// In so many runs the true figure may be larger.
    pub at_least: usize,
    /// The mean difference from the first point, seed by seed; none at the first.
    pub difference: Option<Interval>,
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
