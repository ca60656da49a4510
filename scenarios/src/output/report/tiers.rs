//! Runs of one scenario in several tiers, side by side: how far peers alone over modelled links tell what whole nodes
//! or processes do.

use super::page::{Page, figure, table};
use super::pictures::CURVE;
use super::plots::write_plots;
use super::words;
use crate::metric::Unit;
use crate::output::plot::{self, Curve, Plot, Rising};
use crate::output::table::write_whole;
use crate::output::{RunRead, WriteError, format};
use crate::stats::{Bound, Summary, Survival};
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What tiers are to agree within, of the last one's value.
pub const WITHIN: f64 = 0.10;

/// Of what is counted, so many say whether tiers agree within [`WITHIN`]: of fewer, a tenth is chance.
const COUNTED: f64 = 100.0;

/// Runs to lay side by side. The last is what the others are measured against: the one that models least.
#[derive(Debug)]
pub struct Tiers<'a> {
    /// What they are called, such as their tiers.
    pub names: &'a [String],
    /// The runs.
    pub runs: &'a [RunRead],
    /// The command that does it again.
    pub again: &'a str,
}

/// One measure, or the part of one that a label names, in all tiers.
#[derive(Debug, Clone, serde::Serialize)]
pub struct TierRow {
    /// Its name.
    pub metric: String,
    /// The label; empty for the whole measure.
    pub label: String,
    /// What a value is.
    pub unit: Unit,
    /// In each tier, in the order of the runs.
    pub tiers: Vec<TierValue>,
}

/// A measure in one tier.
#[derive(Debug, Clone, serde::Serialize)]
pub struct TierValue {
    /// Values.
    pub count: usize,
    /// Their median; none without values, or where it is not known since too many had not ended.
    pub median: Option<f64>,
    /// 95 % are no larger.
    pub p95: Option<f64>,
    /// Their sum.
    pub total: f64,
}

impl TierRow {
    /// What is compared of a tier: the median of lengths of time, the sum of what adds up.
    #[must_use]
    pub fn main(&self, tier: usize) -> Option<f64> {
        let value = self.tiers.get(tier)?;
        match self.unit {
            Unit::Micros | Unit::Share => value.median,
            Unit::Bytes | Unit::Count => Some(value.total),
        }
    }

    /// By how much a tier differs from the last: 0.1 for a tenth more.
    #[must_use]
    pub fn difference(&self, tier: usize) -> Option<f64> {
        ratio(self.main(tier), self.main(self.tiers.len().checked_sub(1)?))
    }

    /// Whether there is enough in each tier to say that they agree or do not.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        let enough = |tier: &TierValue| match self.unit {
            Unit::Micros | Unit::Bytes => tier.count >= CURVE,
            Unit::Count => tier.total >= COUNTED,
            Unit::Share => false,
        };
        self.tiers.iter().all(enough)
    }

    /// Whether all tiers agree with the last within [`WITHIN`].
    #[must_use]
    pub fn agrees(&self) -> bool {
        let differs = |tier| self.difference(tier).is_none_or(|by| by.abs() > WITHIN);
        !(0..self.tiers.len().saturating_sub(1)).any(differs)
    }
}

fn ratio(value: Option<f64>, reference: Option<f64>) -> Option<f64> {
    let (value, reference) = (value?, reference?);
    (reference != 0.0).then(|| value / reference - 1.0)
}

/// Every measure that says how long something took or how much there was, whole and by label. What a tier stores is
/// left out: rows in one, pages of a database in another.
#[must_use]
pub fn tier_rows(runs: &[RunRead]) -> Vec<TierRow> {
    let Some(first) = runs.first() else { return Vec::new() };
    let compared = ["micros", "bytes", "count"];
    let measures = first.manifest.metrics.iter();
    let measures = measures.filter(|measure| compared.contains(&measure.unit.as_str()));
    let mut rows = Vec::new();
    for measure in measures.filter(|measure| measure.name != "storage") {
        let samples = |run: &RunRead| run.samples.get(&measure.name).cloned().unwrap_or_default();
        let labels: BTreeSet<String> =
            runs.iter().flat_map(samples).map(|sample| sample.label).collect();
        let parts = labels.into_iter().filter(|label| !label.is_empty());
        for label in std::iter::once(String::new()).chain(parts) {
            let of = |run: &RunRead| {
                let samples = run.samples.get(&measure.name).map_or(&[][..], Vec::as_slice);
                let these = samples.iter().filter(|s| label.is_empty() || s.label == label);
                value(&Summary::of_pairs(these.map(|s| (s.value, s.censored)), 0))
            };
            let tiers: Vec<TierValue> = runs.iter().map(of).collect();
            if tiers.iter().any(|tier| tier.count > 0) {
                let (metric, unit) = (measure.name.clone(), super::compare::unit(&measure.unit));
                rows.push(TierRow { metric, label, unit, tiers });
            }
        }
    }
    rows
}

fn value(summary: &Summary) -> TierValue {
    let exactly = |bound: Option<Bound>| bound.filter(|b| !b.at_least()).map(Bound::value);
    TierValue {
        count: summary.count,
        median: exactly(summary.quantile(0.5)),
        p95: exactly(summary.quantile(0.95)),
        total: summary.total,
    }
}

/// Writes `report.html` and `plots/` of tiers side by side; gives the files.
///
/// # Errors
/// A file cannot be written.
pub fn write_tiers(dir: &Path, tiers: &Tiers<'_>, png: bool) -> Result<Vec<PathBuf>, WriteError> {
    std::fs::create_dir_all(dir).map_err(|error| WriteError::at(dir, error))?;
    let rows = tier_rows(tiers.runs);
    let plots = drawings(tiers, &rows);
    let mut files: Vec<PathBuf> =
        write_plots(dir, &plots, png)?.into_iter().map(|file| file.path).collect();
    let scenario = tiers.runs.first().map_or("", |run| run.manifest.scenario.name.as_str());
    let page = Page {
        title: &format!("{scenario}: {}", tiers.names.join(", ")),
        kind: "Chartmesh calibration",
        question: "Do the tiers of the simulator tell the same of one scenario?",
        body: body(tiers, &rows, &plots),
    };
    let path = dir.join("report.html");
    write_whole(&path, page.render().as_bytes())?;
    files.push(path);
    Ok(files)
}

/// The distributions of what took time, each measure in one frame.
fn drawings(tiers: &Tiers<'_>, rows: &[TierRow]) -> Vec<Plot> {
    let timed = rows.iter().filter(|row| row.unit == Unit::Micros && row.is_judged());
    timed
        .filter_map(|row| {
            let curves: Vec<Curve> = tiers
                .names
                .iter()
                .zip(tiers.runs)
                .map(|(name, run)| {
                    let samples = run.samples.get(&row.metric).map_or(&[][..], Vec::as_slice);
                    let these =
                        samples.iter().filter(|s| row.label.is_empty() || s.label == row.label);
                    let values = Survival::of(these.map(|s| (s.value, s.censored)));
                    Curve { label: name.clone(), values }
                })
                .collect();
            let slug = name_of(row).replace(['.', ' ', ','], "-");
            let title = words::heading(&name_of(row));
            let doc = "Each tier's share of values that are no larger.";
            plot::curves(&slug, &title, doc, Unit::Micros, Rising::Yes, &curves)
        })
        .collect()
}

fn name_of(row: &TierRow) -> String {
    if row.label.is_empty() { row.metric.clone() } else { format!("{}, {}", row.metric, row.label) }
}

fn body(tiers: &Tiers<'_>, rows: &[TierRow], plots: &[Plot]) -> Markup {
    let seeds: BTreeSet<u64> = tiers.runs.iter().map(|run| run.manifest.seed).collect();
    let fast = tiers.runs.iter().any(|run| run.manifest.stand_ins);
    let same =
        tiers.runs.windows(2).all(|two| two[0].manifest.scenario == two[1].manifest.scenario);
    html! {
        (verdict(tiers, rows))
        @if !same { p.band.warn { strong { "The scenarios differ: " } "what differs here may be theirs." } }
        @if seeds.len() > 1 { p.band.warn { strong { "The seeds differ: " } "what differs may be the lot alone." } }
        @if fast { p.band.warn { strong { "Signatures and ciphers were stand-ins " } "of the same sizes in one of them." } }
        p.lead { (lead(tiers)) }
        section aria-labelledby="table" {
            h2 #table { "Figure by figure" }
            (figures(tiers, rows))
        }
        section aria-labelledby="pictures" {
            h2 #pictures { "Distributions" }
            div.plots { @for plot in plots { (figure(plot)) } }
        }
        section aria-labelledby="runs" {
            h2 #runs { "The runs" }
            (sides(tiers))
        }
        section aria-labelledby="again" {
            h2 #again { "Do it again" }
            pre { code { (tiers.again) } }
        }
    }
}

fn lead(tiers: &Tiers<'_>) -> String {
    let last = tiers.names.last().map_or("", String::as_str);
    format!(
        "The same scenario, people and seed; only what stands for the machines differs. Differences are from {last}, in \
         percent of its value: of medians for what takes time, of totals for what adds up."
    )
}

fn verdict(tiers: &Tiers<'_>, rows: &[TierRow]) -> Markup {
    let judged: Vec<&TierRow> = rows.iter().filter(|row| row.is_judged()).collect();
    let apart: Vec<&&TierRow> = judged.iter().filter(|row| !row.agrees()).collect();
    let of = words::counted(judged.len(), "figure", "figures");
    let within = format::value(Unit::Share, WITHIN);
    html! {
        @if judged.is_empty() {
            p.verdict.bad { strong { "Nothing to compare: " } "no measure has " (CURVE) " values in each." }
        } @else if apart.is_empty() {
            p.verdict.good { strong { "✓ They agree" } " All " (of) " are within " (within) "." }
        } @else {
            p.verdict.bad { strong { "✗ They differ" } " " (apart.len()) " of " (of) " by more than " (within) "." }
            ul.found {
                @for row in apart { li { (words::heading(&name_of(row))) ": " (apart_by(tiers, row)) } }
            }
        }
    }
}

fn apart_by(tiers: &Tiers<'_>, row: &TierRow) -> String {
    let by = |(tier, name): (usize, &String)| {
        let by = row.difference(tier).filter(|by| by.abs() > WITHIN)?;
        Some(format!("{name} by {}", percent(by)))
    };
    let others = tiers.names.iter().enumerate().take(row.tiers.len().saturating_sub(1));
    others.filter_map(by).collect::<Vec<_>>().join(", ")
}

/// `+3.2 %`.
fn percent(by: f64) -> String {
    format!("{:+.1} %", by * 100.0).replace('-', "−")
}

/// Medians and totals, tier beside tier.
fn figures(tiers: &Tiers<'_>, rows: &[TierRow]) -> Markup {
    let last = tiers.names.len().saturating_sub(1);
    let mut heads = vec!["Measure".to_owned()];
    heads.extend(tiers.names.iter().map(|name| format!("Values, {name}")));
    heads.extend(tiers.names.iter().map(|name| format!("Median or total, {name}")));
    heads.extend(tiers.names[..last].iter().map(|name| format!("Difference, {name}")));
    heads.extend(tiers.names.iter().map(|name| format!("95 %, {name}")));
    heads.extend(tiers.names[..last].iter().map(|name| format!("Difference of 95 %, {name}")));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let body = rows.iter().map(|row| {
        let timed = row.unit == Unit::Micros;
        let shown = |value: Option<f64>| {
            html! { (value.map_or_else(|| "–".into(), |value| format::value(row.unit, value))) }
        };
        let p95 = |tier: usize| row.tiers[tier].p95.filter(|_| timed);
        let name = if row.label.is_empty() {
            html! { strong { (words::heading(&row.metric)) } }
        } else {
            html! { span.part { (row.label) } }
        };
        let mut cells = vec![name];
        cells.extend(row.tiers.iter().map(|tier| html! { (format::count(tier.count as f64)) }));
        cells.extend((0..row.tiers.len()).map(|tier| shown(row.main(tier))));
        cells.extend((0..last).map(|tier| judged(row.difference(tier), row.is_judged())));
        cells.extend((0..row.tiers.len()).map(|tier| shown(p95(tier))));
        cells.extend((0..last).map(|tier| judged(ratio(p95(tier), p95(last)), false)));
        cells
    });
    let caption = format!(
        "Every measure in every tier. Judged, with a mark, where each has {CURVE} values or more, or {COUNTED} of what is counted"
    );
    table(&caption, &heads, body)
}

fn judged(by: Option<f64>, mark: bool) -> Markup {
    html! {
        @match by {
            None => "–",
            Some(by) if !mark => (percent(by)),
            Some(by) if by.abs() <= WITHIN => span.good { "✓ " (percent(by)) },
            Some(by) => span.bad { "✗ " (percent(by)) },
        }
    }
}

fn sides(tiers: &Tiers<'_>) -> Markup {
    let heads: Vec<&str> =
        std::iter::once("").chain(tiers.names.iter().map(String::as_str)).collect();
    let row = |what: &str, of: &dyn Fn(&RunRead) -> String| {
        let cells = tiers.runs.iter().map(|run| html! { (of(run)) });
        std::iter::once(html! { (what) }).chain(cells).collect::<Vec<_>>()
    };
    let rows = [
        row("Tier", &|run| run.manifest.tier.clone()),
        row("Seed", &|run| run.manifest.seed.to_string()),
        row("Version", &|run| run.manifest.version.to_string()),
        row("Simulated", &|run| format::span(run.manifest.simulated_us as f64)),
        row("Took", &|run| format::span(run.manifest.cost.wall_s * 1e6)),
        row("Trace hash", &|run| run.manifest.trace_hash.chars().take(16).collect()),
    ];
    table("The runs", &heads, rows.into_iter())
}
