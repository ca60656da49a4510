//! The frame of a drawing: where its axes stand, their ticks and titles, a legend above.

use super::axis::{Scale, Tick};
use super::drawing::{STROKES, px, text_width};
use maud::{Markup, html};

/// A rectangle with axes.
pub(super) struct Frame {
    pub(super) height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Frame {
    /// Of this width, with room above and on the left.
    pub(super) fn new(width: f64, height: f64, left: f64, top: f64, x: Scale, y: Scale) -> Self {
        Self {
            height: height + top,
            left,
            right: width - 14.0,
            top,
            bottom: height + top - 48.0,
            x,
            y,
        }
    }

    pub(super) fn at_x(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * (self.right - self.left)
    }

    pub(super) fn at_y(&self, value: f64) -> f64 {
        self.bottom - self.y.place(value) * (self.bottom - self.top)
    }

    pub(super) const fn sides(&self) -> (f64, f64, f64, f64) {
        (self.left, self.right, self.top, self.bottom)
    }

    /// Grid, ticks and titles.
    pub(super) fn axes(&self, x: &[Tick], y: &[Tick], x_title: &str, y_title: &str) -> Markup {
        let (left, right, top, bottom) = self.sides();
        html! {
            @for (value, text) in y {
                @let y = px(self.at_y(*value));
                line x1=(px(left)) x2=(px(right)) y1=(y) y2=(y) stroke="var(--line)" {}
                text x=(px(left - 7.0)) y=(px(self.at_y(*value) + 4.5)) text-anchor="end" fill="var(--soft)" font-size="13" { (text) }
            }
            line x1=(px(left)) x2=(px(right)) y1=(px(bottom)) y2=(px(bottom)) stroke="var(--soft)" {}
            @for (value, text) in legible(x, |value| self.at_x(value)) {
                @let at = self.at_x(*value);
                line x1=(px(at)) x2=(px(at)) y1=(px(bottom)) y2=(px(bottom + 5.0)) stroke="var(--soft)" {}
                text x=(px(held(at, text, right + 12.0))) y=(px(bottom + 19.0)) text-anchor="middle" fill="var(--soft)" font-size="13" { (text) }
            }
            text x=(px(f64::midpoint(left, right))) y=(px(bottom + 40.0)) text-anchor="middle" fill="var(--ink)" font-size="13" { (x_title) }
            @if !y_title.is_empty() {
                text x="2" y=(px(top - 12.0)) fill="var(--ink)" font-size="13" { (y_title) }
            }
        }
    }
}

/// A tick's place, moved in where its text would leave the drawing.
fn held(at: f64, text: &str, right: f64) -> f64 {
    at.min(right - text_width(text) / 2.0)
}

/// Ticks whose texts do not run into each other.
fn legible(ticks: &[Tick], at: impl Fn(f64) -> f64) -> impl Iterator<Item = &Tick> {
    let mut free = f64::NEG_INFINITY;
    ticks.iter().filter(move |(value, text)| {
        let (place, half) = (at(*value), text_width(text) / 2.0);
        let fits = place - half >= free;
        if fits {
            free = place + half + 6.0;
        }
        fits
    })
}

/// A legend's height: a line for each entry.
pub(super) fn legend_height(entries: usize) -> f64 {
    entries as f64 * 20.0 + 4.0
}

/// A legend, one entry a line.
pub(super) fn legend(entries: &[String]) -> Markup {
    html! {
        @for (line, (text, (colour, dash))) in entries.iter().zip(STROKES).enumerate() {
            @let y = 14.0 + 20.0 * line as f64;
            line x1="2" x2="30" y1=(px(y - 4.5)) y2=(px(y - 4.5)) stroke=(colour) stroke-width="2.5" stroke-dasharray=[(!dash.is_empty()).then_some(dash)] {}
            text x="38" y=(px(y)) fill="var(--ink)" font-size="13" { (text) }
        }
    }
}
