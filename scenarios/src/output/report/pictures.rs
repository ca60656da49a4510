//! Which drawings a run gets: for each measure the one that suits what it is.

use super::words;
use crate::metric::Unit;
use crate::output::plot::{self, Band, Bar, Curve, Lane, Plot, Rising, Window};
use crate::output::{ReadRow, format, read_trace, table};
use crate::result::{Metric, Outcome, Sample, Violation};
use crate::stats::{Summary, Survival, series};
use std::collections::BTreeMap;
use std::path::Path;

/// How a measure is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picture {
    /// By region over time.
    Ribbon,
    /// How many still wait.
    Survival,
    /// How long things took.
    Distribution,
    /// Amounts by label.
    ByLabel,
    /// What each party has in the end.
    ByParty,
    /// Only over time.
    OverTime,
}

fn picture(metric: &Metric) -> Picture {
    match (metric.unit, metric.name) {
        (Unit::Share, _) => Picture::Ribbon,
        // Of a revocation the question is who does not know yet.
        (Unit::Micros, name) if name.starts_with("revocation") || name.starts_with("exposure") => {
            Picture::Survival
        }
        (Unit::Micros, _) => Picture::Distribution,
        _ if is_level(metric) => Picture::ByParty,
        _ if table::labels(metric).len() > 1 => Picture::ByLabel,
        _ => Picture::OverTime,
    }
}

/// Whether values say how much there is at a time, not how much came: they do not add up over time.
pub(super) fn is_level(metric: &Metric) -> bool {
    matches!(metric.unit, Unit::Bytes | Unit::Count)
        && ["storage", "queue"].iter().any(|level| metric.name.contains(level))
}

/// The last value of each party.
pub(super) fn last_by_party(metric: &Metric) -> BTreeMap<u32, f64> {
    let mut newest: BTreeMap<(u32, &str), &Sample> = BTreeMap::new();
    for sample in &metric.samples {
        let before = newest.entry((sample.party, sample.label)).or_insert(sample);
        if sample.at_us >= before.at_us {
            *before = sample;
        }
    }
    let mut by_party = BTreeMap::new();
    for ((party, _), sample) in newest {
        *by_party.entry(party).or_default() += sample.value;
    }
    by_party
}

/// The drawings of a run, the failing window first. `trace` is its Parquet file, if it was written.
pub(in crate::output) fn pictures(outcome: &Outcome, trace: Option<&Path>) -> Vec<Plot> {
    let failing = outcome
        .violations
        .first()
        .zip(trace)
        .and_then(|(violation, trace)| failing(outcome, violation, trace));
    let mut plots: Vec<Plot> = failing.into_iter().collect();
    let measured = || outcome.metrics.iter().filter(|metric| !metric.samples.is_empty());
    for wanted in [
        Picture::Ribbon,
        Picture::Distribution,
        Picture::Survival,
        Picture::ByLabel,
        Picture::ByParty,
        Picture::OverTime,
    ] {
        for metric in measured().filter(|metric| picture(metric) == wanted) {
            plots.extend(draw(outcome, metric, wanted));
        }
    }
    // How times went up and down, after everything else.
    for metric in
        measured().filter(|metric| metric.unit == Unit::Micros && metric.samples.len() >= 50)
    {
        plots.extend(over_time(outcome, metric));
    }
    plots
}

/// Values from which on a curve says more than a table.
pub(super) const CURVE: usize = 4;

fn draw(outcome: &Outcome, metric: &Metric, picture: Picture) -> Option<Plot> {
    let title = words::heading(metric.name);
    match picture {
        Picture::Survival | Picture::Distribution if metric.samples.len() < CURVE => None,
        // One figure for the whole run is told by its tile.
        Picture::Ribbon => (metric.samples.len() > 1).then(|| ribbon(outcome, metric)),
        Picture::Survival => {
            let title = format!("{title}: who still waits");
            plot::curves(
                metric.name,
                &title,
                &says(metric),
                metric.unit,
                Rising::No,
                &by_label(metric),
            )
        }
        Picture::Distribution => plot::curves(
            metric.name,
            &title,
            &says(metric),
            metric.unit,
            Rising::Yes,
            &by_label(metric),
        ),
        Picture::ByLabel => Some(labelled(metric)),
        Picture::ByParty => Some(by_party(outcome, metric)),
        Picture::OverTime => amounts(outcome, metric),
    }
}

/// What a measure says, and of how many.
fn says(metric: &Metric) -> String {
    let doc = words::heading(metric.doc);
    format!(
        "{}, of {} {}.",
        doc.trim_end_matches('.'),
        format::count(metric.denominator as f64),
        metric.of
    )
}

fn by_label(metric: &Metric) -> Vec<Curve> {
    let curve = |label: &str, samples: &mut dyn Iterator<Item = &Sample>| Curve {
        label: label.into(),
        values: Survival::of(samples.map(|sample| (sample.value, sample.censored))),
    };
    let labels = table::labels(metric);
    if labels.is_empty() {
        return vec![curve("", &mut metric.samples.iter())];
    }
    let of =
        |label| curve(label, &mut metric.samples.iter().filter(|sample| sample.label == label));
    let mut curves: Vec<Curve> = labels.into_iter().map(of).collect();
    curves.sort_by_key(|curve| std::cmp::Reverse(curve.values.count()));
    curves
}

fn ribbon(outcome: &Outcome, metric: &Metric) -> Plot {
    let (every_us, until_us) =
        (outcome.scenario.measure.every.micros().max(1), outcome.simulated_us);
    let lanes: Vec<Lane> = outcome
        .scenario
        .regions
        .iter()
        .map(|region| {
            let within = metric
                .samples
                .iter()
                .filter(|sample| outcome.region_of(sample) == Some(&region.id));
            let mut cells = vec![None; usize::try_from(until_us.div_ceil(every_us)).unwrap_or(0)];
            for bucket in series(within, every_us) {
                let at = usize::try_from(bucket.from_us / every_us).unwrap_or(usize::MAX);
                if let Some((cell, mean)) = cells.get_mut(at).zip(bucket.values.mean()) {
                    *cell = Some((mean.value(), bucket.values.count()));
                }
            }
            Lane { name: region.id.clone(), cells }
        })
        .collect();
    let title = format!("{} by region", words::heading(metric.name));
    let caption = format!("{} In steps of {}.", says(metric), format::span(every_us as f64));
    plot::ribbon(metric.name, &title, caption, (until_us, every_us), &lanes, &outcome.marks)
}

fn labelled(metric: &Metric) -> Plot {
    let mut by_label: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in &metric.samples {
        *by_label.entry(sample.label).or_default() += sample.value;
    }
    let total = Summary::of(metric).total;
    let share = |value: f64| {
        if total > 0.0 { format::value(Unit::Share, value / total) } else { String::new() }
    };
    let mut bars: Vec<Bar> = by_label
        .into_iter()
        .map(|(label, value)| Bar {
            label: if label.is_empty() { "other" } else { label }.into(),
            value,
            beside: share(value),
        })
        .collect();
    bars.sort_by(|a, b| b.value.total_cmp(&a.value));
    let title = format!("{} by feature", words::heading(metric.name));
    let caption = format!("{} {} in all.", says(metric), format::value(metric.unit, total));
    plot::bars(metric.name, &title, caption, metric.unit, &bars)
}

/// Parties that get a bar of their own; of more, there is one for each group.
const PARTIES: usize = 12;

fn by_party(outcome: &Outcome, metric: &Metric) -> Plot {
    let last = last_by_party(metric);
    let count = last.len();
    let mut bars: Vec<Bar> = if count <= PARTIES {
        let bar = |(party, value): (u32, f64)| Bar {
            label: words::party(outcome, party),
            value,
            beside: String::new(),
        };
        last.into_iter().map(bar).collect()
    } else {
        let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (party, value) in last {
            let group = outcome.parties.get(party as usize).map_or("", |row| row.group.as_str());
            groups.entry(group).or_default().push(value);
        }
        let bar = |(group, values): (&str, Vec<f64>)| {
            let (count, most) = (values.len(), values.iter().copied().fold(0.0, f64::max));
            let beside = format!("at {count}, most {}", format::value(metric.unit, most));
            Bar { label: group.into(), value: values.iter().sum(), beside }
        };
        groups.into_iter().map(bar).collect()
    };
    bars.sort_by(|a, b| b.value.total_cmp(&a.value));
    let title = format!(
        "{} by {}",
        words::heading(metric.name),
        if count <= PARTIES { "party" } else { "group" }
    );
    plot::bars(metric.name, &title, format!("{} As last seen.", says(metric)), metric.unit, &bars)
}

/// What came within each step.
fn amounts(outcome: &Outcome, metric: &Metric) -> Option<Plot> {
    let steps = steps(outcome, usize::MAX);
    stepwise(outcome, metric, steps, |title, caption, band| {
        plot::columns(metric.name, title, caption, band)
    })
}

/// The step of drawings over time, and their length. More steps than a screen can tell apart are taken together, and as
/// many as have enough values for quantiles to say something.
fn steps(outcome: &Outcome, values: usize) -> (u64, u64) {
    let (every_us, duration_us) =
        (outcome.scenario.measure.every.micros().max(1), outcome.simulated_us);
    let wanted = (values as u64 / 10).clamp(12, 200);
    (every_us * (duration_us / every_us).div_ceil(wanted).max(1), duration_us)
}

fn over_time(outcome: &Outcome, metric: &Metric) -> Option<Plot> {
    let steps = steps(outcome, metric.samples.len());
    stepwise(outcome, metric, steps, |title, caption, band| {
        plot::bands(&format!("{}-over-time", metric.name), title, caption, band)
    })
}

/// A drawing of a measure by its values within each step: of this length, until then.
fn stepwise(
    outcome: &Outcome,
    metric: &Metric,
    (every_us, duration_us): (u64, u64),
    draw: impl FnOnce(&str, String, &Band<'_>) -> Plot,
) -> Option<Plot> {
    let buckets = series(metric.samples.iter(), every_us);
    let band =
        Band { unit: metric.unit, buckets: &buckets, every_us, duration_us, marks: &outcome.marks };
    let title = format!("{} over time", words::heading(metric.name));
    let caption = format!(
        "{} By when it began, in steps of {}.",
        says(metric),
        format::span(every_us as f64)
    );
    (!buckets.is_empty()).then(|| draw(&title, caption, &band))
}

/// Rows around a violation that are read for its diagram.
const WINDOW: usize = 20_000;

fn failing(outcome: &Outcome, violation: &Violation, trace: &Path) -> Option<Plot> {
    let party = violation.party;
    let mut rows = std::collections::VecDeque::new();
    let mut after = 0;
    let concerned = |row: &ReadRow| {
        party.is_none_or(|party| row.party == Some(party) || row.other == Some(party))
    };
    read_trace(trace, &(0..=violation.at_us.saturating_add(60_000_000)), |row| {
        if !concerned(&row) {
            return true;
        }
        after += usize::from(row.at_us > violation.at_us);
        rows.push_back(row);
        if rows.len() > WINDOW {
            rows.pop_front();
        }
        after < 10
    })
    .ok()?;
    let rows: Vec<ReadRow> = rows.into();
    let names = |party: u32| words::party(outcome, party);
    let window = Window {
        rows: &rows,
        names: &names,
        violated_us: violation.at_us,
        party,
        what: &violation.what,
    };
    let caption = format!(
        "What passed {} around {}, when {} found: {}. Times are before and after that; {}.",
        party.map_or_else(String::new, |party| format!("at {}", names(party))),
        format::span(violation.at_us as f64),
        violation.checker,
        violation.what,
        "a dashed arrow was not seen to arrive",
    );
    (!rows.is_empty())
        .then(|| plot::diagram("failing-window", "Before it failed", caption, &window))
}
