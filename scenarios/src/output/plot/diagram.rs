//! The messages around a violation: a lane for each party, time downwards, an arrow for each message.

use super::drawing::{Drawing, Plot, cut, px};
use crate::output::ReadRow;
use crate::output::format;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The part of a trace in which something did not hold.
pub(crate) struct Window<'a> {
    /// Rows, in order.
    pub(crate) rows: &'a [ReadRow],
    /// Parties' names, by number.
    pub(crate) names: &'a dyn Fn(u32) -> String,
    /// When it was found, and at which party.
    pub(crate) violated_us: u64,
    pub(crate) party: Option<u32>,
    /// What was found.
    pub(crate) what: &'a str,
}

/// Lanes that fit; the parties with most to do with it come first.
const LANES: usize = 6;
/// Lines of rows that are drawn.
const LINES: usize = 26;
const LINE: f64 = 30.0;

pub(crate) fn diagram(slug: &str, title: &str, caption: String, window: &Window<'_>) -> Plot {
    let all = lanes(window);
    Plot::broad(slug, title, caption, |width| {
        let narrow = width < 600.0;
        let lanes = &all[..all.len().min(if narrow { 4 } else { LANES })];
        let shown = shown(window, lanes);
        let found = shown.iter().take_while(|row| row.at_us <= window.violated_us).count();
        let left = if narrow { 78.0 } else { 110.0 };
        let apart =
            (width - left - if narrow { 64.0 } else { 90.0 }) / (lanes.len().max(2) - 1) as f64;
        let at = |party: u32| {
            lanes
                .iter()
                .position(|lane| *lane == party)
                .map(|lane| left + 30.0 + lane as f64 * apart)
        };
        let y = |line: usize| 62.0 + line as f64 * LINE;
        let height = y(shown.len() + 1) + 16.0;
        // A message is one arrow from where it left to where it arrived, when both are within.
        let arrivals: BTreeMap<(u64, Option<u32>), usize> = (0..)
            .zip(&shown)
            .filter(|(_, row)| row.kind == "received")
            .map(|(line, row)| ((row.id, row.party), line))
            .collect();
        let place = |line: usize| y(line + usize::from(line >= found));
        let body = html! {
            @for party in lanes {
                @if let Some(x) = at(*party) {
                    text x=(px(x)) y="20" text-anchor="middle" fill="var(--ink)" font-size="13" font-weight="600" { (cut(&(window.names)(*party), if narrow { 11 } else { 18 })) }
                    line x1=(px(x)) x2=(px(x)) y1="30" y2=(px(height - 8.0)) stroke="var(--line)" stroke-width="2" {}
                }
            }
            @for (line, row) in shown.iter().enumerate() {
                @let y = place(line);
                text x=(px(left - 12.0)) y=(px(y + 4.0)) text-anchor="end" fill="var(--soft)" font-size="12" { (relative(row.at_us, window.violated_us)) }
                @match (row.kind.as_str(), row.party.and_then(at), row.other.and_then(at)) {
                    ("sent", Some(from), Some(to)) => {
                        @let arrives = arrivals.get(&(row.id, row.other)).filter(|end| **end > line).map(|end| place(*end));
                        (arrow((from, y), (to, arrives.unwrap_or(y + LINE * 0.5)), arrives.is_some(), row))
                    }
                    ("received", Some(x), _) => { circle cx=(px(x)) cy=(px(y)) r="3.5" fill="var(--c1)" { title { "received " (row.what) } } }
                    (kind, Some(x), _) => {
                        circle cx=(px(x)) cy=(px(y)) r="3.5" fill="var(--soft)" {}
                        @let left_of = x > width * 0.6;
                        text x=(px(if left_of { x - 9.0 } else { x + 9.0 })) y=(px(y + 4.0)) text-anchor=(if left_of { "end" } else { "start" }) fill="var(--soft)" font-size="12" { (kind) " " (row.what) " " (row.end) }
                    }
                    _ => {}
                }
            }
            (violation(window, y(found), (left, width), window.party.and_then(at)))
        };
        Drawing { width, height, body }
    })
}

/// The rows that are drawn: those before the violation mostly, and some after.
fn shown<'a>(window: &Window<'a>, lanes: &[u32]) -> Vec<&'a ReadRow> {
    let rows: Vec<&ReadRow> = window.rows.iter().filter(|row| drawn(row, lanes)).collect();
    let before = rows.iter().take_while(|row| row.at_us <= window.violated_us).count();
    rows.into_iter().skip(before.saturating_sub(LINES * 3 / 4)).take(LINES).collect()
}

/// Whether a row is within the lanes.
fn drawn(row: &ReadRow, lanes: &[u32]) -> bool {
    let within = |party: Option<u32>| party.is_some_and(|party| lanes.contains(&party));
    match row.kind.as_str() {
        "sent" => within(row.party) && within(row.other),
        "received" => within(row.party) && within(row.other),
        "violated" | "committed" => false,
        // What ended well is no news beside its message.
        "concluded" if row.end == "done" => false,
        _ => within(row.party),
    }
}

/// The parties to show: the one concerned, then those that it spoke with, by how near to the violation that was.
fn lanes(window: &Window<'_>) -> Vec<u32> {
    let mut nearest: BTreeMap<u32, u64> = BTreeMap::new();
    for row in window.rows {
        let distance = row.at_us.abs_diff(window.violated_us);
        let concerned =
            window.party.is_none_or(|party| row.party == Some(party) || row.other == Some(party));
        for party in [row.party, row.other].into_iter().flatten().filter(|_| concerned) {
            let nearest = nearest.entry(party).or_insert(u64::MAX);
            *nearest = distance.min(*nearest);
        }
    }
    let mut lanes: Vec<(u64, u32)> = nearest
        .into_iter()
        .map(|(party, distance)| {
            (if Some(party) == window.party { 0 } else { distance + 1 }, party)
        })
        .collect();
    lanes.sort_unstable();
    lanes.into_iter().take(LANES).map(|(_, party)| party).collect()
}

fn relative(at_us: u64, to_us: u64) -> String {
    let span = format::span(at_us.abs_diff(to_us) as f64);
    if at_us <= to_us { format!("−{span}") } else { format!("+{span}") }
}

fn arrow(from: (f64, f64), to: (f64, f64), arrives: bool, row: &ReadRow) -> Markup {
    let towards = if to.0 > from.0 { -1.0 } else { 1.0 };
    html! {
        g {
            title { (row.what) ", " (format::size(row.bytes as f64)) @if !arrives { ", not seen to arrive" } }
            line x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1)) stroke="var(--c1)" stroke-width="1.8" stroke-dasharray=[(!arrives).then_some("5 4")] {}
            @if arrives {
                path d=(super::drawing::path([(to.0 + 9.0 * towards, to.1 - 5.0), to, (to.0 + 9.0 * towards, to.1 + 3.0)])) fill="none" stroke="var(--c1)" stroke-width="1.8" {}
            } @else {
                text x=(px(to.0 + 4.0 * towards)) y=(px(to.1 + 5.0)) text-anchor="middle" fill="var(--c2)" font-weight="700" { "×" }
            }
            text x=(px(f64::midpoint(from.0, to.0))) y=(px(f64::midpoint(from.1, to.1) - 5.0)) text-anchor="middle" fill="var(--ink)" font-size="12" stroke="var(--paper)" stroke-width="3" paint-order="stroke" { (row.what) }
        }
    }
}

fn violation(window: &Window<'_>, y: f64, (left, width): (f64, f64), at: Option<f64>) -> Markup {
    let letters = if width < 600.0 { 46 } else { 105 };
    html! {
        rect x=(px(left - 6.0)) y=(px(y - 13.0)) width=(px(width - left - 4.0)) height="26" rx="4" fill="var(--paper)" stroke="var(--bad)" stroke-width="1.5" {}
        @if let Some(x) = at { circle cx=(px(x)) cy=(px(y - 13.0)) r="5" fill="var(--bad)" {} }
        text x=(px(left + 4.0)) y=(px(y + 4.5)) fill="var(--bad)" font-size=(if width < 600.0 { "12" } else { "13" }) font-weight="600" { (cut(window.what, letters)) }
        text x=(px(left - 12.0)) y=(px(y + 4.0)) text-anchor="end" fill="var(--bad)" font-size="12" { "found" }
    }
}
