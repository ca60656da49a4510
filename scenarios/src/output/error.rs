//! What goes wrong with files.

use std::path::{Path, PathBuf};

/// A file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    what: String,
}

impl WriteError {
    pub(crate) fn at(path: &Path, what: impl ToString) -> Self {
        Self { path: path.to_owned(), what: what.to_string() }
    }
}
