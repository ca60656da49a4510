//! Real files for tests, where someone has put them.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

/// The files in the folder `name` below the one that the environment variable CHARTMESH_TEST_DATA
/// names, in order; none, and a word about it, when it names none.
pub(crate) fn files(name: &str, ending: &str) -> Vec<PathBuf> {
    let Some(parent) = std::env::var_os("CHARTMESH_TEST_DATA") else {
        // Not by eprintln: the test harness would keep it to itself.
        let note = format!("SKIPPED: CHARTMESH_TEST_DATA names no folder with real {name} files\n");
        std::io::stderr().write_all(note.as_bytes()).expect("standard error is open");
        return Vec::new();
    };
    let folder = PathBuf::from(parent).join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no {ending} files", folder.display());
    files
}
