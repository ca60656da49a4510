//! Distributions as curves: how many are done by a time, or still wait.

use super::axis::Scale;
use super::drawing::{Drawing, Plot, STROKES, path, px};
use super::frame::{Frame, legend, legend_height};
use crate::metric::Unit;
use crate::output::format;
use crate::stats::Survival;
use maud::html;

/// One curve.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// What it is of.
    pub(crate) label: String,
    /// How its values are distributed.
    pub(crate) values: Survival,
}

/// Which way a curve goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rising {
    /// The share that is no larger: an empirical distribution.
    Yes,
    /// The share that is larger: a survival curve.
    No,
}

/// Up to six distributions in one frame, on a logarithmic axis; none when there are no values.
#[must_use]
pub(crate) fn curves(
    slug: &str,
    title: &str,
    doc: &str,
    unit: Unit,
    rising: Rising,
    curves: &[Curve],
) -> Option<Plot> {
    let curves: Vec<&Curve> =
        curves.iter().filter(|curve| curve.values.count() > 0).take(STROKES.len()).collect();
    let values = || curves.iter().flat_map(|curve| curve.values.steps()).map(|step| step.value);
    let ends = || curves.iter().filter_map(|curve| curve.values.max()).map(|bound| bound.value());
    let min = values().chain(ends()).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let max = ends().fold(0.0, f64::max);
    if curves.is_empty() || !min.is_finite() {
        return None;
    }
    let legends: Vec<String> = curves.iter().map(|curve| entry(unit, curve)).collect();
    let y_title =
        if rising == Rising::Yes { "share that is no larger" } else { "share still waiting" };
    let figures = format!("{}.", legends.join("; "));
    let plot = Plot::new(slug, title, doc.to_owned(), |width| {
        let top = legend_height(curves.len()) + 24.0;
        let y = Scale::Linear { from: 0.0, to: 1.0 };
        let frame = Frame::new(width, 270.0, 56.0, top, Scale::log(min, max), y);
        let shares =
            [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format::value(Unit::Share, share)));
        let x_title = match unit {
            Unit::Micros => "time, logarithmic",
            Unit::Bytes => "bytes, logarithmic",
            Unit::Count | Unit::Share => "value, logarithmic",
        };
        let body = html! {
            (legend(&legends))
            (frame.axes(&frame.x.ticks(unit, 7), &shares, x_title, y_title))
            @for (curve, (colour, dash)) in curves.iter().zip(STROKES) {
                path d=(path(steps(&frame, curve, rising))) fill="none" stroke=(colour) stroke-width="2.2"
                    stroke-linejoin="round" stroke-dasharray=[(!dash.is_empty()).then_some(dash)]
                { title { (entry(unit, curve)) } }
                @if let Some(median) = curve.values.quantile(0.5).filter(|bound| !bound.at_least()) {
                    circle cx=(px(frame.at_x(median.value()))) cy=(px(frame.at_y(0.5))) r="4" fill=(colour) stroke="var(--paper)" stroke-width="1.5" {
                        title { (curve.label) ": median " (format::value(unit, median.value())) }
                    }
                }
            }
        };
        Drawing { width, height: frame.height, body }
    });
    Some(plot.saying(figures))
}

/// What the legend says: label, median, how many, and of those how many had not ended.
fn entry(unit: Unit, curve: &Curve) -> String {
    let values = &curve.values;
    let open = match values.censored() {
        0 => String::new(),
        open => format!(", {} open at the end", format::count(open as f64)),
    };
    let label = if curve.label.is_empty() { "all" } else { &curve.label };
    let count = format::count(values.count() as f64);
    format!("{label}: median {} ({count}{open})", format::bound(unit, values.quantile(0.5)))
}

/// The curve's corners, without those within a pixel of the one before.
fn steps(frame: &Frame, curve: &Curve, rising: Rising) -> Vec<(f64, f64)> {
    let height = |surviving: f64| {
        frame.at_y(if rising == Rising::Yes { 1.0 - surviving } else { surviving })
    };
    let (left, ..) = frame.sides();
    let mut corners = vec![(left, height(1.0))];
    let mut last = (left, height(1.0));
    for step in curve.values.steps() {
        let (x, y) = (frame.at_x(step.value), height(step.surviving));
        if (x - last.0).abs() + (y - last.1).abs() >= 1.0 {
            corners.extend([(x, last.1), (x, y)]);
            last = (x, y);
        }
    }
    let end = curve.values.steps().last().map_or(height(1.0), |step| height(step.surviving));
    let right = curve.values.max().map_or(left, |bound| frame.at_x(bound.value()));
    corners.extend([(last.0, end), (right.max(last.0), end)]);
    corners
}
