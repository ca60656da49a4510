//! The pages about the shipped scenarios cannot rot: each file has one, and what its commands name is there.

use chartmesh_scenarios::scenario::{Change, Document, Vary};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that ask nothing about the protocol: how fast the simulator is, and what its tiers differ by.
const BENCHMARKS: &[&str] = &["thousand", "large", "calibration", "ward"];
/// Pages about the simulator itself.
const TIERS: &[&str] = &["processes"];
const CALL: &str = "    cargo run --release -p chartmesh -- sim ";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn names(folder: &str, end: &str) -> BTreeSet<String> {
    let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
    let of_kind = files.filter(|path| path.extension().is_some_and(|is| is == end));
    of_kind.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(format!("docs/scenarios/{name}.md"))).unwrap()
}

/// The commands of a page, each as its words.
fn commands(page: &str) -> Vec<Vec<String>> {
    let joined = page.replace("\\\n", " ");
    let commands = joined.lines().filter_map(|line| line.strip_prefix(CALL));
    commands.map(words).collect()
}

/// As a shell reads them: what stands within single quotes is not taken apart.
fn words(line: &str) -> Vec<String> {
    let mut within = false;
    let apart = line.split(|c: char| {
        within ^= c == '\'';
        c.is_whitespace() && !within
    });
    apart.filter(|word| !word.is_empty()).map(|word| word.replace('\'', "")).collect()
}

#[test]
fn every_scenario_has_a_page_and_every_page_a_scenario() {
    let files: BTreeSet<_> = names("scenarios/files", "toml")
        .into_iter()
        .filter(|name| !BENCHMARKS.contains(&name.as_str()))
        .collect();
    let mut pages = names("docs/scenarios", "md");
    assert!(pages.remove("README"));
    for tier in TIERS {
        assert!(pages.remove(*tier) && page("README").contains(&format!("({tier}.md)")), "{tier}");
    }
    assert_eq!(files, pages);
    let index = page("README");
    for name in &files {
        assert!(index.contains(&format!("({name}.md)")), "the index leads to {name}");
        let asked = Document::read(&root().join(format!("scenarios/files/{name}.toml"))).unwrap();
        let question = asked.scenario().unwrap().question;
        assert!(page(name).contains(&question), "{name} asks what its file asks: {question}");
    }
}

#[test]
fn every_command_of_a_page_names_a_scenario_and_keys_that_are_there() {
    let mut pages = names("docs/scenarios", "md");
    pages.remove("README");
    pages.retain(|name| !TIERS.contains(&name.as_str()));
    for name in pages {
        let text = page(&name);
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{name} says how to run it");
        for words in commands {
            check(&name, &words);
            let out = words.iter().position(|word| word == "--out").map(|at| &words[at + 1]);
            assert!(out.is_some(), "{name}: {words:?} says where to");
        }
        for (folder, _) in text.match_indices("<!-- table ").map(|(at, mark)| {
            text[at + mark.len()..].split_once(": ").expect("a table says of which sweep")
        }) {
            assert!(text.contains(&format!("--out {folder}")), "{name}: {folder} is made there");
        }
    }
}

fn check(name: &str, words: &[String]) {
    assert!(["run", "sweep"].contains(&words[0].as_str()), "{name}: {words:?}");
    let document =
        Document::read(&root().join(&words[1])).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (mut set, mut varied) = (Vec::<Change>::new(), Vec::<Change>::new());
    let mut rest = words[2..].iter();
    while let Some(option) = rest.next() {
        if option == "--fast" {
            continue;
        }
        let value = rest.next().unwrap_or_else(|| panic!("{name}: {option} has no value"));
        match option.as_str() {
            "--set" => set.extend(value.parse::<Vary>().unwrap().changes()),
            "--vary" => varied.extend(value.parse::<Vary>().unwrap().changes()),
            "--seed" | "--seeds" | "--jobs" => assert!(value.parse::<u64>().is_ok(), "{name}"),
            "--out" => assert!(value.starts_with("target/scenarios/"), "{name}: {value}"),
            other => panic!("{name}: what is {other}?"),
        }
    }
    let with = |change: Option<Change>| {
        let changes: Vec<_> = set.iter().cloned().chain(change).collect();
        document.with(&changes).unwrap_or_else(|refused| panic!("{name}: {refused}"));
    };
    with(None);
    varied.into_iter().for_each(|change| with(Some(change)));
}
