//! Simulations from the command line.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

/// Two clinics whose patients are asked a few times within an hour.
const SMALL: &str = r#"
schema = "chartmesh-sim/1"
name = "small"
duration = "1h"

[[region]]
id = "north"

[[hospitals]]
id = "clinic"
region = "north"
count = 2
patients = 2
relays = "phone"
entries = 1

[[relays]]
id = "phone"

[patients]
reaction = "2min"

[[work]]
do = "download"
rate = "4/h"

[[event]]
at = "20min"
do = "stop"
target = "clinic-1"
for = "5min"

[[event]]
at = "40min"
do = "stop"
target = "clinic-2"
for = "5min"
"#;

fn sim(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::cargo_bin("chartmesh").expect("the binary is built for this test");
    command.current_dir(dir).arg("sim").args(args).output().expect("it can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}

/// A folder with `small.toml` in it.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    dir
}

#[test]
fn a_run_leaves_a_manifest_from_which_it_is_replayed_with_the_same_trace() {
    let dir = folder();
    let run = sim(dir.path(), &["run", "small.toml", "--seed", "7", "--out", "out", "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let manifest = json(&run);
    assert_eq!(
        (manifest["seed"].as_u64(), manifest["stand_ins"].as_bool()),
        (Some(7), Some(false))
    );
    assert!(manifest["trace_rows"].as_u64() > Some(10), "{manifest}");
    // The manifest alone is enough.
    fs::copy(dir.path().join("out/manifest.json"), dir.path().join("alone.json")).unwrap();
    for run in ["out", "alone.json"] {
        let replay = sim(dir.path(), &["replay", run]);
        assert!(replay.status.success(), "{}", text(&replay.stderr));
        assert!(text(&replay.stdout).contains(manifest["trace_hash"].as_str().unwrap()));
    }
    let once_more = sim(dir.path(), &["run", "small.toml", "--out", "out"]);
    assert_eq!(once_more.status.code(), Some(7), "a run is not overwritten unasked");
}

#[test]
fn a_replay_of_another_trace_shows_the_first_row_that_differs() {
    let dir = folder();
    let run = sim(dir.path(), &["run", "small.toml", "--out", "out"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let path = dir.path().join("out/manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["seed"] = 2.into();
    fs::write(&path, manifest.to_string()).unwrap();
    let replay = sim(dir.path(), &["replay", "out"]);
    assert_eq!(replay.status.code(), Some(11), "{}", text(&replay.stderr));
    let said = text(&replay.stdout);
    assert!(said.contains("the traces part at row "), "{said}");
    assert!(said.contains("  then  d0 ") && said.contains("  now   d0 "), "{said}");
}

#[test]
fn what_became_of_a_message_can_be_asked_with_and_without_the_trace() {
    let dir = folder();
    let run = sim(dir.path(), &["run", "small.toml", "--out", "out"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let list = json(&sim(dir.path(), &["explain", "out", "--json"]));
    let thread = list.as_array().unwrap().iter().find(|thread| thread["end"] == "done").unwrap();
    let id = thread["id"].as_str().unwrap();
    let told = sim(dir.path(), &["explain", "out", id]);
    assert!(
        text(&told.stdout).contains("with `done`: the receiver did it"),
        "{}",
        text(&told.stdout)
    );
    fs::remove_file(dir.path().join("out/trace.parquet")).unwrap();
    let again = sim(dir.path(), &["explain", "out", id]);
    assert_eq!(text(&again.stdout), text(&told.stdout), "{}", text(&again.stderr));
}

#[test]
fn a_run_that_is_not_as_expected_ends_with_its_own_code_and_is_made_smaller() {
    let dir = folder();
    let expected = format!("{SMALL}\n[[expect]]\nmetric = \"messages.total\"\nbelow = 1\n");
    fs::write(dir.path().join("failing.toml"), expected).unwrap();
    let run = sim(dir.path(), &["run", "failing.toml", "--seed", "3", "--out", "out"]);
    assert_eq!(run.status.code(), Some(10), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("next: chartmesh sim shrink out"), "{}", text(&run.stderr));
    let shrink = json(&sim(dir.path(), &["shrink", "out", "--out", "less.toml", "--json"]));
    assert_eq!(shrink["minimal"], true);
    assert_eq!(shrink["scenario"]["event"], Value::Array(Vec::new()), "{shrink}");
    // The one command that it names fails alike.
    assert_eq!(shrink["command"], "chartmesh sim run less.toml --seed 3");
    let again = sim(dir.path(), &["run", "less.toml", "--seed", "3"]);
    assert_eq!(again.status.code(), Some(10), "{}", text(&again.stderr));
    let held = sim(dir.path(), &["shrink", "small.toml"]);
    assert_eq!(held.status.code(), Some(7), "{}", text(&held.stderr));
}

#[test]
fn a_sweep_goes_on_where_it_was_and_its_points_can_be_compared() {
    let dir = folder();
    let sweep = |seeds: &str| {
        let vary = ["--vary", "patients.reaction=2min,20min", "--seeds", seeds, "--out", "swept"];
        sim(dir.path(), &[&["sweep", "small.toml"], &vary[..]].concat())
    };
    assert!(sweep("2").status.success());
    let more = sweep("3");
    assert!(more.status.success(), "{}", text(&more.stderr));
    assert!(text(&more.stderr).contains("4 runs were there already"), "{}", text(&more.stderr));
    for file in ["sweep.csv", "sweep.parquet", "report.html"] {
        assert!(dir.path().join("swept").join(file).exists(), "{file}");
    }
    let runs = ["swept/runs/patients.reaction=2min", "swept/runs/patients.reaction=20min"];
    let compared = json(&sim(dir.path(), &["compare", runs[0], runs[1], "--json"]));
    assert_eq!(compared[0]["seeds"], 3);
    let figures = compared[0]["figures"].as_array().unwrap();
    let latency = figures.iter().find(|figure| figure["name"] == "consent_latency.median").unwrap();
    let difference = &latency["points"][1]["difference"];
    assert!(difference["value"].as_f64() > Some(60e6), "18 minutes more to decide: {difference}");
    assert!(difference["low"].as_f64().is_some(), "{difference}");
}

#[test]
fn ctrl_c_leaves_a_whole_run_of_the_time_until_then() {
    let dir = folder();
    // Far more than can be simulated while the test waits.
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("chartmesh"))
        .current_dir(dir.path())
        .args(["sim", "run", "small.toml", "--set", "duration=3000d", "--out", "out", "--no-trace"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The folder is there as soon as the run begins; the signal is heard from before that.
    let begun = Instant::now();
    while !dir.path().join("out").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let manifest: Value =
        serde_json::from_slice(&fs::read(dir.path().join("out/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["stopped"], true);
    let replay = sim(dir.path(), &["replay", "out"]);
    assert_eq!(replay.status.code(), Some(7), "half a trace is not compared");
}

#[test]
fn a_new_scenario_is_one_that_can_be_checked_and_mistakes_are_pointed_at() {
    let dir = folder();
    assert!(sim(dir.path(), &["new", "Flu 2027.toml"]).status.success());
    assert_eq!(sim(dir.path(), &["new", "Flu 2027.toml"]).status.code(), Some(7));
    let checked = sim(dir.path(), &["check", "Flu 2027.toml"]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert!(text(&checked.stdout).contains("hospitals"), "{}", text(&checked.stdout));
    fs::write(dir.path().join("bad.toml"), SMALL.replace("do = \"stop\"", "do = \"stopp\""))
        .unwrap();
    let bad = sim(dir.path(), &["check", "bad.toml"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad.stderr).contains("bad.toml:29:6"), "{}", text(&bad.stderr));
    assert!(text(&bad.stderr).contains("stop"), "{}", text(&bad.stderr));
    assert_eq!(sim(dir.path(), &["check", "none.toml"]).status.code(), Some(3));
    let schema = json(&sim(dir.path(), &["schema"]));
    assert!(schema["properties"]["hospitals"].is_object());
}

#[test]
fn stand_ins_are_a_program_of_their_own_and_it_says_how_to_build_it() {
    let dir = folder();
    let program = dir.path().join("chartmesh");
    fs::copy(assert_cmd::cargo::cargo_bin("chartmesh"), &program).unwrap();
    let fast = || {
        let mut command = std::process::Command::new(&program);
        command
            .current_dir(dir.path())
            .args(["sim", "run", "small.toml", "--fast"])
            .output()
            .unwrap()
    };
    let missing = fast();
    assert_eq!(missing.status.code(), Some(3));
    assert!(text(&missing.stderr).contains("cargo build --release -p chartmesh --no-default"));
    // Where it is, it takes over with the same arguments.
    let other = dir.path().join("chartmesh-sim");
    fs::write(&other, "#!/bin/sh\necho \"$@\"\n").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(text(&fast().stdout), "run small.toml --fast\n");
}
