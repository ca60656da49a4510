//! Replaying: the same scenario and seed once more, held against what was kept.

use super::runner::Runner;
use super::trace::kept;
use crate::output::ReadRow;
use crate::result::{RunError, TraceRow, TraceSink, Unwatched, Watcher};
use crate::scenario::Scenario;
use std::collections::VecDeque;

/// What a replay found.
#[derive(Debug)]
pub enum Replayed {
    /// The trace is the same.
    Same,
    /// It is another.
    Differs(Box<Difference>),
    /// It was stopped before its end.
    Stopped,
}

/// Where two traces part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The hash that came now.
    pub hash: String,
    /// Where the rows part; none when the earlier rows were not kept, or all that were kept are the same.
    pub parts: Option<Parting>,
}

/// The first rows that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// The number of the first row that differs, from 0.
    pub row: u64,
    /// The last rows before it, the same in both.
    pub before: Vec<ReadRow>,
    /// What was kept; none where the earlier trace had ended.
    pub then: Option<ReadRow>,
    /// What came now; none where this trace had ended.
    pub now: Option<ReadRow>,
}

/// Rows shown before the first that differs.
const BEFORE: usize = 5;

/// Runs a scenario again. `hash` is the trace's hash as it was; `kept` its rows, if they were kept.
///
/// # Errors
/// [`RunError`].
pub fn replay(
    scenario: &Scenario,
    seed: u64,
    hash: &str,
    kept: Option<Box<dyn Iterator<Item = ReadRow> + '_>>,
    run: &Runner<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Replayed, RunError> {
    let mut against =
        kept.map(|kept| Against { kept, row: 0, before: VecDeque::new(), parts: None });
    let sink: &mut dyn TraceSink = match &mut against {
        Some(against) => against,
        None => &mut Unwatched,
    };
    let outcome = run(scenario, seed, watcher, sink)?;
    if outcome.stopped {
        return Ok(Replayed::Stopped);
    }
    if outcome.trace_hash == hash {
        return Ok(Replayed::Same);
    }
    let parts = against.and_then(Against::end);
    Ok(Replayed::Differs(Box::new(Difference { hash: outcome.trace_hash, parts })))
}

/// Holds rows against kept ones until the first that differs.
struct Against<'a> {
    kept: Box<dyn Iterator<Item = ReadRow> + 'a>,
    row: u64,
    before: VecDeque<ReadRow>,
    parts: Option<Parting>,
}

impl TraceSink for Against<'_> {
    fn row(&mut self, row: &TraceRow) {
        if self.parts.is_some() {
            return;
        }
        let (then, now) = (self.kept.next(), kept(row));
        if then.as_ref() != Some(&now) {
            self.part(then, Some(now));
            return;
        }
        if self.before.len() == BEFORE {
            self.before.pop_front();
        }
        self.before.push_back(now);
        self.row += 1;
    }
}

impl Against<'_> {
    fn part(&mut self, then: Option<ReadRow>, now: Option<ReadRow>) {
        let before = std::mem::take(&mut self.before).into();
        self.parts = Some(Parting { row: self.row, before, then, now });
    }

    /// Where they part, now that the run has ended: perhaps only in that more was kept.
    fn end(mut self) -> Option<Parting> {
        if self.parts.is_none()
            && let Some(then) = self.kept.next()
        {
            self.part(Some(then), None);
        }
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use crate::result::TraceKind;

    /// Rows with these numbers as bytes.
    fn runs(
        bytes: &'static [u64],
    ) -> impl Fn(
        &Scenario,
        u64,
        &mut dyn Watcher,
        &mut dyn TraceSink,
    ) -> Result<crate::result::Outcome, RunError>
    + Sync {
        move |scenario, seed, watcher, trace| {
            let mut outcome = fake::run(scenario, seed, watcher, trace)?;
            for bytes in bytes {
                trace.row(&fake::row(TraceKind::Sent, *bytes));
            }
            outcome.trace_hash = format!("{bytes:?}");
            Ok(outcome)
        }
    }

    fn rows(bytes: &[u64]) -> Vec<ReadRow> {
        bytes.iter().map(|bytes| kept(&fake::row(TraceKind::Sent, *bytes))).collect()
    }

    fn against(then: &'static [u64], now: &'static [u64]) -> Replayed {
        let rows = Box::new(rows(then).into_iter());
        let hash = format!("{then:?}");
        let scenario = fake::smallest();
        replay(&scenario, 1, &hash, Some(rows), &runs(now), &mut Unwatched).unwrap()
    }

    fn parting(then: &'static [u64], now: &'static [u64]) -> Parting {
        match against(then, now) {
            Replayed::Differs(difference) => difference.parts.expect("the rows were kept"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_trace_is_the_same() {
        assert!(matches!(against(&[1, 2, 3], &[1, 2, 3]), Replayed::Same));
    }

    #[test]
    fn the_first_row_that_differs_is_found_with_what_came_before() {
        let parts = parting(&[1, 2, 3, 4, 5, 6, 7, 8], &[1, 2, 3, 4, 5, 6, 9, 10]);
        assert_eq!(parts.row, 6);
        assert_eq!(parts.before, rows(&[2, 3, 4, 5, 6]));
        assert_eq!((parts.then, parts.now), (rows(&[7]).pop(), rows(&[9]).pop()));
    }

    #[test]
    fn a_trace_that_ends_early_differs_where_it_ends() {
        let shorter = parting(&[1, 2], &[1]);
        assert_eq!((shorter.row, shorter.then, shorter.now), (1, rows(&[2]).pop(), None));
        let longer = parting(&[1], &[1, 2]);
        assert_eq!((longer.row, longer.then, longer.now), (1, None, rows(&[2]).pop()));
    }

    #[test]
    fn without_kept_rows_a_difference_is_still_one() {
        let (scenario, run) = (fake::smallest(), runs(&[1]));
        let replayed = replay(&scenario, 1, "[2]", None, &run, &mut Unwatched).unwrap();
        let Replayed::Differs(difference) = replayed else { panic!("{replayed:?}") };
        assert_eq!((difference.hash.as_str(), difference.parts), ("[1]", None));
    }
}
