//! The report: one file that needs no other, works without scripts, and is looked at rather than read.

mod compare;
mod figures;
mod page;
mod pictures;
mod plots;
mod sweep;
#[cfg(test)]
mod tests;
mod tiers;
mod words;

pub use compare::{Comparison, write_comparison};
pub use sweep::{SweepReport, write_sweep};
pub use tiers::{TierRow, TierValue, Tiers, WITHIN, tier_rows, write_tiers};

use crate::output::WriteError;
use crate::output::format;
use crate::output::manifest::Version;
use crate::output::plot::Plot;
use crate::output::table::{Written, write_whole};
use crate::result::{Mark, Outcome};
use maud::{Markup, html};
use page::{Page, figure, table};
use plots::write_plots;
use std::path::Path;

/// Writes `report.html` and `plots/`.
pub(super) fn write(
    dir: &Path,
    outcome: &Outcome,
    again: &str,
    png: bool,
) -> Result<Vec<Written>, WriteError> {
    let trace = dir.join("trace.parquet");
    let plots = pictures::pictures(outcome, trace.exists().then_some(&trace));
    let mut written = write_plots(dir, &plots, png)?;
    let path = dir.join("report.html");
    write_whole(&path, report(outcome, &plots, again).as_bytes())?;
    written.push(Written { path, rows: None });
    Ok(written)
}

/// The report of a run. `again` is the command that runs it again.
fn report(outcome: &Outcome, plots: &[Plot], again: &str) -> String {
    let scenario = &outcome.scenario;
    Page {
        title: &format!("{} · seed {}", scenario.name, outcome.seed),
        kind: "Chartmesh simulation",
        question: words::question(scenario),
        body: body(outcome, plots, again),
    }
    .render()
}

fn body(outcome: &Outcome, plots: &[Plot], again: &str) -> Markup {
    html! {
        (verdict(outcome))
        (bands(outcome))
        p.lead { (words::scenario(outcome)) }
        section aria-labelledby="figures" {
            h2 #figures { "Key figures" }
            (figures::tiles(outcome))
        }
        section aria-labelledby="pictures" {
            h2 #pictures { "What happened" }
            div.plots { @for plot in plots { (figure(plot)) } }
        }
        section aria-labelledby="all" {
            h2 #all { "All measures" }
            (figures::summary(outcome))
        }
        section aria-labelledby="expected" {
            h2 #expected { "What had to hold" }
            (expected(outcome))
        }
        section aria-labelledby="went-on" {
            h2 #went-on { "Events and faults" }
            (events(&outcome.marks))
            (faults(outcome))
        }
        section aria-labelledby="again" {
            h2 #again { "Run it again" }
            (run_again(outcome, again))
        }
    }
}

fn verdict(outcome: &Outcome) -> Markup {
    let (failed, expected) = (
        outcome.expectations.iter().filter(|expectation| !expectation.held).count(),
        outcome.expectations.len(),
    );
    let violations = outcome.violations.len();
    let all = if expected == 1 {
        "the one expectation".to_owned()
    } else {
        format!("all {expected} expectations")
    };
    html! {
        @if outcome.held() {
            p.verdict.good { strong { "✓ Held" }
                @if expected == 0 { " No checker found anything; nothing was expected." } @else { " No checker found anything, and " (all) " held." }
            }
        } @else {
            p.verdict.bad { strong { "✗ Did not hold" } " "
                @if violations > 0 { (words::counted(violations, "violation", "violations")) " found by checkers. " }
                @if failed > 0 { (failed) " of " (words::counted(expected, "expectation", "expectations")) " failed." }
            }
            ul.found {
                @for violation in outcome.violations.iter().take(5) {
                    li { (violation.what) " " span.soft { "(" (violation.checker) ", at " (format::span(violation.at_us as f64)) ")" } }
                }
                @for expectation in outcome.expectations.iter().filter(|expectation| !expectation.held) {
                    li { "Expected " (expectation.what) "; came " (words::came(outcome, expectation)) "." }
                }
            }
        }
    }
}

/// What a reader must know before believing a figure.
fn bands(outcome: &Outcome) -> Markup {
    html! {
        @if outcome.stopped {
            p.band.warn { strong { "Stopped before its end: " } "everything here is of the first " (format::span(outcome.simulated_us as f64)) " of " (format::span(outcome.scenario.duration.micros() as f64)) "." }
        }
        @if outcome.tier == "process" {
            p.band { strong { "By real processes, in real time. " } "Links were made slow and lossy by a relay between them; nothing of it repeats to the byte, and no checker looked on." }
        }
        @if outcome.stand_ins {
            p.band.warn { strong { "Signatures and ciphers were stand-ins " } "of the same sizes. Nothing here says anything about cryptography or its cost." }
        }
        p.band { strong { "One seed proves little. " } "What is here is one draw of the lot; " code { "chartmesh sim sweep" } " runs many, and gives intervals." }
    }
}

fn expected(outcome: &Outcome) -> Markup {
    html! {
        @if !outcome.expectations.is_empty() {
            (table("Expectations", &["Expected", "Came", ""], outcome.expectations.iter().map(|expectation| {
                vec![
                    html! { (expectation.what) },
                    html! { (words::came(outcome, expectation)) },
                    html! { @if expectation.held { span.good { "✓ held" } } @else { span.bad { "✗ did not" } } },
                ]
            })))
        }
        @if outcome.violations.is_empty() {
            p { "The checkers judged all along and found nothing." }
        } @else {
            (table("Violations", &["At", "Party", "Checker", "What was found"], outcome.violations.iter().take(100).map(|violation| {
                let party = violation.party.map(|party| words::party(outcome, party));
                vec![
                    html! { (format::span(violation.at_us as f64)) },
                    html! { (party.unwrap_or_default()) },
                    html! { (violation.checker) },
                    html! { (violation.what) },
                ]
            })))
            @if outcome.violations.len() > 100 { p.soft { "The first 100; all are in " code { "violations.csv" } "." } }
        }
    }
}

fn events(marks: &[Mark]) -> Markup {
    html! {
        @if marks.is_empty() {
            p { "Nothing but everyday work happened." }
        } @else {
            (table("Events", &["From", "For", "What"], marks.iter().take(200).map(|mark| {
                let lasted = mark.until_us.saturating_sub(mark.from_us) as f64;
                vec![
                    html! { (format::span(mark.from_us as f64)) },
                    html! { @if lasted > 0.0 { (format::span(lasted)) } @else { "at once" } },
                    html! { (mark.what) },
                ]
            })))
        }
    }
}

fn faults(outcome: &Outcome) -> Markup {
    html! {
        @if !outcome.faults.is_empty() {
            (table("Faults by lot", &["Fault", "Fired"], outcome.faults.iter().map(|fired| {
                vec![
                    html! { (words::heading(fired.fault)) },
                    html! { @if fired.times == 0 { "never" } @else { (format::count(fired.times as f64)) " times" } },
                ]
            })))
        }
    }
}

fn run_again(outcome: &Outcome, again: &str) -> Markup {
    html! {
        pre { code { (again) } }
        p { "The same version gives the same trace, whatever the machine; or run it from " code { "manifest.json" } " alone." }
        dl.facts {
            dt { "Seed" } dd { (outcome.seed) }
            dt { "Version" } dd { (Version::this()) }
            dt { "Trace hash" } dd { code.hash { (outcome.trace_hash) } }
            dt { "Simulated" } dd { (format::span(outcome.simulated_us as f64)) " in " (format::span(outcome.cost.wall_s * 1e6))
                @if outcome.cost.wall_s > 0.0 { ", " (format::count((outcome.simulated_us as f64 / 1e6 / outcome.cost.wall_s).round())) " times as fast as real time" } }
            dt { "Events" } dd { (format::count(outcome.events as f64)) ", " (format::count(outcome.trace_rows as f64)) " rows of trace" }
            @if !outcome.cost.cpu_s.is_empty() {
                dt { "Processor time" } dd { @for (at, (what, seconds)) in outcome.cost.cpu_s.iter().enumerate() { @if at > 0 { ", " } (what) " " (format::span(seconds * 1e6)) } }
            }
        }
    }
}
