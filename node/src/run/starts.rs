//! How often the node started, kept beside its store: a store that knows of fewer starts was put back from an older copy.

use std::fs;
use std::path::{Path, PathBuf};

use super::identity::write_durably;
use crate::driver::Starts;

/// What the file at `path` says, and how the next number gets there.
pub(super) fn beside(path: PathBuf) -> Starts {
    Starts { known: known(&path), keep: Box::new(move |number| remember(&path, number)) }
}

/// The number there; nothing counts where there is none.
pub(super) fn known(path: &Path) -> u64 {
    let kept = fs::read_to_string(path).ok();
    kept.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn remember(path: &Path, number: u64) {
    if let Err(error) = write_durably(path, format!("{number}\n").as_bytes()) {
        tracing::warn!(%error, "the number of this start could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_and_what_is_none_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("starts");
        assert_eq!(beside(path.clone()).known, 0);
        (beside(path.clone()).keep)(7);
        assert_eq!(beside(path.clone()).known, 7);
        fs::write(&path, "seven").unwrap();
        assert_eq!(beside(path).known, 0);
    }
}
