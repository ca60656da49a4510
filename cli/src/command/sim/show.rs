//! What a run gave, as a person reads it.

use chartmesh_scenarios::experiment::moment;
use chartmesh_scenarios::metric::Unit;
use chartmesh_scenarios::output::format;
use chartmesh_scenarios::result::{self, Failing, Metric};
use chartmesh_scenarios::stats::{Summary, part_unit};

use super::progress::faster;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Cell, Output, Style, counted, faint, row};

/// Said wherever results of stand-ins are shown.
pub(super) const WITH_STAND_INS: &str =
    "with stand-ins for signatures and ciphers: nothing was protected, and sizes are real";

/// A run in a screen.
pub(super) fn outcome(out: &Output, outcome: &result::Outcome) {
    let scenario = &outcome.scenario;
    out.styled(format!("{}, seed {}", scenario.name, outcome.seed), Style::Strong);
    if outcome.tier == "process" {
        out.line("by real processes, in real time");
    }
    if outcome.stand_ins {
        out.styled(WITH_STAND_INS, Style::Waiting);
    }
    let simulated = format::span(outcome.simulated_us as f64);
    let of = format::span(scenario.duration.micros() as f64);
    let wall_s = outcome.cost.wall_s;
    let speed = faster(outcome.simulated_us as f64 / 1e6, wall_s);
    let simulated = if outcome.stopped {
        Cell::new(format!("{simulated} of {of}, then stopped"), Style::Waiting)
    } else {
        Cell::from(simulated)
    };
    out.facts(&[
        ("simulated", simulated),
        ("in", Cell::from(format!("{}, {speed}", format::span((wall_s * 1e6).round())))),
        ("parties", Cell::from(format::count(outcome.parties.len() as f64))),
        ("events", Cell::from(format::count(outcome.events as f64))),
        ("trace", faint(format!("{} ({} rows)", outcome.trace_hash, outcome.trace_rows).trim())),
    ]);
    out.line("");
    let rows: Vec<_> = outcome.metrics.iter().map(metric).collect();
    let heads = ["MEASURE", "MEDIAN", "P99", "MEAN", "TOTAL", "VALUES", "OF"];
    out.table(&heads, &rows, "nothing was measured");
    let fired: Vec<_> =
        outcome.faults.iter().map(|fired| format!("{} {}", fired.fault, fired.times)).collect();
    if !fired.is_empty() {
        out.line("");
        out.line(format!("faults that fired: {}", fired.join(", ")));
    }
    judged(out, outcome);
}

fn metric(metric: &Metric) -> Vec<Cell> {
    let summary = Summary::of(metric);
    let part = |part: &str, of: &[Unit]| {
        let unit =
            if part == "total" && metric.unit == Unit::Share { Unit::Count } else { metric.unit };
        let shown = of.contains(&metric.unit).then(|| summary.part(part)).flatten();
        shown.map(|bound| format::bound(unit, Some(bound))).unwrap_or_default()
    };
    let of = format!("{} {}", format::count(metric.denominator as f64), metric.of);
    row![
        metric.name,
        part("median", &[Unit::Micros]),
        part("p99", &[Unit::Micros]),
        part("mean", &[Unit::Share, Unit::Micros, Unit::Bytes, Unit::Count]),
        part("total", &[Unit::Bytes, Unit::Count]),
        format::count(summary.count as f64),
        of,
    ]
}

/// What was checked and expected.
fn judged(out: &Output, outcome: &result::Outcome) {
    out.line("");
    if outcome.tier == "process" {
        out.line("checkers look into machines; none looks into processes");
    } else if outcome.violations.is_empty() {
        out.styled("the checkers found nothing", Style::Good);
    } else {
        let count = counted(outcome.violations.len(), "violation", "violations");
        out.styled(format!("the checkers found {count}"), Style::Bad);
        for violation in outcome.violations.iter().take(VIOLATIONS_SHOWN) {
            let party = violation.party.and_then(|party| outcome.parties.get(party as usize));
            let at = party.map_or(String::new(), |party| format!(" at {}", party.name));
            let (when, what) = (moment(violation.at_us), &violation.what);
            out.line(format!("  {when}  {}{at}: {what}", violation.checker));
        }
        let more = outcome.violations.len().saturating_sub(VIOLATIONS_SHOWN);
        if more > 0 {
            out.line(format!("  and {more} more"));
        }
    }
    for expected in &outcome.expectations {
        let came = expected.came.map_or("nothing was measured".to_owned(), |came| {
            let figure = expected.what.split(' ').next().unwrap_or_default();
            let (name, part) = figure.split_once('.').unwrap_or((figure, ""));
            let metric = outcome.metrics.iter().find(|metric| metric.name == name);
            let unit = metric.map(|metric| part_unit(part, metric.unit));
            format::value(unit.unwrap_or(Unit::Count), came)
        });
        let (word, style) = match expected.held {
            _ if outcome.stopped => ("not judged, stopped before", Style::Waiting),
            true => ("held", Style::Good),
            false => ("did not hold", Style::Bad),
        };
        out.styled(format!("{word}: {} (came: {came})", expected.what), style);
    }
}

/// Violations that a screen shows; the folder has all.
const VIOLATIONS_SHOWN: usize = 10;

/// How the command of a run ends.
pub(super) fn verdict(outcome: &result::Outcome, next: impl FnOnce() -> String) -> Outcome {
    if outcome.stopped {
        let text = "stopped with Ctrl-C; what is shown and written is of the time until then";
        return Err(Failure::new(Exit::Interrupted, text));
    }
    match Failing::of(outcome) {
        None => Ok(()),
        Some(failing) => Err(Failure::new(Exit::NotHeld, failing.to_string()).next(next())),
    }
}
