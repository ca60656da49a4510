//! What is loaded, and what is refused in which words.

mod changes;
mod properties;
mod refusals;
mod tables;

use super::*;
use std::fs;
use std::path::Path;

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/files");

fn starter() -> String {
    new_scenario("first")
}

fn read(text: &str) -> Result<Scenario, LoadError> {
    parse(text, "x.toml", Path::new(""))
}

/// The starter with every key that is off switched on.
fn all_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with([' ', ':']) && !key.is_empty() => key.to_owned(),
        _ => line.to_owned(),
    };
    starter().lines().map(on).collect::<Vec<_>>().join("\n")
}

#[test]
fn new_scenario_is_one_as_it_stands_and_with_every_key_on() {
    let first = read(&starter()).unwrap();
    assert_eq!((first.name.as_str(), first.hospitals.len()), ("first", 2));
    let all = read(&all_on()).unwrap();
    assert!(all.policy.max_staleness.is_some() && all.sweep.len() == 2 && all.events.len() == 3);
}

#[test]
fn new_scenario_shows_every_key() {
    let written: std::collections::BTreeSet<_> = all_on()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_lowercase() && c != '_'))
        .map(str::to_owned)
        .chain(starter().lines().flat_map(|line| line.split([' ', '`'])).map(str::to_owned))
        .collect();
    let mut missing = Vec::new();
    let definitions = schema::value()["definitions"].as_object().unwrap();
    for shape in definitions.values().chain([schema::value()]) {
        for key in shape["properties"].as_object().into_iter().flat_map(|keys| keys.keys()) {
            if !written.contains(key) && !["values_ms", "at_s"].contains(&key.as_str()) {
                missing.push(key.clone());
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn schema_beside_the_files_is_current() {
    let path = format!("{DIR}/scenario.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, json_schema()).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap();
    assert!(there == json_schema(), "UPDATE_SCHEMA=1 cargo test -p chartmesh-scenarios schema");
}

#[test]
fn every_shipped_file_is_a_scenario_under_its_name() {
    let mut names = Vec::new();
    for file in fs::read_dir(DIR).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#:schema scenario.schema.json\n"), "{name}");
        let scenario = load(&path).unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(scenario.name, name);
        assert!(scenario.question.ends_with('?'), "{name} asks something");
        assert_eq!(parse(&scenario.to_toml(), "again", Path::new("nowhere")).unwrap(), scenario);
        names.push(name);
    }
    names.sort();
    let first = ["calibration", "freshness", "growth", "home-routers", "hospital-merger"];
    let then = ["hostile-member", "hostile-provider", "large", "mass-revocation", "provider-loss"];
    let more = ["regional-outage", "smoke", "thousand", "ward", "weather"];
    assert_eq!(names, [&first[..], &then, &more].concat());
}
