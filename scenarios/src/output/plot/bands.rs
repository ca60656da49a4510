//! A measure over time: its median, and bands around it.

use super::axis::Scale;
use super::drawing::{Drawing, Plot, path, px};
use super::frame::Frame;
use crate::metric::Unit;
use crate::output::format;
use crate::result::Mark;
use crate::stats::Bucket;
use maud::html;

/// What is drawn: where a measure's values lie, step by step.
pub(crate) struct Band<'a> {
    pub(crate) unit: Unit,
    pub(crate) buckets: &'a [Bucket],
    pub(crate) every_us: u64,
    pub(crate) duration_us: u64,
    pub(crate) marks: &'a [Mark],
}

pub(crate) fn bands(slug: &str, title: &str, caption: String, band: &Band<'_>) -> Plot {
    let quantile =
        |bucket: &Bucket, q: f64| bucket.values.quantile(q).map_or(0.0, crate::stats::Bound::value);
    let middle = |bucket: &Bucket| (bucket.from_us + band.every_us / 2) as f64;
    let max = band.buckets.iter().map(|bucket| quantile(bucket, 0.95)).fold(0.0, f64::max);
    let min = band
        .buckets
        .iter()
        .map(|bucket| quantile(bucket, 0.05))
        .filter(|value| *value > 0.0)
        .fold(max, f64::min);
    // What differs by more than that is seen on a logarithmic axis only.
    let log = min > 0.0 && max / min > 30.0;
    Plot::broad(slug, title, caption, |width| {
        let x = Scale::Linear { from: 0.0, to: band.duration_us.max(1) as f64 };
        let y = if log { Scale::log(min, max) } else { Scale::from_zero(band.unit, max) };
        let frame = Frame::new(width, 240.0, 72.0, 52.0, x, y);
        let (_, _, top, bottom) = frame.sides();
        let area = |low: f64, high: f64, run: &[Bucket]| {
            let there = run
                .iter()
                .map(|bucket| (frame.at_x(middle(bucket)), frame.at_y(quantile(bucket, high))));
            let back = run
                .iter()
                .rev()
                .map(|bucket| (frame.at_x(middle(bucket)), frame.at_y(quantile(bucket, low))));
            path(there.chain(back))
        };
        let y_title = if log { "logarithmic" } else { "" };
        let body = html! {
            (key())
            (frame.axes(&frame.x.clock(if width < 600.0 { 6 } else { 12 }), &frame.y.ticks(band.unit, 5), "simulated time", y_title))
            (shades(band, &frame, top, bottom))
            @for run in band.buckets.chunk_by(|a, b| b.from_us - a.from_us == band.every_us) {
                path d=(area(0.05, 0.95, run)) fill="var(--c1)" fill-opacity="0.16" stroke="var(--c1)" stroke-opacity="0.16" {}
                path d=(area(0.25, 0.75, run)) fill="var(--c1)" fill-opacity="0.3" stroke="var(--c1)" stroke-opacity="0.3" {}
                path d=(path(run.iter().map(|bucket| (frame.at_x(middle(bucket)), frame.at_y(quantile(bucket, 0.5)))))) fill="none" stroke="var(--c1)" stroke-width="2" stroke-linejoin="round" {}
                @if run.len() == 1 {
                    circle cx=(px(frame.at_x(middle(&run[0])))) cy=(px(frame.at_y(quantile(&run[0], 0.5)))) r="2" fill="var(--c1)" {
                        title { (format::value(band.unit, quantile(&run[0], 0.5))) }
                    }
                }
            }
        };
        Drawing { width, height: frame.height, body }
    })
}

/// What came within each step, as columns.
pub(crate) fn columns(slug: &str, title: &str, caption: String, band: &Band<'_>) -> Plot {
    let total = |bucket: &Bucket| {
        bucket.values.mean().map_or(0.0, |mean| mean.value() * bucket.values.count() as f64)
    };
    let max = band.buckets.iter().map(total).fold(0.0, f64::max);
    Plot::broad(slug, title, caption, |width| {
        let x = Scale::Linear { from: 0.0, to: band.duration_us.max(1) as f64 };
        let frame = Frame::new(width, 190.0, 72.0, 10.0, x, Scale::from_zero(band.unit, max));
        let (_, _, top, bottom) = frame.sides();
        let body = html! {
            (frame.axes(&frame.x.clock(if width < 600.0 { 6 } else { 12 }), &frame.y.ticks(band.unit, 4), "simulated time", ""))
            (shades(band, &frame, top, bottom))
            @for bucket in band.buckets {
                @let (from, until) = (frame.at_x(bucket.from_us as f64), frame.at_x((bucket.from_us + band.every_us) as f64));
                @let y = frame.at_y(total(bucket));
                rect x=(px(from)) y=(px(y)) width=(px((until - from - 0.5).max(1.5))) height=(px(bottom - y)) fill="var(--c1)" {
                    title { (format::span(bucket.from_us as f64)) ": " (format::value(band.unit, total(bucket))) }
                }
            }
        };
        Drawing { width, height: frame.height, body }
    })
}

/// When something happened, behind everything else.
fn shades(band: &Band<'_>, frame: &Frame, top: f64, bottom: f64) -> maud::Markup {
    html! {
        @for mark in band.marks {
            @let (from, until) = (frame.at_x(mark.from_us as f64), frame.at_x(mark.until_us as f64));
            rect x=(px(from)) y=(px(top)) width=(px((until - from).max(1.5))) height=(px(bottom - top)) fill="var(--event)" fill-opacity="0.16" {
                title { (mark.what) }
            }
        }
    }
}

fn key() -> maud::Markup {
    html! {
        line x1="2" x2="26" y1="10" y2="10" stroke="var(--c1)" stroke-width="2" {}
        text x="33" y="15" fill="var(--ink)" font-size="13" { "median" }
        rect x="96" y="3" width="22" height="14" fill="var(--c1)" fill-opacity="0.42" {}
        text x="125" y="15" fill="var(--ink)" font-size="13" { "25 to 75 %" }
        rect x="212" y="3" width="22" height="14" fill="var(--c1)" fill-opacity="0.16" {}
        text x="241" y="15" fill="var(--ink)" font-size="13" { "5 to 95 %" }
        rect x="322" y="3" width="22" height="14" fill="var(--event)" fill-opacity="0.16" {}
        text x="351" y="15" fill="var(--ink)" font-size="13" { "events" }
    }
}
