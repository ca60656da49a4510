//! The report of a sweep: each figure against what was varied, with its interval over the seeds.

use super::page::{Page, figure, table};
use super::plots::write_plots;
use super::words;
use crate::metric::Unit;
use crate::output::plot::{self, Plot, Point};
use crate::output::table::{self as tables, Formats, write_whole};
use crate::output::{WriteError, format};
use crate::scenario::Scenario;
use crate::stats::{Interval, SweptFigure};
use maud::{Markup, html};
use std::path::{Path, PathBuf};

/// A sweep to tell of.
#[derive(Debug)]
pub struct SweepReport<'a> {
    /// The scenario, as it stands in its file.
    pub scenario: &'a Scenario,
    /// What was varied, as the axis is called: `policy.replicas`.
    pub varied: &'a str,
    /// The figures to draw first, then all others for the table.
    pub figures: &'a [SweptFigure],
    /// Of these, so many from the first are drawn.
    pub drawn: usize,
    /// Runs that failed or could not be run: point, seed, why.
    pub failed: &'a [(String, u64, String)],
    /// Runs in all.
    pub runs: usize,
    /// Whether signatures and ciphers were stand-ins.
    pub stand_ins: bool,
    /// Whether somebody stopped it.
    pub stopped: bool,
    /// The command that does it again.
    pub again: &'a str,
}

/// Writes `report.html`, `plots/` and the table `sweep` into a sweep's folder; gives the files.
///
/// # Errors
/// A file cannot be written.
pub fn write_sweep(
    dir: &Path,
    sweep: &SweepReport<'_>,
    png: bool,
) -> Result<Vec<PathBuf>, WriteError> {
    std::fs::create_dir_all(dir).map_err(|error| WriteError::at(dir, error))?;
    let plots: Vec<Plot> = sweep
        .figures
        .iter()
        .take(sweep.drawn)
        .flat_map(|figure| drawings(sweep.varied, figure))
        .collect();
    let both = Formats { csv: true, parquet: true };
    let mut written = tables::sweep(dir, both, sweep.figures)?;
    written.extend(write_plots(dir, &plots, png)?);
    let mut files: Vec<PathBuf> = written.into_iter().map(|file| file.path).collect();
    let page = Page {
        title: &format!("{} · {} varied", sweep.scenario.name, sweep.varied),
        kind: "Chartmesh sweep",
        question: words::question(sweep.scenario),
        body: body(sweep, &plots),
    };
    let path = dir.join("report.html");
    write_whole(&path, page.render().as_bytes())?;
    files.push(path);
    Ok(files)
}

/// The figure against the points, and its differences from the first.
fn drawings(varied: &str, figure: &SweptFigure) -> Vec<Plot> {
    let slug = figure.name.replace('.', "-");
    let title = figure_name(&figure.name);
    let label = |point: &str| {
        point.strip_prefix(varied).map_or(point, |rest| rest.trim_start_matches('=')).to_owned()
    };
    let values: Vec<Point> = figure
        .points
        .iter()
        .map(|point| Point { label: label(&point.point), interval: point.mean })
        .collect();
    let doc = "Mean over the seeds with its 95 % interval.";
    let plot = plot::points(&slug, &title, doc, (varied, figure.unit), false, &values);
    let differences: Vec<Point> = figure
        .points
        .iter()
        .filter_map(|point| Some(Point { label: label(&point.point), interval: point.difference? }))
        .collect();
    let first = figure.points.first().map_or_else(String::new, |point| label(&point.point));
    let doc = format!(
        "Difference from {first}, seed by seed, with its 95 % interval; in another colour where that excludes zero."
    );
    let title = format!("{title}: difference");
    let differences = plot::points(
        &format!("{slug}-difference"),
        &title,
        &doc,
        (varied, figure.unit),
        true,
        &differences,
    );
    plot.into_iter().chain(differences).collect()
}

/// `consent_latency.median` as `Consent latency, median`.
pub(super) fn figure_name(name: &str) -> String {
    let (metric, part) = name.split_once('.').unwrap_or((name, ""));
    if part.is_empty() {
        words::heading(metric)
    } else {
        format!("{}, {part}", words::heading(metric))
    }
}

fn body(sweep: &SweepReport<'_>, plots: &[Plot]) -> Markup {
    let seeds = sweep
        .figures
        .iter()
        .flat_map(|figure| &figure.points)
        .map(|point| point.mean.seeds)
        .max()
        .unwrap_or(0);
    html! {
        @if sweep.failed.is_empty() {
            p.verdict.good { strong { "✓ Held" } " In all " (words::counted(sweep.runs, "run", "runs")) "." }
        } @else {
            p.verdict.bad { strong { "✗ Did not hold" } " in " (sweep.failed.len()) " of " (words::counted(sweep.runs, "run", "runs")) "." }
        }
        @if sweep.stopped { p.band.warn { strong { "Stopped before its end: " } "everything here is of the runs until then." } }
        @if sweep.stand_ins { p.band.warn { strong { "Signatures and ciphers were stand-ins " } "of the same sizes. Nothing here says anything about cryptography or its cost." } }
        @if seeds < 30 { p.band { strong { (words::counted(seeds, "seed", "seeds")) " are few. " } "From 30 on, intervals can be trusted." } }
        section aria-labelledby="pictures" {
            h2 #pictures { "Against " (sweep.varied) }
            div.plots { @for plot in plots { (figure(plot)) } }
        }
        section aria-labelledby="all" {
            h2 #all { "All figures" }
            (all(sweep.figures))
        }
        @if !sweep.failed.is_empty() {
            section aria-labelledby="failed" {
                h2 #failed { "Runs that failed" }
                (table("Runs that failed", &["Point", "Seed", "Why"], sweep.failed.iter().take(100).map(|(point, seed, why)| {
                    vec![html! { (point) }, html! { (seed) }, html! { (why) }]
                })))
            }
        }
        section aria-labelledby="again" {
            h2 #again { "Do it again" }
            pre { code { (sweep.again) } }
        }
    }
}

fn all(figures: &[SweptFigure]) -> Markup {
    let heads = [
        "Figure",
        "Point",
        "Seeds",
        "Mean",
        "95 % interval",
        "Difference from the first",
        "95 % interval",
    ];
    let rows = figures.iter().flat_map(|figure| {
        figure.points.iter().enumerate().map(move |(at, point)| {
            let value = |value: f64| format::value(figure.unit, value);
            let mark = if point.at_least > 0 { "≥ " } else { "" };
            vec![
                html! { @if at == 0 { strong { (figure_name(&figure.name)) } } },
                html! { (point.point) },
                html! { (point.mean.seeds) },
                html! { (mark) (value(point.mean.value)) },
                html! { (between(figure.unit, &point.mean)) },
                html! { @if let Some(difference) = point.difference { @if difference.excludes_zero() { strong { (value(difference.value)) } } @else { (value(difference.value)) } } },
                html! { @if let Some(difference) = point.difference { (between(figure.unit, &difference)) } },
            ]
        })
    });
    table(
        "Means over the seeds; “≥” where something had not ended; differences in bold where their interval excludes zero",
        &heads,
        rows,
    )
}

pub(super) fn between(unit: Unit, interval: &Interval) -> String {
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => {
            format!("{} to {}", format::value(unit, low), format::value(unit, high))
        }
        _ => "one seed".into(),
    }
}
