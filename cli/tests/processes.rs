//! A scenario by real processes, beside the same by the core tier.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

/// One hospital asks another's patient, is permitted, reads, and once more after the patient took that back. Each
/// step has its time, so that no order is left to chance.
const BRIEF: &str = r#"
schema = "chartmesh-sim/1"
name = "brief"
duration = "15s"

[[region]]
id = "town"
[[region]]
id = "coast"
[[link]]
between = ["town", "town"]
latency = "20ms"
[[link]]
between = ["coast", "coast"]
latency = "20ms"
[[link]]
between = ["town", "coast"]
latency = "60ms"

[[hospitals]]
id = "clinic"
region = "town"
patients = 1
entries = 1
[[hospitals]]
id = "shore"
region = "coast"
[[providers]]
id = "vault"
region = "coast"
[[relays]]
id = "home"

[patients]
reaction = "500ms"

[[work]]
do = "deposit"
by = "clinic"
trace = { csv = "times.csv", column = "deposit" }
[[work]]
do = "download"
by = "shore"
trace = { csv = "times.csv", column = "download" }
[[work]]
do = "import"
by = "clinic"
trace = { csv = "times.csv", column = "import" }
[[work]]
do = "read"
by = "shore"
trace = { csv = "times.csv", column = "read" }
[[work]]
do = "collect-logs"
by = "clinic"
trace = { csv = "times.csv", column = "collect" }

[[event]]
at = "9s"
do = "revoke"
target = "clinic-1"

[measure]
every = "5s"
"#;

/// When, in seconds; what is after the end does not take place.
const TIMES: &str = "deposit,download,import,read,collect\n0.2,2,7,8,12\n99,99,99,11,99\n";

/// What the program's own work may add to a time that is otherwise the links': commits that a disk syncs, the
/// cryptography of two nodes, on a machine that runs other tests at the same time.
const ADDED_US: f64 = 400_000.0;

fn sim(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::cargo_bin("chartmesh").expect("the binary is built for this test");
    command.current_dir(dir).env("TMPDIR", dir).arg("sim").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("brief.toml"), BRIEF).unwrap();
    fs::write(dir.path().join("times.csv"), TIMES).unwrap();
    dir
}

fn manifest(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("manifest.json")).unwrap()).unwrap()
}

/// How often each thing was answered by a front door, and handled by a node, and how it ended.
fn happened(out: &Path) -> BTreeMap<(String, String, String), u32> {
    let table = fs::read_to_string(out.join("trace.csv")).unwrap();
    let mut lines = table.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| heads.iter().position(|head| *head == name).unwrap();
    let (kind, what, end) = (column("kind"), column("what"), column("end"));
    let mut counts = BTreeMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        if matches!(fields[kind], "answered" | "concluded") {
            let key = [kind, what, end].map(|column| fields[column].to_owned());
            *counts.entry(key.into()).or_default() += 1;
        }
    }
    counts
}

fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.map(|line| text(&line)).filter(|line| line.contains(dir)).collect()
}

#[test]
fn the_same_comes_of_it_between_real_processes_and_takes_about_as_long() {
    let dir = folder();
    for tier in ["core", "process"] {
        let args = ["run", "brief.toml", "--tier", tier, "--trace-csv", "--out", tier];
        let run = sim(dir.path(), &args);
        assert!(run.status.success(), "{tier}: {}", text(&run.stderr));
    }
    let (core, process) = (dir.path().join("core"), dir.path().join("process"));
    assert_eq!(happened(&core), happened(&process));
    // Two were answered; the one after the revocation was not.
    let reads = |end: &str| {
        let key = ["concluded", "consent.read", end].map(str::to_owned);
        happened(&process).get(&key.into()).copied()
    };
    assert_eq!((reads("done"), reads("refused")), (Some(2), Some(1)));
    let (core, process) = (manifest(&core), manifest(&process));
    assert_eq!((&core["tier"], &process["tier"]), (&"core".into(), &"process".into()));
    let figure = |run: &Value, name: &str| run["figures"][name]["value"].as_f64();
    for name in [
        "consent_latency.count",
        "read_latency.count",
        "revocation_delay.count",
        "reads_after_revocation.count",
        "delivery_latency.count",
        "messages.total",
        "refusals.total",
    ] {
        assert_eq!(figure(&core, name), figure(&process, name), "{name}");
    }
    assert_eq!(figure(&process, "read_latency.count"), Some(3.0));
    for name in ["consent_latency", "read_latency", "revocation_delay", "delivery_latency"] {
        let [core, process] =
            [&core, &process].map(|run| figure(run, &format!("{name}.median")).unwrap());
        // The relay sets its timers to the millisecond, and a way has a few of them.
        let range = core - 10_000.0..core + ADDED_US;
        assert!(range.contains(&process), "{name}: {core} us simulated, {process} us real");
    }
    let compared = sim(dir.path(), &["compare", "core", "process"]);
    assert!(text(&compared.stdout).contains("tier: core in A, process in B"));
    assert_eq!(sim(dir.path(), &["replay", "process"]).status.code(), Some(7));
    assert!(dir.path().join("process/logs/clinic-1.log").exists());
    assert_eq!(processes_of(dir.path()), Vec::<String>::new());
}

#[test]
fn whoever_ends_a_run_leaves_no_process_and_a_whole_result_until_then() {
    let dir = folder();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("chartmesh"))
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .args(["sim", "run", "brief.toml", "--set", "duration=10min"])
        .args(["--tier", "process", "--out", "out"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while processes_of(dir.path()).len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(120), "the nodes do not start");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(processes_of(dir.path()), Vec::<String>::new());
    assert_eq!(manifest(&dir.path().join("out"))["stopped"], true);
    let left = fs::read_dir(dir.path()).unwrap().flatten();
    let left: Vec<_> =
        left.filter(|entry| text(entry.file_name().as_encoded_bytes()).contains("-sim-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_scenario_that_processes_cannot_honour_is_refused_by_its_keys_before_anything_starts() {
    let dir = folder();
    let hostile = format!("{BRIEF}\n[[hostile]]\nparty = \"vault\"\ndoes = \"withhold\"\n");
    fs::write(dir.path().join("hostile.toml"), hostile).unwrap();
    let run = sim(dir.path(), &["run", "hostile.toml", "--tier", "process", "--out", "out"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("hostile: the program is honest"), "{}", text(&run.stderr));
    assert!(!dir.path().join("out").exists());
}
