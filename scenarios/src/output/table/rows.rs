//! An outcome's rows, table by table.

use super::cell::Cell;
use super::file::Written;
use super::writer::{Formats, TableWriter};
use crate::output::WriteError;
use crate::output::schema;
use crate::result::{Metric, NOBODY, OF_REGION, Outcome, Sample};
use crate::stats::{self, Bound, Summary};
use std::collections::BTreeSet;
use std::path::Path;

type Files = Result<Vec<Written>, WriteError>;

pub(in crate::output) fn summary(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::SUMMARY, formats)?;
    for metric in &outcome.metrics {
        let whole = Summary::of(metric);
        summary_row(&mut table, metric, "", &whole, Some(metric.denominator))?;
        for label in labels(metric) {
            let samples = metric.samples.iter().filter(|sample| sample.label == label);
            let counted = samples.clone().count() as u64;
            let denominator = counts_itself(metric).then_some(counted);
            let part = Summary::over(samples, denominator.unwrap_or(0));
            summary_row(&mut table, metric, label, &part, denominator)?;
        }
    }
    table.finish()
}

/// The labels by which a measure is split; none when there is only one.
pub(in crate::output) fn labels(metric: &Metric) -> Vec<&'static str> {
    let labels: BTreeSet<_> = metric.samples.iter().map(|sample| sample.label).collect();
    if labels.len() < 2 {
        Vec::new()
    } else {
        labels.into_iter().filter(|label| !label.is_empty()).collect()
    }
}

/// Whether a measure has a value for each of what it is counted of, so that a part's denominator is known, too.
fn counts_itself(metric: &Metric) -> bool {
    metric.denominator == metric.samples.len() as u64
}

fn summary_row(
    table: &mut TableWriter,
    metric: &Metric,
    label: &'static str,
    figures: &Summary,
    denominator: Option<u64>,
) -> Result<(), WriteError> {
    let value = |bound: Option<Bound>| Cell::number(bound.map(Bound::value));
    let open =
        |bound: Option<Bound>| bound.map_or(Cell::None, |bound| Cell::Flag(bound.at_least()));
    let [median, p95, p99] = [0.5, 0.95, 0.99].map(|q| figures.quantile(q));
    table.row(&[
        Cell::Word(metric.name),
        Cell::Word(label),
        Cell::Word(metric.unit.name()),
        Cell::Word(metric.of),
        denominator.map_or(Cell::None, Cell::Whole),
        Cell::Whole(figures.count as u64),
        Cell::Whole(figures.censored as u64),
        Cell::Number(figures.total),
        Cell::number(figures.ratio()),
        Cell::number(figures.min),
        value(figures.mean()),
        open(figures.mean()),
        value(median),
        open(median),
        value(p95),
        open(p95),
        value(p99),
        open(p99),
        value(figures.max()),
        open(figures.max()),
    ])
}

pub(in crate::output) fn series(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::SERIES, formats)?;
    let regions = &outcome.scenario.regions;
    for metric in &outcome.metrics {
        series_of(&mut table, outcome, metric, ("", ""), |_| true)?;
        for label in labels(metric) {
            series_of(&mut table, outcome, metric, (label, ""), |sample| sample.label == label)?;
        }
        for region in regions.iter().filter(|_| regions.len() > 1) {
            let within = |sample: &Sample| outcome.region_of(sample) == Some(region.id.as_str());
            series_of(&mut table, outcome, metric, ("", &region.id), within)?;
        }
    }
    table.finish()
}

fn series_of(
    table: &mut TableWriter,
    outcome: &Outcome,
    metric: &Metric,
    (label, region): (&'static str, &str),
    within: impl Fn(&Sample) -> bool,
) -> Result<(), WriteError> {
    let every_us = outcome.scenario.measure.every.micros().max(1);
    for bucket in stats::series(metric.samples.iter().filter(|sample| within(sample)), every_us) {
        let count = bucket.values.count() as u64;
        let at = |q| Cell::number(bucket.values.quantile(q).map(Bound::value));
        table.row(&[
            Cell::Word(metric.name),
            Cell::Word(label),
            Cell::Text(region),
            Cell::Whole(bucket.from_us),
            Cell::Whole(bucket.from_us + every_us),
            Cell::Whole(count),
            Cell::Whole(bucket.values.censored() as u64),
            if counts_itself(metric) { Cell::Whole(count) } else { Cell::None },
            Cell::number(bucket.values.mean().map(Bound::value)),
            at(0.05),
            at(0.25),
            at(0.5),
            at(0.75),
            at(0.95),
            bucket.values.quantile(0.95).map_or(Cell::None, |bound| Cell::Flag(bound.at_least())),
        ])?;
    }
    Ok(())
}

pub(in crate::output) fn samples(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::SAMPLES, formats)?;
    for metric in &outcome.metrics {
        for sample in &metric.samples {
            let party = sample.party != NOBODY && sample.label != OF_REGION;
            table.row(&[
                Cell::Word(metric.name),
                Cell::Whole(sample.at_us),
                Cell::Number(sample.value),
                Cell::Flag(sample.censored),
                Cell::party(party.then_some(sample.party)),
                outcome.region_of(sample).map_or(Cell::None, Cell::Text),
                Cell::Word(sample.label),
            ])?;
        }
    }
    table.finish()
}

pub(in crate::output) fn parties(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::PARTIES, formats)?;
    for (number, party) in (0_u64..).zip(&outcome.parties) {
        table.row(&[
            Cell::Whole(number),
            Cell::Text(&party.name),
            Cell::Text(&party.group),
            Cell::Text(outcome.region_name(party.region).unwrap_or_default()),
            Cell::Word(party.role.name()),
        ])?;
    }
    table.finish()
}

pub(in crate::output) fn marks(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::MARKS, formats)?;
    for mark in &outcome.marks {
        table.row(&[
            Cell::Whole(mark.event as u64),
            Cell::Text(&mark.what),
            Cell::Whole(mark.from_us),
            Cell::Whole(mark.until_us),
        ])?;
    }
    table.finish()
}

pub(in crate::output) fn faults(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::FAULTS, formats)?;
    for fired in &outcome.faults {
        table.row(&[Cell::Word(fired.fault), Cell::Whole(fired.times)])?;
    }
    table.finish()
}

pub(in crate::output) fn violations(dir: &Path, formats: Formats, outcome: &Outcome) -> Files {
    let mut table = TableWriter::create(dir, &schema::VIOLATIONS, formats)?;
    for violation in &outcome.violations {
        table.row(&[
            Cell::Word(violation.checker),
            Cell::Whole(violation.at_us),
            Cell::party(violation.party),
            Cell::Text(&violation.what),
        ])?;
    }
    table.finish()
}
