//! The list of dependencies is deliberate: each has its line in docs/decisions, and an institution installs
//! no more of them than its node needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Crates, ours included, in what an institution installs.
const INSTALLED_MAX: usize = 346;
/// What simulates, draws, attacks or fails on purpose.
const NOT_INSTALLED: [&str; 5] =
    ["chartmesh-kit", "chartmesh-processes", "chartmesh-scenarios", "parquet", "resvg"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All that the program is built of with some features, each as its name and version.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "chartmesh", "--locked", "--offline"])
        .args(["--edges", "normal", "--prefix", "none"])
        .args(features)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

fn among(crates: &BTreeSet<String>) -> Vec<&'static str> {
    let is_there = |name: &&str| {
        crates.iter().any(|line| line.split(' ').next().is_some_and(|of| of == *name))
    };
    NOT_INSTALLED.into_iter().filter(is_there).collect()
}

#[test]
fn every_dependency_of_the_workspace_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let reasons = fs::read_to_string(root().join("docs/decisions/0009-dependencies.md")).unwrap();
    let names: Vec<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with("chartmesh-"))
        .collect();
    assert!(names.len() > 20, "the list in Cargo.toml was not found");
    let missing: Vec<_> =
        names.iter().filter(|name| !reasons.contains(&format!("`{name}`"))).collect();
    assert!(
        missing.is_empty(),
        "docs/decisions/0009-dependencies.md gives no reason for {missing:?}"
    );
}

#[test]
fn an_institution_installs_few_crates_and_none_that_simulates_or_attacks() {
    let installed = crates(&["--no-default-features", "--features", "node"]);
    assert!(among(&installed).is_empty(), "{:?}", among(&installed));
    assert!(installed.len() <= INSTALLED_MAX, "{} crates", installed.len());
    // With all its commands the program has them: they would be found, and counted.
    let whole = crates(&[]);
    assert_eq!(among(&whole), NOT_INSTALLED);
    assert!(whole.len() > INSTALLED_MAX && whole.is_superset(&installed));
}
