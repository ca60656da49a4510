//! What is wrong with a scenario, said so that it can be put right.

use super::limits;
use std::fmt;

/// A scenario that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct LoadError {
    /// What is wrong, in the order of the file; at least one, and at most twenty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `growth.toml:12:5`, `latency.csv:3`, or the change that was asked for.
    pub place: String,
    /// What, and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl LoadError {
    pub(super) fn one(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { problems: vec![Problem { place: place.into(), what: what.into() }] }
    }
}

/// Something in a document: what it is about, and where that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// At this byte of the text.
    Text(usize),
    /// In the change of this number.
    Change(usize),
    /// Nowhere: the scenario was made by a program.
    Made,
}

/// What is found wrong, until all is said.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(At, String, String)>);

impl Problems {
    /// Something is wrong at `at`; `key` names it where there is no text.
    pub(super) fn say(&mut self, at: At, key: impl Into<String>, what: impl Into<String>) {
        self.0.push((at, key.into(), what.into()));
    }

    pub(super) fn none(&self) -> bool {
        self.0.is_empty()
    }

    /// The refusal, if anything was wrong. `place` turns a position into words.
    pub(super) fn into_result(
        mut self,
        place: impl Fn(At, &str) -> String,
    ) -> Result<(), LoadError> {
        if self.none() {
            return Ok(());
        }
        self.0.sort_by_key(|(at, _, _)| *at);
        self.0.dedup();
        let say = |(at, key, what): (At, String, String)| Problem { place: place(at, &key), what };
        Err(LoadError { problems: self.0.into_iter().take(limits::PROBLEMS).map(say).collect() })
    }
}

/// `allowed here: a, b, c`, after the nearest of them if one is near.
pub(super) fn allowed<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let distance = |known: &&&str| strsim::damerau_levenshtein(word, known);
    let near = words.iter().min_by_key(distance).filter(|known| {
        let differ = strsim::damerau_levenshtein(word, known);
        differ * 3 <= word.chars().count().max(3) || (word.len() > 2 && known.starts_with(word))
    });
    let list = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    match near {
        Some(near) => format!("did you mean `{near}`? allowed here: {list}"),
        None => format!("allowed here: {list}"),
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
