//! Commands that are shown, so that they can be pasted; and what folders run into.

use std::path::Path;

use crate::exit::{Exit, Failure};

/// What writing or reading a run's folder ran into.
pub(super) fn folder(error: &chartmesh_scenarios::output::WriteError) -> Failure {
    Failure::new(Exit::Failed, error.to_string())
}

/// A word of a shell's command line.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

pub(super) fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_shown_can_be_pasted() {
        assert_eq!(quoted("policy.replicas=2"), "policy.replicas=2");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
