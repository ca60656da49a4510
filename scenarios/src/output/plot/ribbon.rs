//! A share over time by lane, as a ribbon of cells, with the scenario's events above it.

use super::axis::Scale;
use super::drawing::{Drawing, Plot, cut, px};
use crate::metric::Unit;
use crate::output::format;
use crate::result::Mark;
use maud::{Markup, html};

/// One lane: a region.
pub(crate) struct Lane {
    pub(crate) name: String,
    /// For each step its share and of how many; none where nothing was tried.
    pub(crate) cells: Vec<Option<(f64, usize)>>,
}

/// From which share on a cell has which colour.
const CLASSES: [(f64, &str, &str); 6] = [
    (1.0, "var(--r5)", "all"),
    (0.99, "var(--r4)", "≥ 99 %"),
    (0.95, "var(--r3)", "≥ 95 %"),
    (0.8, "var(--r2)", "≥ 80 %"),
    (0.5, "var(--r1)", "≥ 50 %"),
    (0.0, "var(--r0)", "less"),
];

const LANE: f64 = 34.0;
const GAP: f64 = 6.0;

pub(crate) fn ribbon(
    slug: &str,
    title: &str,
    caption: String,
    (duration_us, every_us): (u64, u64),
    lanes: &[Lane],
    marks: &[Mark],
) -> Plot {
    Plot::broad(slug, title, caption, |width| {
        let left = if width < 600.0 { 62.0 } else { 92.0 };
        let scale = Scale::Linear { from: 0.0, to: duration_us.max(1) as f64 };
        let right = width - 14.0;
        let at = |us: u64| left + scale.place(us as f64) * (right - left);
        let top = 24.0 * marks.len().min(MARKS) as f64 + 6.0;
        let bottom = top + lanes.len() as f64 * (LANE + GAP);
        let body = html! {
            @for (row, lane) in lanes.iter().enumerate() {
                @let y = top + row as f64 * (LANE + GAP);
                text x=(px(left - 8.0)) y=(px(y + LANE / 2.0 + 5.0)) text-anchor="end" fill="var(--ink)" { (cut(&lane.name, if width < 600.0 { 8 } else { 12 })) }
                rect x=(px(left)) y=(px(y)) width=(px(right - left)) height=(px(LANE)) fill="none" stroke="var(--line)" {}
                (cells(lane, y, every_us, duration_us, at))
            }
            (events(marks, top, bottom - GAP, left, right, at))
            @for (value, text) in scale.clock(if width < 600.0 { 6 } else { 12 }) {
                @let x = left + scale.place(value) * (right - left);
                line x1=(px(x)) x2=(px(x)) y1=(px(bottom - GAP)) y2=(px(bottom)) stroke="var(--soft)" {}
                text x=(px(x.min(right - 8.0))) y=(px(bottom + 15.0)) text-anchor="middle" fill="var(--soft)" font-size="13" { (text) }
            }
            (key(width, bottom + 40.0))
        };
        Drawing { width, height: bottom + if width < 600.0 { 82.0 } else { 54.0 }, body }
    })
}

/// Cells of one colour that follow each other are one rectangle: a run of a year has thousands.
fn cells(lane: &Lane, y: f64, every_us: u64, duration_us: u64, at: impl Fn(u64) -> f64) -> Markup {
    let class = |cell: &Option<(f64, usize)>| {
        cell.map(|(share, _)| CLASSES.iter().position(|class| share >= class.0))
    };
    let mut from = 0;
    let mut runs = Vec::new();
    for run in lane.cells.chunk_by(|a, b| class(a) == class(b)) {
        if let Some(index) = class(&run[0]).flatten() {
            let tried: usize = run.iter().flatten().map(|(_, count)| count).sum();
            let done: f64 = run.iter().flatten().map(|(share, count)| share * *count as f64).sum();
            let step = |index: usize| (index as u64 * every_us).min(duration_us);
            runs.push((
                CLASSES[index].1,
                step(from),
                step(from + run.len()),
                done / tried as f64,
                tried,
            ));
        }
        from += run.len();
    }
    html! {
        @for (colour, from_us, until_us, share, tried) in runs {
            rect x=(px(at(from_us))) y=(px(y)) width=(px(at(until_us) - at(from_us) + 0.3)) height=(px(LANE)) fill=(colour) {
                title {
                    (lane.name) ", " (format::span(from_us as f64)) " to " (format::span(until_us as f64)) ": "
                    (format::value(Unit::Share, share)) " (" (format::count(tried as f64)) @if tried == 1 { " value)" } @else { " values)" }
                }
            }
        }
    }
}

/// Events that get a line of their own; what is beyond stands in the table only.
const MARKS: usize = 6;

fn events(
    marks: &[Mark],
    top: f64,
    bottom: f64,
    left: f64,
    right: f64,
    at: impl Fn(u64) -> f64,
) -> Markup {
    html! {
        @for (row, mark) in marks.iter().take(MARKS).enumerate() {
            @let (from, until) = (at(mark.from_us), at(mark.until_us));
            @let y = 13.0 + 24.0 * row as f64;
            @let width = super::drawing::text_width(&mark.what) * 0.95 + 8.0;
            // Beside its mark, on whichever side there is room.
            @let before = until + width > right && from - width > left;
            line x1=(px(from)) x2=(px(from)) y1=(px(y)) y2=(px(bottom)) stroke="var(--event)" stroke-dasharray="3 3" {}
            @if until > from {
                line x1=(px(until)) x2=(px(until)) y1=(px(y)) y2=(px(bottom)) stroke="var(--event)" stroke-dasharray="3 3" {}
                rect x=(px(from)) y=(px(top - 3.0)) width=(px(until - from)) height=(px(bottom - top + 6.0)) fill="none" stroke="none" {}
                line x1=(px(from)) x2=(px(until)) y1=(px(y)) y2=(px(y)) stroke="var(--event)" stroke-width="4" {}
            } @else {
                circle cx=(px(from)) cy=(px(y)) r="4" fill="var(--event)" {}
            }
            text x=(px(if before { from - 8.0 } else { until + 8.0 })) y=(px(y + 5.0)) font-size="13"
                text-anchor=(if before { "end" } else { "start" }) fill="var(--event)" { (mark.what) }
        }
    }
}

/// What the colours mean.
fn key(width: f64, y: f64) -> Markup {
    let each = if width < 600.0 { 3 } else { CLASSES.len() + 1 };
    let apart = (width - 20.0) / each as f64;
    let entries =
        CLASSES.iter().map(|(_, colour, text)| (*colour, *text)).chain([("none", "no value")]);
    html! {
        @for (place, (colour, text)) in entries.enumerate() {
            @let (x, y) = (10.0 + (place % each) as f64 * apart, y + (place / each) as f64 * 21.0 - if width < 600.0 { 4.0 } else { 0.0 });
            rect x=(px(x)) y=(px(y - 11.0)) width="18" height="13" fill=(colour) stroke="var(--line)" {}
            text x=(px(x + 25.0)) y=(px(y)) fill="var(--soft)" font-size="13" { (text) }
        }
    }
}
