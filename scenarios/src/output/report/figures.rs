//! Measures as tiles and as a table, each with what it is counted of.

use super::{page, pictures, words};
use crate::metric::Unit;
use crate::output::{format, table};
use crate::result::{Metric, Outcome};
use crate::stats::Summary;
use maud::{Markup, html};

/// The first dozen measures of which there is something, as tiles.
pub(super) fn tiles(outcome: &Outcome) -> Markup {
    let measured = outcome.metrics.iter().filter(|metric| !metric.samples.is_empty());
    html! {
        div.tiles {
            @for metric in measured.take(12) {
                div.tile {
                    @let figures = Summary::of(metric);
                    p.name { (words::heading(metric.name)) }
                    (tile(metric, &figures))
                    @if figures.censored > 0 {
                        p.soft { (format::count(figures.censored as f64)) " had not ended with the run" }
                    }
                }
            }
        }
    }
}

fn tile(metric: &Metric, figures: &Summary) -> Markup {
    let (unit, of) =
        (metric.unit, format!("{} {}", format::count(metric.denominator as f64), metric.of));
    match unit {
        Unit::Micros => html! {
            p.figure { (format::bound(unit, figures.quantile(0.5))) }
            p { "median; 95 of 100 within " (format::bound(unit, figures.quantile(0.95))) }
            p.soft { "of " (of) }
        },
        Unit::Share => html! {
            p.figure { (format::bound(unit, figures.mean())) }
            p { "of " (of) }
        },
        _ if pictures::is_level(metric) => html! {
            p.figure { (format::value(unit, pictures::last_by_party(metric).values().sum())) }
            p { "in all, as last seen" }
            p.soft { "at " (of) }
        },
        Unit::Bytes | Unit::Count => html! {
            p.figure { (format::value(unit, figures.total)) }
            p { "in all" @if let Some(ratio) = figures.ratio() { "; " (format::value(unit, ratio)) " for each" } }
            p.soft { "of " (of) }
        },
    }
}

/// Every measure, with its labels below it.
pub(super) fn summary(outcome: &Outcome) -> Markup {
    let heads =
        ["Measure", "Of", "Values", "Open", "Mean", "Median", "95 %", "99 %", "Largest", "Total"];
    let rows = outcome.metrics.iter().flat_map(|metric| {
        let of = format!("{} {}", format::count(metric.denominator as f64), metric.of);
        let adds_up =
            matches!(metric.unit, Unit::Bytes | Unit::Count) && !pictures::is_level(metric);
        let whole = html! { strong { (words::heading(metric.name)) } div.soft { (metric.doc) } };
        let parts = table::labels(metric).into_iter().map(move |label| {
            let samples = metric.samples.iter().filter(|sample| sample.label == label);
            row(
                (metric.unit, adds_up),
                html! { span.part { (label) } },
                String::new(),
                &Summary::over(samples, 0),
            )
        });
        std::iter::once(row((metric.unit, adds_up), whole, of, &Summary::of(metric))).chain(parts)
    });
    page::table(
        "Every measure. Open: had not ended when the run did; “≥” where that hides the true value",
        &heads,
        rows,
    )
}

fn row((unit, adds_up): (Unit, bool), name: Markup, of: String, figures: &Summary) -> Vec<Markup> {
    let count = |count: usize| html! { (format::count(count as f64)) };
    let bound = |bound| html! { (format::bound(unit, bound)) };
    let total = if !adds_up { "–".into() } else { format::value(unit, figures.total) };
    vec![
        name,
        html! { (of) },
        count(figures.count),
        count(figures.censored),
        bound(figures.mean()),
        bound(figures.quantile(0.5)),
        bound(figures.quantile(0.95)),
        bound(figures.quantile(0.99)),
        bound(figures.max()),
        html! { (total) },
    ]
}
