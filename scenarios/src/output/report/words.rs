//! A scenario and its measures in words.

use crate::metric::Unit;
use crate::output::format;
use crate::result::{Expectation, Outcome};
use crate::scenario::Scenario;
use chartmesh_protocol::identity::Role;

/// What a scenario asks, or else its name.
pub(super) fn question(scenario: &Scenario) -> &str {
    if scenario.question.is_empty() { &scenario.name } else { &scenario.question }
}

/// `1 violation`, `3 violations`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", format::count(count as f64), if count == 1 { one } else { many })
}

/// `consent_latency` as `Consent latency`.
pub(super) fn heading(name: &str) -> String {
    let mut words = name.replace(['_', '-'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// A party's name, or its number.
pub(super) fn party(outcome: &Outcome, party: u32) -> String {
    outcome.parties.get(party as usize).map_or_else(|| party.to_string(), |row| row.name.clone())
}

/// The value that an expectation got, in its measure's unit if it is a value of it.
pub(super) fn came(outcome: &Outcome, expectation: &Expectation) -> String {
    let Some(value) = expectation.came else { return "nothing: it was not measured".into() };
    let (name, part) = expectation
        .what
        .split([' ', '.'])
        .next()
        .zip(expectation.what.split([' ', '.']).nth(1))
        .unwrap_or_default();
    let metric = outcome.metrics.iter().find(|metric| metric.name == name);
    let unit = match part {
        "count" | "censored" | "denominator" => Unit::Count,
        _ => metric.map_or(Unit::Count, |metric| metric.unit),
    };
    format::value(unit, value)
}

/// Who was there, for how long, doing what.
pub(super) fn scenario(outcome: &Outcome) -> String {
    let scenario = &outcome.scenario;
    let of = |role: Role| outcome.parties.iter().filter(|party| party.role == role).count();
    let patients: u64 = scenario
        .hospitals
        .iter()
        .map(|group| u64::from(group.count) * u64::from(group.patients))
        .sum();
    let mut text = format!(
        "{} with {}, {} and {} in {}, for {} of simulated time",
        counted(of(Role::Hospital), "hospital", "hospitals"),
        counted(usize::try_from(patients).unwrap_or(usize::MAX), "patient", "patients"),
        counted(of(Role::Patient), "relay", "relays"),
        counted(of(Role::Backup), "backup provider", "backup providers"),
        counted(scenario.regions.len(), "region", "regions"),
        format::span(outcome.simulated_us as f64),
    );
    if scenario.warmup.micros() > 0 {
        text.push_str(&format!(
            ", the first {} of which are not measured",
            format::span(scenario.warmup.micros() as f64)
        ));
    }
    text.push('.');
    let work: Vec<String> = scenario
        .work
        .iter()
        .map(|work| {
            let act = word(&work.act);
            work.rate.map_or_else(
                || format!("{act} by a recorded trace"),
                |rate| format!("{act} {}", String::from(rate)),
            )
        })
        .collect();
    if !work.is_empty() {
        text.push_str(&format!(" Everyday work, for each who does it: {}.", work.join(", ")));
    }
    if !scenario.hostile.is_empty() {
        let hostile: Vec<_> = scenario
            .hostile
            .iter()
            .map(|hostile| format!("{} ({})", hostile.party, word(&hostile.does).replace('-', " ")))
            .collect();
        text.push_str(&format!(" Dishonest: {}.", hostile.join(", ")));
    }
    text
}

/// The word that a scenario has for it.
fn word(of: &impl serde::Serialize) -> String {
    serde_json::to_value(of)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
