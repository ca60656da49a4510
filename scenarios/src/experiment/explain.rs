//! What became of one message, one request or one patient: a timeline out of a trace, and why it ended so.

use super::trace::{InWords, length, moment, name, short_id};
use crate::output::ReadRow;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is followed through a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// What has an id that begins with these hexadecimal digits: a message, a request, a token, an object, or
    /// a patient.
    Id(String),
    /// All at one party, by its number.
    Party(u32),
}

/// A timeline.
#[derive(Debug, Clone, Serialize)]
pub struct Timeline {
    /// The rows, and what else concerned the parties in between.
    pub lines: Vec<Line>,
    /// Why it ended as it did, in sentences.
    pub why: Vec<String>,
}

/// A line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// `d2 07:15:03.250000`.
    pub at: String,
    /// In words.
    pub text: String,
    /// It is not about what is followed, but about a party to it at that time.
    pub beside: bool,
    /// Simulated microseconds.
    pub at_us: u64,
    /// What happened, as the trace has it.
    pub kind: String,
    /// Of what can be followed; empty for none.
    pub id: String,
    /// How it ended; empty when it did not.
    pub end: String,
}

/// Nothing can be told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Nothing in the trace has it.
    #[error("nothing in this trace has an id that begins with `{0}`")]
    NotFound(String),
    /// Several have.
    #[error("{} ids begin with `{}`, such as {}", .1.len(), .0, .1[..2].join(" and "))]
    Ambiguous(String, Vec<String>),
    /// The party does nothing.
    #[error("nothing in this trace is about that party")]
    Idle,
}

/// Lines about other things that are kept after the last of what is followed, if it did not end.
const AFTERWARDS: usize = 12;

/// Follows a target: takes a trace row by row, then tells.
#[derive(Debug)]
pub struct Follow {
    target: Target,
    /// Ids that were found to begin with the digits.
    ids: BTreeSet<u64>,
    /// Parties to it so far.
    parties: BTreeSet<u32>,
    rows: Vec<(ReadRow, bool)>,
    /// What concerned the parties since: told only if something follows.
    pending: Vec<ReadRow>,
    /// Whether each party was switched last, and each call that failed, before they took part.
    switched: BTreeMap<u32, ReadRow>,
}

impl Follow {
    /// Begins.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            ids: BTreeSet::new(),
            parties: BTreeSet::new(),
            rows: Vec::new(),
            pending: Vec::new(),
            switched: BTreeMap::new(),
        }
    }

    /// The next row.
    pub fn row(&mut self, row: ReadRow) {
        if self.is_about(&row) {
            for party in [row.party, row.other].into_iter().flatten() {
                if self.parties.insert(party) {
                    // In which state it was when it came in, unless it was simply on.
                    let state = self.switched.remove(&party).filter(|state| state.end != "on");
                    self.pending.extend(state.filter(|_| !matches!(self.target, Target::Party(_))));
                }
            }
            self.pending.sort_by_key(|row| row.at_us);
            self.rows.extend(self.pending.drain(..).map(|row| (row, true)));
            self.rows.push((row, false));
        } else if self.concerns(&row) {
            self.pending.push(row);
        } else if row.kind == "switched"
            && let Some(party) = row.party
        {
            self.switched.insert(party, row);
        }
    }

    fn is_about(&mut self, row: &ReadRow) -> bool {
        match &self.target {
            Target::Party(party) => row.party == Some(*party) || row.other == Some(*party),
            Target::Id(digits) => {
                let begins = |id: &u64| *id != 0 && short_id(*id).starts_with(digits.as_str());
                let found = [message(row), row.patient].into_iter().find(begins);
                self.ids.extend(found);
                found.is_some()
            }
        }
    }

    /// Whether it could be why something went on as it did: a party to it was switched, met a fault, was called
    /// in vain, or something happened to everybody to see.
    fn concerns(&self, row: &ReadRow) -> bool {
        let takes_part = |party: Option<u32>| party.is_some_and(|p| self.parties.contains(&p));
        let party = takes_part(row.party);
        match row.kind.as_str() {
            "happened" => true,
            "switched" | "fault" | "violated" => party,
            "dialled" => party && takes_part(row.other) && !matches!(&*row.end, "" | "done"),
            "concluded" => message(row) == 0 && party && takes_part(row.other),
            _ => false,
        }
    }

    /// The timeline.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub fn tell(mut self, names: &[String]) -> Result<Timeline, ExplainError> {
        match &self.target {
            Target::Id(digits) if self.rows.is_empty() => {
                return Err(ExplainError::NotFound(digits.clone()));
            }
            Target::Id(digits) if self.ids.len() > 1 => {
                let ids = self.ids.iter().map(|id| short_id(*id)).collect();
                return Err(ExplainError::Ambiguous(digits.clone(), ids));
            }
            Target::Party(_) if self.rows.is_empty() => return Err(ExplainError::Idle),
            _ => {}
        }
        let last = self.rows.iter().rfind(|(_, beside)| !beside).map(|(row, _)| row.clone());
        let last = last.expect("there is a row");
        if last.end.is_empty() {
            self.pending.truncate(AFTERWARDS);
            self.rows.extend(self.pending.drain(..).map(|row| (row, true)));
        }
        let why = self.why(&last, names);
        let line = |(row, beside): (ReadRow, bool)| Line {
            at: moment(row.at_us),
            text: InWords(&row, names).to_string(),
            beside,
            at_us: row.at_us,
            id: if message(&row) == 0 { String::new() } else { short_id(row.id) },
            kind: row.kind,
            end: row.end,
        };
        Ok(Timeline { lines: self.rows.into_iter().map(line).collect(), why })
    }

    fn why(&self, last: &ReadRow, names: &[String]) -> Vec<String> {
        let first = self.rows.iter().find(|(_, beside)| !beside).map_or(last, |(row, _)| row);
        let mut why = Vec::new();
        let took = length(last.at_us - first.at_us);
        why.push(match ending(&last.end) {
            None if last.end.is_empty() => {
                format!("It had not ended when the trace did; the last of it came {took} after the first.")
            }
            None => format!("It ended after {took} with `{}`.", last.end),
            Some(sentence) => format!("It ended after {took} with `{}`: {sentence}.", last.end),
        });
        // What stood in the way at that moment: who was not there, and what had begun and not ended.
        let beside = || self.rows.iter().filter(|(_, beside)| *beside).map(|(row, _)| row);
        for party in [last.party, last.other] {
            let state = beside().rfind(|r| r.kind == "switched" && r.party == party);
            if let (Some(name), Some(state)) = (name(names, party), state)
                && state.end != "on"
            {
                let (since, how) = (moment(state.at_us), &state.end);
                why.push(format!("{name} was switched {how} since {since}."));
            }
        }
        let mut faults: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for row in beside().filter(|row| row.kind == "fault") {
            let at = name(names, row.party).unwrap_or("somebody");
            *faults.entry((row.what.as_str(), at)).or_default() += 1;
        }
        why.extend(faults.into_iter().map(|((fault, at), times)| {
            let often = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            format!("Meanwhile the fault `{fault}` fired {often} at {at}.")
        }));
        why
    }
}

/// What an ending means.
fn ending(end: &str) -> Option<&'static str> {
    Some(match end {
        "done" => "the receiver did it and said so",
        "refused" => "the receiver looked at it and said no",
        "out-of-order" => "the receiver waits for an earlier message of this stream first",
        "never-sent" => "no connection came about, so the receiver cannot have it",
        "unknown" => {
            "the connection broke after it left, so the receiver may have it or not; it is sent again"
        }
        "gate-closed" => "the receiver does not know the sender, also after a second greeting",
        "malformed" => "the answer was none that can be read",
        "not-there" => "the other side was off, or cut off",
        "not-callable" => "the other side is behind a router, where nobody can call it",
        _ => return None,
    })
}

/// What a row's id names; 0 for nothing. Whoever was never reached was sent nothing: what waits has no id in the trace
/// until it leaves.
fn message(row: &ReadRow) -> u64 {
    if row.kind == "concluded" && row.what.is_empty() { 0 } else { row.id }
}

/// Something that can be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thread {
    /// Its id, as commands take it.
    pub id: String,
    /// What it is about, by its first row that says so.
    pub what: String,
    /// Its patient, if it has one.
    pub patient: Option<String>,
    /// Its first row.
    pub from_us: u64,
    /// Its last row.
    pub until_us: u64,
    /// Its rows.
    pub rows: u64,
    /// How it ended; empty when it did not.
    pub end: String,
}

/// Collects what can be followed.
#[derive(Debug, Default)]
pub struct Threads(BTreeMap<u64, Thread>);

impl Threads {
    /// The next row.
    pub fn row(&mut self, row: &ReadRow) {
        if message(row) == 0 {
            return;
        }
        let thread = self.0.entry(row.id).or_insert_with(|| Thread {
            id: short_id(row.id),
            what: String::new(),
            patient: None,
            from_us: row.at_us,
            until_us: 0,
            rows: 0,
            end: String::new(),
        });
        if thread.what.is_empty() {
            thread.what.clone_from(&row.what);
        }
        if row.patient != 0 {
            thread.patient.get_or_insert_with(|| short_id(row.patient));
        }
        thread.until_us = row.at_us;
        thread.rows += 1;
        thread.end.clone_from(&row.end);
    }

    /// What can be followed: what did not end well first, then what took longest.
    #[must_use]
    pub fn list(self) -> Vec<Thread> {
        let mut list: Vec<Thread> = self.0.into_values().collect();
        list.sort_by_key(|thread| {
            (thread.end == "done", std::cmp::Reverse(thread.until_us - thread.from_us))
        });
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at_s: u64, kind: &str, party: u32, other: Option<u32>, id: u64, end: &str) -> ReadRow {
        let what = if id == 0 { "" } else { "consent.ask" }.to_owned();
        let patient = if id == 0 { 0 } else { 0xbeef << 48 };
        let at_us = at_s * 1_000_000;
        let (kind, party, end) = (kind.to_owned(), Some(party), end.to_owned());
        ReadRow { at_us, kind, party, other, what, id, patient, bytes: 0, end }
    }

    /// A message to a phone that went off before, past another one and a vault of no concern.
    fn trace() -> Vec<ReadRow> {
        vec![
            row(5, "switched", 1, None, 0, "off"),
            row(6, "switched", 2, None, 0, "off"),
            row(10, "sent", 0, Some(1), 0xabcd << 48, ""),
            row(11, "sent", 0, Some(2), 0xab00 << 48, ""),
            row(12, "received", 2, Some(0), 0xab00 << 48, "done"),
            row(15, "dialled", 0, Some(1), 0, "not-there"),
            row(16, "dialled", 0, Some(2), 0, "not-there"),
            row(17, "fault", 0, None, 0, ""),
            row(20, "concluded", 0, Some(1), 0xabcd << 48, "never-sent"),
            row(21, "switched", 0, None, 0, "off"),
        ]
    }

    fn follow(target: Target) -> Result<Timeline, ExplainError> {
        let mut follow = Follow::new(target);
        trace().into_iter().for_each(|row| follow.row(row));
        follow.tell(&["clinic-1", "phone-1", "vault-1"].map(str::to_owned))
    }

    #[test]
    fn a_message_is_followed_with_what_concerned_its_parties_meanwhile() {
        let told = follow(Target::Id("abcd".into())).unwrap();
        let lines: Vec<_> = told.lines.iter().map(|l| (l.at_us / 1_000_000, l.beside)).collect();
        assert_eq!(lines, [(5, true), (10, false), (15, true), (17, true), (20, false)]);
        assert_eq!(told.lines[1].text, "clinic-1 sends consent.ask to phone-1");
        assert_eq!(told.lines[2].text, "clinic-1 calls phone-1: not-there");
        let why = told.why.join(" ");
        assert!(why.starts_with("It ended after 10s with `never-sent`: no connection"), "{why}");
        assert!(why.contains("phone-1 was switched off since d0 00:00:05"), "{why}");
    }

    #[test]
    fn a_patient_is_followed_over_all_messages() {
        let told = follow(Target::Id("beef".into())).unwrap();
        assert_eq!(told.lines.iter().filter(|line| !line.beside).count(), 4);
    }

    #[test]
    fn digits_that_fit_several_or_none_are_refused_with_what_fits() {
        let several = follow(Target::Id("ab".into())).unwrap_err();
        let text = "2 ids begin with `ab`, such as ab00000000000000 and abcd000000000000";
        assert_eq!(several.to_string(), text);
        assert_eq!(
            follow(Target::Id("77".into())).unwrap_err(),
            ExplainError::NotFound("77".into())
        );
    }

    #[test]
    fn what_did_not_end_well_is_listed_first() {
        let mut threads = Threads::default();
        trace().iter().for_each(|row| threads.row(row));
        let list = threads.list();
        let ends: Vec<_> =
            list.iter().map(|thread| (&thread.id[..4], thread.end.as_str())).collect();
        assert_eq!(ends, [("abcd", "never-sent"), ("ab00", "done")]);
    }
}
