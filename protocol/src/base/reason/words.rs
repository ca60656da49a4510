//! Words of reasons.

use super::{Arg, Row};
use crate::id::PartyId;

/// A language that reasons are told in: a table of its own, and nothing else, is what another one takes. What
/// it has no words for is told in English, which stands in the rooms' tables.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// Its tag, as HTTP's `Accept-Language` has it.
    pub tag: &'static str,
    /// The words of a reason that this version does not know. `{class}` and `{number}` stand for what is
    /// known of it.
    pub unknown: &'static str,
    /// The words of each reason, by its number. A name in braces stands for the argument of the row's name.
    pub words: &'static [(u32, &'static str)],
}

/// English: its words stand beside the reasons.
pub const ENGLISH: Language = Language {
    tag: "en",
    unknown: "refused ({class}) for reason {number}, which this version does not know",
    words: &[],
};

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

/// The words of a reason; parties are called by their names where these are known.
#[must_use]
pub fn in_words(
    row: &Row,
    args: &[Arg],
    language: &Language,
    names: &dyn Fn(PartyId) -> Option<String>,
) -> String {
    fill(row.words(language), |name| {
        let at = row.args.iter().position(|(arg, _)| *arg == name);
        at.and_then(|at| args.get(at)).map(|arg| value(arg, names)).unwrap_or_default()
    })
}

fn value(arg: &Arg, names: &dyn Fn(PartyId) -> Option<String>) -> String {
    match arg {
        Arg::Party(party) => one_line(&names(*party).unwrap_or_else(|| party.short())),
        Arg::Entry(entry) => entry.to_string(),
        Arg::Request(request) => request.to_string(),
        Arg::Permission(token) => token.to_string(),
        Arg::Chart(chart) => chart.to_string(),
        Arg::Time(time) => time.utc_text(),
        Arg::Number(number) => number.to_string(),
        Arg::Text(text) => one_line(text),
        Arg::Object(object) => object.to_string(),
    }
}

/// It may be another's: nothing in it moves the cursor or ends the line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
