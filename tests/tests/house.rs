//! What CONTRIBUTING.md says of the house, held against its sources.

mod house_support;

use house_support::{Line, is_of_tests, lines, none, paths, program, root, sources};
use std::collections::BTreeSet;
use std::fs;

/// The crates, or the part of one, that read what others wrote.
const READERS: [&str; 4] = ["protocol/src", "node/src", "cli/src", "scenarios/src/scenario"];
/// Lines of the longest file.
const FILE_LINES_MAX: usize = 600;
/// What macros write, for which nobody knows whether a lint will be silenced, and the node's files within the fuzz
/// targets, of which some parts are not used there.
const MAY_ALLOW: [&str; 3] =
    ["protocol/src/base/codec/types.rs", "protocol/src/base/reason/declare.rs", "fuzz/src/lib.rs"];
/// One looks again after a while; the other kills at a moment that chance chose.
const MAY_SLEEP: [&str; 2] = ["tests/src/patience.rs", "tests/tests/kills.rs"];
/// Files of the protocol outside of a feature's folder that name it.
const NAME_A_FEATURE_MAX: usize = 5;

fn contributing() -> String {
    fs::read_to_string(root().join("CONTRIBUTING.md")).expect("a text file")
}

/// The constant that a line declares, and its value.
fn constant(line: &str) -> Option<(&str, &str)> {
    let (_, declared) = line.split_once("const ")?;
    let (name, value) = declared.split_once(':')?;
    let value = value.split_once(" = ")?.1.trim_end_matches(';');
    let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_name.then_some((name, value))
}

fn is_a_bound(name: &str) -> bool {
    name.split('_').any(|word| ["MAX", "LIMIT", "TIMEOUT"].contains(&word))
}

/// A bound that stands in no list of bounds, and is not taken from one.
fn out_of_place(line: &Line) -> bool {
    let Some((name, value)) = constant(&line.text) else { return false };
    let has_its_place = line.file.ends_with("/limits.rs") || value.starts_with("limits::");
    is_a_bound(name) && !has_its_place
}

#[test]
fn bounds_stand_in_one_place() {
    let made = |text: &str| Line { file: "made.rs".into(), at: 1, text: text.into() };
    assert!(out_of_place(&made("pub(crate) const NAME_BYTES_MAX: usize = 64;")));
    assert!(!out_of_place(&made("const LIMIT: usize = limits::STATEMENT_BYTES_MAX;")));
    let wrong = program(&READERS).into_iter().filter(out_of_place);
    none(wrong.map(|line| line.shown()), "write these in `limits.rs`, each with its reason");
}

/// The number that a line's end begins with.
fn number(rest: &str) -> Option<u64> {
    let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
    rest[..digits].replace('_', "").parse().ok()
}

/// Whether it compares a length with a number, or takes so many.
fn has_a_bare_bound(line: &str) -> bool {
    ["len() > ", "len() >= ", "count() > ", "count() >= ", ".take(", ".truncate("]
        .iter()
        .filter_map(|before| number(line.split_once(before)?.1))
        .any(|number| number > 1)
}

#[test]
fn the_protocol_has_no_bound_without_a_name() {
    assert!(has_a_bare_bound("if name.len() > 200 {") && has_a_bare_bound("found.truncate(8);"));
    assert!(!has_a_bare_bound("if names.len() > 1 {") && !has_a_bare_bound("list.take(HEADS_MAX)"));
    let lines = program(&["protocol/src"]);
    let wrong = lines.iter().filter(|line| has_a_bare_bound(&line.text)).map(Line::shown);
    none(wrong, "numbers for `protocol/src/base/limits.rs`");
}

/// The protocol's stand in a macro that takes none without a reason.
#[test]
fn every_bound_has_its_reason() {
    let lines = program(&READERS);
    let bounds = lines
        .windows(2)
        .filter(|pair| pair[1].file.ends_with("/limits.rs") && constant(&pair[1].text).is_some());
    let (mut count, mut wrong) = (0, Vec::new());
    for pair in bounds {
        count += 1;
        let above = &pair[0].text;
        if !above.starts_with("///")
            && !above.starts_with("#[cfg(")
            && !pair[1].text.contains("_: ")
        {
            wrong.push(pair[1].shown());
        }
    }
    assert!(count > 50, "the lists of bounds were not found");
    none(wrong.into_iter(), "say why it is so much");
}

#[test]
fn a_crate_imports_what_the_table_says() {
    let text = contributing();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let mut seen = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (folder, may) = (cells[0].trim_matches('`'), cells[2]);
        let allowed: BTreeSet<&str> = may.split('`').skip(1).step_by(2).collect();
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml"));
        let manifest: toml::Table = manifest.expect("a manifest").parse().expect("a manifest");
        let dependencies = manifest["dependencies"].as_table().expect("a table");
        let ours = dependencies.keys().filter_map(|name| name.strip_prefix("chartmesh-"));
        let folder_of = |name: &str| match name {
            "kit" => "tests/kit".to_owned(),
            "models" => "tests/models".to_owned(),
            "processes" => "scenarios/processes".to_owned(),
            name => name.to_owned(),
        };
        let taken: BTreeSet<String> = ours.map(folder_of).collect();
        let is_allowed = |name: &String| may == "all" || allowed.contains(name.as_str());
        let wrong: Vec<_> = taken.iter().filter(|name| !is_allowed(name)).collect();
        assert!(wrong.is_empty(), "{folder} imports {wrong:?}, which CONTRIBUTING.md does not say");
        let alone = cells[1].contains("a workspace of its own");
        assert_eq!(manifest.contains_key("workspace"), alone, "{folder}: a workspace of its own?");
        seen += 1;
    }
    assert!(seen > 7, "CONTRIBUTING.md was not understood");
}

#[test]
fn every_path_that_contributing_names_is_there() {
    let (text, all) = (contributing(), paths(""));
    // The feature that it tells of is made up; its files are called like those of one that is there.
    let text = text.replace("inquiry", "record");
    let is_path = |word: &str| {
        (word.contains('/') || word.ends_with(".rs") || word.ends_with(".toml"))
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
    };
    let named: BTreeSet<&str> = text
        .split(|c: char| c.is_whitespace() || "`(),;".contains(c))
        .map(|word| word.trim_end_matches(['.', ':']).trim_end_matches('/'))
        .filter(|word| is_path(word))
        .collect();
    assert!(named.len() > 30, "CONTRIBUTING.md was not understood");
    // Paths within a crate or a feature are told from there.
    let is_there =
        |word: &str| all.iter().any(|path| path == word || path.ends_with(&format!("/{word}")));
    none(
        named.into_iter().filter(|word| !is_there(word)).map(str::to_owned),
        "CONTRIBUTING.md names what is not there",
    );
}

/// Whether a line names the room of a feature: in a path, as a module, or in the table of features.
fn names_room(line: &str, room: &str) -> bool {
    let path = format!("{room}::");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(&path).any(|(at, _)| !line[..at].ends_with(is_name))
        || line.ends_with(&format!("mod {room};"))
        || line.ends_with(&format!(": {room},"))
}

#[test]
fn a_feature_is_named_in_five_files_outside_of_its_folder_at_most() {
    assert!(
        names_room("use crate::record::Kind;", "record") && !names_room("a_record::of", "record")
    );
    assert!(
        names_room("3 => Record: record,", "record") && !names_room("record: Record,", "record")
    );
    let lines = program(&["protocol/src"]);
    let lines = lines
        .iter()
        .filter(|line| !line.is_comment() && !line.file.starts_with("protocol/src/vectors"));
    let folders = fs::read_dir(root().join("protocol/src/features")).expect("a folder");
    let folders = folders.flatten().filter(|entry| entry.path().is_dir());
    let (mut count, mut wrong) = (0, Vec::new());
    for folder in folders {
        let room = folder.file_name().into_string().expect("a name");
        let within = format!("protocol/src/features/{room}/");
        let outside = lines.clone().filter(|line| !line.file.starts_with(&within));
        let named = outside.filter(|line| names_room(&line.text, &room));
        let files: BTreeSet<_> = named.map(|line| line.file.as_str()).collect();
        assert!(files.contains("protocol/src/peer/features.rs"), "the table of features: {room}");
        count += 1;
        if files.len() > NAME_A_FEATURE_MAX {
            wrong.push(format!("{room}: {files:?}"));
        }
    }
    assert!(count > 5, "the features were not found");
    none(wrong.into_iter(), "let the feature's `Machine` do it, or a `Notice`");
}

#[test]
fn a_lint_is_silenced_by_expect_only() {
    let files = sources("").into_iter().filter(|file| !MAY_ALLOW.contains(&file.as_str()));
    let lines = files.flat_map(|file| lines(&file, false));
    let wrong = lines
        .filter(|line| line.text.starts_with("#[allow(") || line.text.starts_with("#![allow("));
    none(wrong.map(|line| line.shown()), "say `#[expect(..., reason = \"...\")]`");
}

#[test]
fn the_command_line_prints_in_one_place_and_has_one_list_of_exit_codes() {
    let lines = program(&["cli/src"]);
    let elsewhere = |line: &&Line, places: &[&str]| {
        !line.is_comment() && !places.iter().any(|place| line.file.ends_with(place))
    };
    // The demo tells a story, to be read by a person.
    let prints = lines.iter().filter(|line| elsewhere(line, &["/output.rs", "/demo/tell.rs"]));
    let wrong = prints.filter(|line| {
        ["print!(", "println!(", "stdout().lock", "stderr().lock"]
            .iter()
            .any(|word| line.text.contains(word))
    });
    none(wrong.map(Line::shown), "print by `output.rs`");
    let ends = lines.iter().filter(|line| {
        line.text.contains("process::exit(") || line.text.contains("ExitCode::from(")
    });
    let wrong =
        ends.filter(|line| !line.text.contains("Exit::") && !line.text.contains(".exit as u8"));
    none(wrong.map(Line::shown), "end with a code of `exit.rs`");
}

/// The name of the test that begins after an attribute, if one does.
fn named_test(after: &[Line]) -> Option<&str> {
    let function =
        after.iter().map(|line| line.text.as_str()).find(|line| !line.starts_with('#'))?;
    let (_, name) = function.split_once("fn ")?;
    name.split('(').next()
}

#[test]
fn names_of_tests_are_sentences() {
    let (mut count, mut wrong) = (0, Vec::new());
    for file in sources("") {
        let lines = lines(&file, false);
        for (at, line) in lines.iter().enumerate() {
            if line.text != "#[test]" && !line.text.starts_with("#[tokio::test") {
                continue;
            }
            count += 1;
            let name = named_test(&lines[at + 1..]).unwrap_or_default();
            if name.split('_').count() < 3 && !name.starts_with('$') {
                wrong.push(format!("{}: {name}", line.shown()));
            }
        }
    }
    assert!(count > 500, "the tests were not found");
    none(wrong.into_iter(), "say what holds");
}

#[test]
fn tests_wait_for_what_they_want_and_never_sleep() {
    let of_tests = |file: &String| {
        (is_of_tests(file) || file.starts_with("tests/") || file.contains("/tests/"))
            && !MAY_SLEEP.contains(&file.as_str())
            && file != "tests/tests/house.rs"
    };
    let lines = sources("").into_iter().filter(of_tests).flat_map(|file| lines(&file, false));
    let wrong = lines
        .filter(|line| line.text.contains("thread::sleep(") || line.text.contains("time::sleep("));
    none(wrong.map(|line| line.shown()), "wait with `until` or `within`");
}

#[test]
fn a_file_has_one_idea() {
    let long = sources("").into_iter().filter_map(|file| {
        let count = lines(&file, false).len();
        (count > FILE_LINES_MAX).then(|| format!("{file}: {count} lines"))
    });
    none(long, "split these where a second idea begins");
}
