//! Amounts side by side, as bars with their figures.

use super::drawing::{Drawing, Plot, cut, px};
use crate::metric::Unit;
use crate::output::format;
use maud::html;

/// One bar.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// What is said on top of the figure, such as its share.
    pub(crate) beside: String,
}

const ROW: f64 = 30.0;

pub(crate) fn bars(slug: &str, title: &str, caption: String, unit: Unit, rows: &[Bar]) -> Plot {
    let said: Vec<String> = rows
        .iter()
        .map(|row| {
            format!("{}: {} {}", row.label, format::value(unit, row.value), row.beside)
                .trim_end()
                .to_owned()
        })
        .collect();
    let plot = Plot::new(slug, title, caption, |width| {
        let max = rows.iter().map(|row| row.value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let (left, right) = (120.0, width - 150.0);
        let body = html! {
            @for (row, bar) in rows.iter().enumerate() {
                @let y = row as f64 * ROW + 4.0;
                @let length = (bar.value / max * (right - left)).max(1.0);
                text x=(px(left - 8.0)) y=(px(y + 16.0)) text-anchor="end" fill="var(--ink)" font-size="13" { (cut(&bar.label, 16)) }
                rect x=(px(left)) y=(px(y)) width=(px(length)) height=(px(ROW - 8.0)) rx="2" fill="var(--c1)" {
                    title { (bar.label) ": " (format::value(unit, bar.value)) " " (bar.beside) }
                }
                text x=(px(left + length + 7.0)) y=(px(y + 16.0)) fill="var(--ink)" font-size="13" {
                    (format::value(unit, bar.value)) " " tspan fill="var(--soft)" { (bar.beside) }
                }
            }
        };
        Drawing { width, height: rows.len() as f64 * ROW + 4.0, body }
    });
    plot.saying(format!("{}.", said.join("; ")))
}
