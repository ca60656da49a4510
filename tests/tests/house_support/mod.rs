//! The sources, as the tests of the house read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the repository")
}

/// One line, and where it stands.
pub(crate) struct Line {
    pub(crate) file: String,
    pub(crate) at: usize,
    pub(crate) text: String,
}

impl Line {
    /// For a person.
    pub(crate) fn shown(&self) -> String {
        format!("{}:{}: {}", self.file, self.at, self.text)
    }

    pub(crate) fn is_comment(&self) -> bool {
        self.text.starts_with("//")
    }
}

/// All files and folders below a folder, but for what is built and what git keeps.
pub(crate) fn paths(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut ahead = vec![root().join(folder)];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            if ["target", ".git"].contains(&name) {
                continue;
            }
            let shown = path.strip_prefix(root()).expect("below the root");
            found.push(shown.to_str().expect("a path").to_owned());
            if path.is_dir() {
                ahead.push(path);
            }
        }
    }
    found
}

/// Rust files below a folder.
pub(crate) fn sources(folder: &str) -> Vec<String> {
    let files: Vec<String> =
        paths(folder).into_iter().filter(|path| path.ends_with(".rs")).collect();
    assert!(files.len() > 3, "{folder}: no sources were found");
    files
}

/// Whether a file holds tests and nothing else.
pub(crate) fn is_of_tests(file: &str) -> bool {
    let is = |part: &str| {
        let part = part.trim_end_matches(".rs");
        part == "benches"
            || part.ends_with("properties")
            || part.ends_with("property")
            || part == "vectors"
            || part == "tests"
            || part == "test_data"
    };
    let file = PathBuf::from(file);
    // The crate of tests has a `src` like any other.
    let parts = file.iter().filter_map(|part| part.to_str()).skip(1);
    parts.into_iter().any(is)
}

/// The lines of a file; of the program those alone that are not of its tests.
pub(crate) fn lines(file: &str, program_only: bool) -> Vec<Line> {
    let text = fs::read_to_string(root().join(file)).expect("a text file");
    let mut lines = text.lines().enumerate();
    let mut kept = Vec::new();
    while let Some((at, line)) = lines.next() {
        if program_only && line.trim() == "#[cfg(test)]" {
            skip_item(&mut lines);
        } else {
            kept.push(Line { file: file.to_owned(), at: at + 1, text: line.trim().to_owned() });
        }
    }
    kept
}

/// Passes over the item behind an attribute: to the end of its line, or to the brace that closes it.
fn skip_item<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let Some((_, first)) = lines.find(|(_, line)| !line.trim().starts_with("#[")) else { return };
    let indent = first.len() - first.trim_start().len();
    let (mut line, closes) = (first, |line: &str| {
        line.len() - line.trim_start().len() == indent && line.trim_start().starts_with(['}', ')'])
    });
    while !line.trim_end().ends_with([';', ',', '}']) || (line != first && !closes(line)) {
        let Some((_, next)) = lines.next() else { return };
        line = next;
    }
}

/// The program's lines below some folders.
pub(crate) fn program(folders: &[&str]) -> Vec<Line> {
    let files = folders.iter().flat_map(|folder| sources(folder));
    files.filter(|file| !is_of_tests(file)).flat_map(|file| lines(&file, true)).collect()
}

/// Fails with all that is wrong, if anything is.
pub(crate) fn none(wrong: impl Iterator<Item = String>, instead: &str) {
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{instead}:\n{}", wrong.join("\n"));
}
