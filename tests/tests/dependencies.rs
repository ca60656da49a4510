//! The list of dependencies is deliberate: each has its line in docs/decisions.

use std::fs;
use std::path::Path;

#[test]
fn every_dependency_of_the_workspace_has_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let reasons = fs::read_to_string(root.join("docs/decisions/0009-dependencies.md")).unwrap();
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
