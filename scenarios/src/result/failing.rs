//! What makes a run a failing one, and whether two runs fail alike.

use super::{Expectation, Outcome};
use std::fmt;

/// Why a run fails: the first thing found, so that a smaller scenario can be told to fail alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failing {
    /// A checker found something.
    Checker(String),
    /// What the scenario expects did not come: another value, or nothing was measured.
    Expectation {
        /// What.
        what: String,
        /// Whether anything was measured: a scenario in which nothing happens fails in another way.
        measured: bool,
    },
    /// An assertion of our own code did not hold.
    Panic,
}

impl Failing {
    /// Why a run fails; none when everything held.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let violation = outcome.violations.first().map(|v| Self::Checker(v.checker.to_string()));
        // What was stopped half-way is not held to what is expected of the whole.
        let expected = outcome.expectations.iter().find(|e| !e.held && !outcome.stopped);
        let expectation =
            |what: &str, measured| Self::Expectation { what: what.to_owned(), measured };
        violation.or_else(|| expected.map(|e| expectation(&e.what, e.came.is_some())))
    }

    /// Whether a run fails in this way, among others perhaps.
    #[must_use]
    pub fn is_in(&self, outcome: &Outcome) -> bool {
        match self {
            Self::Checker(checker) => outcome.violations.iter().any(|v| v.checker == *checker),
            Self::Expectation { what, measured } => {
                let same = |e: &Expectation| e.what == *what && e.came.is_some() == *measured;
                !outcome.stopped && outcome.expectations.iter().any(|e| !e.held && same(e))
            }
            Self::Panic => false,
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checker(checker) => write!(f, "the checker `{checker}` finds something"),
            Self::Expectation { what, .. } => write!(f, "`{what}` does not hold"),
            Self::Panic => write!(f, "the program panics"),
        }
    }
}
