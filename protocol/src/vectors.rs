//! Test vectors: JSON under `protocol/vectors/<feature>/`, made by named functions of the tests.
//!
//! A test makes its vectors anew and compares them with the files, so that a change of any byte on
//! the wire is noticed. `UPDATE_VECTORS=1 cargo test -p chartmesh-protocol -- vectors capability::tests` rewrites the
//! files, for a change that is meant; the difference then shows in review. Those of bulk streams are the node's:
//! `node/tests/object_store/vectors.rs`.

#![expect(
    clippy::disallowed_methods,
    reason = "the vectors are files of the repository, for tests only"
)]
mod access_log;
mod backup;
mod catalogue;
mod code;
mod encoding;
mod hello;
mod identity;
mod message;
mod people;
mod record;
mod statement;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Compares `made` with `vectors/<feature>/<name>.json`, or rewrites that file when the environment
/// asks for it.
///
/// The files are of the real cryptography: with stand-ins there is nothing to compare.
///
/// # Panics
/// When they differ, saying where first.
pub(crate) fn check<T: Serialize>(feature: &str, name: &str, made: &T) {
    if crate::STAND_INS {
        return;
    }
    let path = path(feature, name);
    let mut made = serde_json::to_string_pretty(made).expect("a vector can be written as JSON");
    made.push('\n');
    if std::env::var_os("UPDATE_VECTORS").is_some_and(|value| value == "1") {
        let folder = path.parent().expect("the file stands in its feature's folder");
        std::fs::create_dir_all(folder).expect("the folder of the vectors can be made");
        std::fs::write(&path, made).expect("the vectors can be written");
        return;
    }
    let kept = read_text(&path);
    if let Some((line, (kept, made))) =
        kept.lines().zip(made.lines()).enumerate().find(|(_, (kept, made))| kept != made)
    {
        panic!(
            "{}:{}: the code no longer makes this vector\n  kept: {}\n  made: {}\n{HINT}",
            path.display(),
            line + 1,
            start_of(kept),
            start_of(made),
        );
    }
    assert_eq!(kept.len(), made.len(), "{}: lines are missing or too many\n{HINT}", path.display());
}

/// Reads `vectors/<feature>/<name>.json`, for a test that takes the file's word.
pub(crate) fn read<T: DeserializeOwned>(feature: &str, name: &str) -> T {
    let path = path(feature, name);
    serde_json::from_str(&read_text(&path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const HINT: &str = "If the change is meant, say so in CHANGELOG.md and rewrite the vectors: \
                    UPDATE_VECTORS=1 cargo test -p chartmesh-protocol -- vectors capability::tests";

fn path(feature: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(feature)
        .join(name)
        .with_extension("json")
}

fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}\n{HINT}", path.display()))
}

/// Enough of a line to find it by; some hold kilobytes of hexadecimal digits.
fn start_of(line: &str) -> String {
    line.chars().take(160).collect()
}
