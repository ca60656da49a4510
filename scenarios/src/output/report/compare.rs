//! The report of two runs side by side.

use super::page::{Page, figure, table};
use super::pictures::CURVE;
use super::plots::write_plots;
use super::sweep::{between, figure_name};
use super::words;
use crate::metric::Unit;
use crate::output::plot::{self, Curve, Plot, Point, Rising};
use crate::output::table::write_whole;
use crate::output::{Manifest, RunRead, WriteError, format};
use crate::stats::{Summary, Survival, SweptFigure};
use maud::{Markup, html};
use std::path::{Path, PathBuf};

/// Two runs to hold against each other.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// What the sides are called, such as their folders.
    pub names: [&'a str; 2],
    /// The runs; of many, one of each side with the same seed, for the distributions.
    pub runs: [&'a RunRead; 2],
    /// Differences of the second from the first over several seeds, as a sweep of two points; may be empty.
    pub paired: &'a [SweptFigure],
    /// The command that does it again.
    pub again: &'a str,
}

/// Writes `report.html` and `plots/` of a comparison; gives the files.
///
/// # Errors
/// A file cannot be written.
pub fn write_comparison(
    dir: &Path,
    compared: &Comparison<'_>,
    png: bool,
) -> Result<Vec<PathBuf>, WriteError> {
    std::fs::create_dir_all(dir).map_err(|error| WriteError::at(dir, error))?;
    let plots = drawings(compared);
    let mut files: Vec<PathBuf> =
        write_plots(dir, &plots, png)?.into_iter().map(|file| file.path).collect();
    let page = Page {
        title: &format!("{} and {}", compared.names[0], compared.names[1]),
        kind: "Chartmesh comparison",
        question: &format!("What differs between {} and {}?", compared.names[0], compared.names[1]),
        body: body(compared, &plots),
    };
    let path = dir.join("report.html");
    write_whole(&path, page.render().as_bytes())?;
    files.push(path);
    Ok(files)
}

pub(super) fn unit(name: &str) -> Unit {
    let units = [Unit::Micros, Unit::Bytes, Unit::Count, Unit::Share];
    units.into_iter().find(|unit| unit.name() == name).unwrap_or(Unit::Count)
}

fn drawings(compared: &Comparison<'_>) -> Vec<Plot> {
    let [first, _] = compared.runs;
    let mut plots = Vec::new();
    for measure in &first.manifest.metrics {
        let values = |run: &RunRead| {
            let samples = run.samples.get(&measure.name).map_or(&[][..], Vec::as_slice);
            Survival::of(samples.iter().map(|sample| (sample.value, sample.censored)))
        };
        let curves: Vec<Curve> = compared
            .names
            .iter()
            .zip(compared.runs)
            .map(|(name, run)| Curve { label: (*name).to_owned(), values: values(run) })
            .collect();
        let enough = curves.iter().all(|curve| curve.values.count() >= CURVE);
        if unit(&measure.unit) == Unit::Micros && enough {
            let doc = format!("{}, of {}.", words::heading(&measure.doc), measure.of);
            plots.extend(plot::curves(
                &measure.name,
                &words::heading(&measure.name),
                &doc,
                Unit::Micros,
                Rising::Yes,
                &curves,
            ));
        }
    }
    for figure in compared.paired {
        let points: Vec<Point> = figure
            .points
            .iter()
            .filter_map(|point| {
                Some(Point { label: point.point.clone(), interval: point.difference? })
            })
            .collect();
        let title = format!("{}: difference", figure_name(&figure.name));
        let doc = format!(
            "{} less {}, seed by seed, with its 95 % interval.",
            compared.names[1], compared.names[0]
        );
        let slug = format!("{}-difference", figure.name.replace('.', "-"));
        plots.extend(plot::points(&slug, &title, &doc, ("", figure.unit), true, &points));
    }
    plots
}

fn body(compared: &Comparison<'_>, plots: &[Plot]) -> Markup {
    let [first, second] = compared.runs.map(|run| &run.manifest);
    html! {
        @if first.trace_hash == second.trace_hash {
            p.verdict.good { strong { "✓ The same" } " Both runs have the same trace, to the byte." }
        }
        @if first.stand_ins || second.stand_ins {
            p.band.warn { strong { "Signatures and ciphers were stand-ins " } @if first.stand_ins != second.stand_ins { "in one of them" } @else { "in both" } "." }
        }
        @if first.seed != second.seed { p.band.warn { strong { "The seeds differ: " } "what differs may be the lot alone." } }
        @if compared.paired.is_empty() { p.band { strong { "One seed proves little. " } "Compare sweeps over many for intervals." } }
        section aria-labelledby="sides" {
            h2 #sides { "The two runs" }
            (sides(compared))
        }
        section aria-labelledby="pictures" {
            h2 #pictures { "Side by side" }
            div.plots { @for plot in plots { (figure(plot)) } }
        }
        @if !compared.paired.is_empty() {
            section aria-labelledby="paired" {
                h2 #paired { "Differences over seeds" }
                (paired(compared))
            }
        }
        section aria-labelledby="all" {
            h2 #all { "All measures" }
            (measures(compared))
        }
        section aria-labelledby="again" {
            h2 #again { "Do it again" }
            pre { code { (compared.again) } }
        }
    }
}

fn sides(compared: &Comparison<'_>) -> Markup {
    let row = |what: &str, of: &dyn Fn(&Manifest) -> String| {
        let [first, second] = compared.runs.map(|run| of(&run.manifest));
        vec![html! { (what) }, html! { (first) }, html! { (second) }]
    };
    let verdict = |manifest: &Manifest| {
        let failed = manifest.expectations.iter().filter(|expectation| !expectation.held).count();
        match (manifest.violations.len(), failed) {
            (0, 0) => "✓ held".to_owned(),
            (violations, failed) => {
                format!("✗ {violations} violations, {failed} expectations failed")
            }
        }
    };
    let rows = [
        row("Scenario", &|manifest| manifest.scenario.name.clone()),
        row("Seed", &|manifest| manifest.seed.to_string()),
        row("Version", &|manifest| manifest.version.to_string()),
        row("Held", &verdict),
        row("Simulated", &|manifest| format::span(manifest.simulated_us as f64)),
        row("Trace hash", &|manifest| manifest.trace_hash.chars().take(16).collect()),
    ];
    let changed = changes(&compared.runs[0].manifest, &compared.runs[1].manifest);
    html! {
        (table("The two runs", &["", compared.names[0], compared.names[1]], rows.into_iter()))
        @if !changed.is_empty() {
            (table("Keys of the scenario that differ", &["Key", compared.names[0], compared.names[1]], changed.into_iter().map(|(key, first, second)| {
                vec![html! { code { (key) } }, html! { (first) }, html! { (second) }]
            })))
        }
    }
}

/// Keys of the scenarios that differ, with both values.
fn changes(first: &Manifest, second: &Manifest) -> Vec<(String, String, String)> {
    let json = |manifest: &Manifest| serde_json::to_value(&manifest.scenario).unwrap_or_default();
    let mut found = Vec::new();
    differ("", &json(first), &json(second), &mut found);
    found
}

fn differ(
    key: &str,
    first: &serde_json::Value,
    second: &serde_json::Value,
    found: &mut Vec<(String, String, String)>,
) {
    use serde_json::Value;
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match (first, second) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let value = |side: &serde_json::Map<String, Value>| {
                    side.get(name).cloned().unwrap_or_default()
                };
                differ(&below(name), &value(one), &value(other), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (first, second)) in one.iter().zip(other).enumerate() {
                let name = first
                    .get("id")
                    .and_then(Value::as_str)
                    .map_or_else(|| at.to_string(), str::to_owned);
                differ(&below(&name), first, second, found);
            }
        }
        _ if first != second => {
            let text =
                |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.push((key.to_owned(), text(first), text(second)));
        }
        _ => {}
    }
}

fn paired(compared: &Comparison<'_>) -> Markup {
    let rows = compared.paired.iter().flat_map(|figure| {
        figure.points.iter().filter_map(|point| {
            let difference = point.difference?;
            Some(vec![
                html! { (figure_name(&figure.name)) },
                html! { (difference.seeds) },
                html! { @if difference.excludes_zero() { strong { (format::value(figure.unit, difference.value)) } } @else { (format::value(figure.unit, difference.value)) } },
                html! { (between(figure.unit, &difference)) },
            ])
        })
    });
    table(
        "In bold where the interval excludes zero",
        &["Figure", "Seeds", "Difference", "95 % interval"],
        rows,
    )
}

fn measures(compared: &Comparison<'_>) -> Markup {
    let [first, second] = compared.names;
    let heads = ["Measure", "Run", "Of", "Values", "Open", "Mean", "Median", "95 %", "Total"];
    let rows = compared.runs[0].manifest.metrics.iter().flat_map(|measure| {
        [first, second].into_iter().zip(compared.runs).enumerate().map(move |(at, (name, run))| {
            let unit = unit(&measure.unit);
            let samples = run.samples.get(&measure.name).map_or(&[][..], Vec::as_slice);
            let denominator = run
                .manifest
                .metrics
                .iter()
                .find(|other| other.name == measure.name)
                .map_or(0, |other| other.denominator);
            let figures = Summary::of_pairs(
                samples.iter().map(|sample| (sample.value, sample.censored)),
                denominator,
            );
            let total = matches!(unit, Unit::Bytes | Unit::Count)
                .then(|| format::value(unit, figures.total));
            vec![
                html! { @if at == 0 { strong { (words::heading(&measure.name)) } } },
                html! { (name) },
                html! { (format::count(denominator as f64)) " " (measure.of) },
                html! { (format::count(figures.count as f64)) },
                html! { (format::count(figures.censored as f64)) },
                html! { (format::bound(unit, figures.mean())) },
                html! { (format::bound(unit, figures.quantile(0.5))) },
                html! { (format::bound(unit, figures.quantile(0.95))) },
                html! { (total.unwrap_or_else(|| "–".into())) },
            ]
        })
    });
    table("Every measure of both", &heads, rows)
}
