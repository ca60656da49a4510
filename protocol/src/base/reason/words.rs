//! Words of reasons.

use super::{Arg, Row};
use core::fmt::Display;

/// A language that reasons are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
}

/// A template with each name in braces replaced by its value.
pub(crate) fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut words = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').expect("braces of a table come in pairs");
        words.push_str(before);
        words.push_str(&value(name));
        rest = after;
    }
    words + rest
}

/// The words of a reason.
pub(crate) fn in_words(row: &Row, args: &[Arg], language: Language) -> String {
    fill(row.words(language), |name| {
        let at = row.args.iter().position(|(arg, _)| *arg == name);
        at.and_then(|at| args.get(at)).map(|arg| value(arg, language)).unwrap_or_default()
    })
}

fn value(arg: &Arg, language: Language) -> String {
    match arg {
        Arg::Party(party) => party.short(),
        Arg::Parties(parties) => list(parties.iter().map(|party| party.short())),
        Arg::Entry(entry) => entry.to_string(),
        Arg::Request(request) => request.to_string(),
        Arg::Permission(token) => token.to_string(),
        Arg::Chart(chart) => chart.to_string(),
        Arg::Object(object) => object.to_string(),
        Arg::Time(time) => time.utc_text(),
        Arg::Number(number) => number.to_string(),
        Arg::Text(text) => text.clone(),
        Arg::Because(row, args) => in_words(row, args, language),
    }
}

fn list(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
