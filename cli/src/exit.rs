//! How a command ends: one enum of exit codes, and the failure that a person reads.

use chartmesh_protocol::refusal::RefusalCode;

/// The exit codes, as the manual lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line is wrong; clap ends with the same code.
    Usage = 2,
    /// What it names is not here.
    NotFound = 3,
    /// The asker may not, or the patient said no.
    NotPermitted = 4,
    /// No node runs here.
    NotRunning = 5,
    /// The patient's keys, or the node's, are locked.
    Locked = 6,
    /// It does not fit the state of things: done already, too late, the wrong role, a bound.
    State = 7,
    /// What was received does not prove what it should.
    NotAuthentic = 8,
    /// What `--wait` waited for did not happen in time. It may still.
    TimedOut = 9,
    /// A simulation ran, and a checker found something or what was expected did not come.
    NotHeld = 10,
    /// A run that was repeated gave another trace.
    Differs = 11,
    /// Ctrl-C ended it, as the shell counts a signal: 128 and its number.
    Interrupted = 130,
}

/// The codes as `chartmesh --help` and the manual page show them.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong arguments
  3  not found
  4  not permitted, or the patient said no
  5  no node runs here
  6  keys are locked
  7  not possible in this state of things
  8  not authentic
  9  waited in vain
  10  simulated, and something did not hold
  11  replayed, and the trace is another
  130  ended with Ctrl-C";

impl From<RefusalCode> for Exit {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::Invalid => Self::Usage,
            RefusalCode::NotFound => Self::NotFound,
            RefusalCode::NotPermitted | RefusalCode::BadPermission => Self::NotPermitted,
            RefusalCode::Locked => Self::Locked,
            RefusalCode::WrongRole
            | RefusalCode::AlreadyDone
            | RefusalCode::WrongState
            | RefusalCode::LimitReached
            | RefusalCode::Expired => Self::State,
            RefusalCode::NotAuthentic => Self::NotAuthentic,
            RefusalCode::Unsupported => Self::Failed,
        }
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What happened, to what.
    pub(crate) text: String,
    /// What to do next, where the text does not say it.
    pub(crate) next: Option<String>,
}

/// What a command ends with.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), next: None }
    }

    /// With the next step.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// Of a file.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let (exit, next) = match error.kind() {
            ErrorKind::NotFound => (Exit::NotFound, Some("look at how the path is spelled")),
            ErrorKind::PermissionDenied => {
                (Exit::NotPermitted, Some("name another path, or have its permissions changed"))
            }
            ErrorKind::AlreadyExists => {
                (Exit::State, Some("name a new file: what is there is never overwritten"))
            }
            ErrorKind::StorageFull => {
                (Exit::Failed, Some("make room there, or name another place"))
            }
            _ => (Exit::Failed, None),
        };
        let text = format!("cannot {doing} {}: {error}", path.display());
        Self { exit, text, next: next.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_code() {
        for exit in [
            Exit::Failed,
            Exit::Usage,
            Exit::NotFound,
            Exit::NotPermitted,
            Exit::NotRunning,
            Exit::Locked,
            Exit::State,
            Exit::NotAuthentic,
            Exit::TimedOut,
            Exit::NotHeld,
            Exit::Differs,
            Exit::Interrupted,
        ] {
            assert!(TABLE.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
    }

    #[test]
    fn every_refusal_has_an_exit_code_that_says_it_failed() {
        for code in RefusalCode::ALL {
            assert_ne!(Exit::from(*code) as u8, 0, "{code:?}");
        }
    }
}
