//! Files below a folder.

use std::path::{Path, PathBuf};

/// Every plain file below `dir`, links and sockets left out, in the order of their names.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("a folder of the test")).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let kind = entry.file_type().expect("a folder of the test");
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}
