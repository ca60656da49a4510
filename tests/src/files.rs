//! Files below a folder, and a store put aside and put back.

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

/// What of a node's data is its store.
const STORE: [&str; 2] = ["store.redb", "store.packs"];

/// Puts the store of the data in one folder, both its file and its packs, in the place of another's.
///
/// # Panics
/// When the disk fails.
pub fn copy_store(from: &Path, to: &Path) {
    let [file, packs] = STORE;
    std::fs::copy(from.join(file), to.join(file)).expect("a folder of the test");
    let (from, to) = (from.join(packs), to.join(packs));
    if to.exists() {
        std::fs::remove_dir_all(&to).expect("a folder of the test");
    }
    std::fs::create_dir(&to).expect("a folder of the test");
    for pack in files(&from) {
        let name = pack.file_name().expect("it has a name");
        std::fs::copy(&pack, to.join(name)).expect("a folder of the test");
    }
}
