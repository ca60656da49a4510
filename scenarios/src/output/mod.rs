//! What a run leaves behind: tables, plots, the report and the manifest.
//!
//! [`RunFolder::begin`] before the run, the folder as its trace's sink, [`RunFolder::finish`] with its outcome.
//! `docs/RESULTS.md` describes every file; it is made from [`schema`].

#[cfg(test)]
pub(crate) mod fake;
mod folder;
mod format;
mod manifest;
pub mod plot;
mod report;
pub mod schema;
mod table;

pub use folder::{Leave, RunFolder};
pub use manifest::{
    Cost, Expectation, Fault, FileRow, MANIFEST, Manifest, Mark, Measure, Version, Violation,
};
pub use table::{Formats, ReadRow, read_trace};

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
