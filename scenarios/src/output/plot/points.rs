//! Estimates with their intervals: a value against a parameter, or differences.

use super::axis::Scale;
use super::drawing::{Drawing, Plot, cut, px};
use super::frame::Frame;
use crate::metric::Unit;
use crate::output::format;
use crate::stats::Interval;
use maud::html;

/// One estimate.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// What it is of: a parameter's value, a measure's name.
    pub(crate) label: String,
    /// The estimate.
    pub(crate) interval: Interval,
}

/// Estimates side by side, each with its 95 % interval; none without points. With `around_zero`, of differences, zero
/// is drawn and what excludes it is marked.
#[must_use]
pub(crate) fn points(
    slug: &str,
    title: &str,
    doc: &str,
    (x_title, unit): (&str, Unit),
    around_zero: bool,
    points: &[Point],
) -> Option<Plot> {
    let ends = |point: &Point| {
        let Interval { value, low, high, .. } = point.interval;
        [value, low.unwrap_or(value), high.unwrap_or(value)]
    };
    let all = || points.iter().flat_map(ends).chain(around_zero.then_some(0.0));
    let (min, max) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if points.is_empty() || !min.is_finite() || !max.is_finite() {
        return None;
    }
    let said: Vec<String> = points
        .iter()
        .map(|point| format!("{}: {}", point.label, says(unit, &point.interval)))
        .collect();
    let figures = format!("{}.", said.join("; "));
    let plot = Plot::new(slug, title, doc.to_owned(), |width| {
        let x = Scale::Linear { from: -0.6, to: points.len() as f64 - 0.4 };
        let frame = Frame::new(width, 280.0, 78.0, 14.0, x, Scale::around(unit, min, max));
        let letters = (360 / points.len() / 8).max(3);
        let ticks: Vec<_> = (0_u32..)
            .zip(points)
            .map(|(at, point)| (f64::from(at), cut(&point.label, letters)))
            .collect();
        let body = html! {
            (frame.axes(&ticks, &frame.y.ticks(unit, 5), x_title, ""))
            @if around_zero {
                @let (left, right, ..) = frame.sides();
                line x1=(px(left)) x2=(px(right)) y1=(px(frame.at_y(0.0))) y2=(px(frame.at_y(0.0))) stroke="var(--ink)" stroke-width="1.5" {}
            }
            @for (at, point) in (0_u32..).zip(points) {
                @let x = frame.at_x(f64::from(at));
                @let colour = if around_zero && point.interval.excludes_zero() { "var(--c2)" } else { "var(--c1)" };
                g {
                    title { (point.label) ": " (says(unit, &point.interval)) }
                    @if let (Some(low), Some(high)) = (point.interval.low, point.interval.high) {
                        @let (low, high) = (px(frame.at_y(low)), px(frame.at_y(high)));
                        line x1=(px(x)) x2=(px(x)) y1=(low) y2=(high) stroke=(colour) stroke-width="2.5" {}
                        @for end in [low, high] {
                            line x1=(px(x - 6.0)) x2=(px(x + 6.0)) y1=(end) y2=(end) stroke=(colour) stroke-width="2.5" {}
                        }
                    }
                    circle cx=(px(x)) cy=(px(frame.at_y(point.interval.value))) r="5" fill=(colour) stroke="var(--paper)" stroke-width="1.5" {}
                }
            }
        };
        Drawing { width, height: frame.height, body }
    });
    Some(plot.saying(figures))
}

fn says(unit: Unit, interval: &Interval) -> String {
    let value = format::value(unit, interval.value);
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => {
            format!(
                "{value} ({} to {}, {} seeds)",
                format::value(unit, low),
                format::value(unit, high),
                interval.seeds
            )
        }
        _ => format!("{value} (one seed)"),
    }
}
