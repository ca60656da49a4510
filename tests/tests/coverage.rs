//! COVERAGE.md tells the truth: every test and every step of the demo that it names is in the tree,
//! and every row that must be there has one.

use std::fs;
use std::path::{Path, PathBuf};

/// The rows that have to be proven, beside those that COVERAGE.md puts off.
const ROWS: &[&str] = &[
    "C1", "C2", "C3", "C4", "R1", "R2", "R3", "R4", "R8", "R9", "R10", "R11", "R12", "R13", "R14",
    "R15", "R16", "R17", "R18", "R19", "N1", "N2", "N3", "N4", "N5", "N8",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn coverage() -> String {
    fs::read_to_string(root().join("tests/COVERAGE.md")).unwrap()
}

/// What stands between each pair of `quotes`, in lines that begin a row.
fn quoted(text: &str, quote: char) -> Vec<&str> {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split(quote).skip(1).step_by(2))
        .collect()
}

#[test]
fn every_test_that_coverage_names_is_in_the_tree() {
    let text = coverage();
    let tests: Vec<_> =
        quoted(&text, '`').into_iter().filter_map(|quoted| quoted.split_once("::")).collect();
    assert!(tests.len() > 40, "COVERAGE.md was not understood");
    let missing: Vec<_> = tests
        .into_iter()
        .filter(|(file, name)| {
            let Ok(source) = fs::read_to_string(root().join(file)) else { return true };
            !source.contains(&format!("fn {name}("))
        })
        .collect();
    assert!(missing.is_empty(), "COVERAGE.md names tests that are not there: {missing:#?}");
}

#[test]
fn every_step_that_coverage_names_is_in_the_demo() {
    let files = fs::read_dir(root().join("cli/src/command/demo")).unwrap();
    let story: String =
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let text = coverage();
    let steps = quoted(&text, '"');
    assert!(steps.len() > 10, "COVERAGE.md was not understood");
    let missing: Vec<_> =
        steps.into_iter().filter(|step| !story.contains(&format!("\"{step}\""))).collect();
    assert!(missing.is_empty(), "COVERAGE.md names steps that are not told: {missing:#?}");
}

#[test]
fn every_script_that_coverage_names_is_there() {
    for script in quoted(&coverage(), '`').into_iter().filter(|name| name.starts_with("scripts/")) {
        assert!(root().join(script).exists(), "{script} is not there");
    }
}

#[test]
fn every_row_has_its_proof_and_its_command() {
    let text = coverage();
    for row in ROWS {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("| {row} |")))
            .unwrap_or_else(|| panic!("COVERAGE.md has no row {row}"));
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "row {row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "row {row} has an empty cell");
        let proof = cells[2];
        let other = proof.strip_prefix("as ").map(|rest| rest.split(';').next().unwrap());
        assert!(
            proof.contains("::") || other.is_some_and(|other| ROWS.contains(&other)),
            "row {row} names no test and no other row"
        );
    }
}
