//! Files that are whole or not there.

use crate::output::WriteError;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file that is whole.
#[derive(Debug)]
pub(in crate::output) struct Written {
    pub(in crate::output) path: PathBuf,
    /// Of a table.
    pub(in crate::output) rows: Option<u64>,
}

/// The name of a file until it is whole.
pub(in crate::output) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Begins a file that gets its name by [`keep`].
pub(in crate::output) fn create(path: &Path) -> Result<File, WriteError> {
    let path = partial(path);
    File::create(&path).map_err(|error| WriteError::at(&path, error))
}

/// Gives a whole file its name.
pub(in crate::output) fn keep(path: &Path) -> Result<(), WriteError> {
    std::fs::rename(partial(path), path).map_err(|error| WriteError::at(path, error))
}

/// Writes a file whole or not at all.
pub(in crate::output) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let at = partial(path);
    std::fs::write(&at, bytes).map_err(|error| WriteError::at(&at, error))?;
    keep(path)
}
