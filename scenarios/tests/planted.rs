//! Each checker catches a bug that is planted for it, and none finds anything without.
//!
//! The bugs stand in `planted.toml`; the product's sources have no hooks for them. They are planted in a copy of the
//! workspace below the target folder, which builds with the dependencies that are built already. What writes and draws
//! results is left out there, with the dependencies that only it has.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is planted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    /// What is run with each bug.
    scenario: String,
    bug: Vec<Bug>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bug {
    name: String,
    what: String,
    caught_by: BTreeSet<String>,
    file: String,
    find: String,
    replace: String,
}

/// Whether a bug is on: appended to the copy of the protocol.
const SWITCH: &str = r#"
/// Whether a planted bug is on.
pub(crate) fn planted(name: &str) -> bool {
    static ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var("CHARTMESH_PLANTED").unwrap_or_default()) == name
}
"#;

/// What is not in the copy: file and lines.
const LEFT_OUT: [(&str, &[&str]); 2] = [
    ("scenarios/src/lib.rs", &["pub mod experiment;\n", "pub mod output;\n"]),
    (
        "scenarios/Cargo.toml",
        &["maud.workspace = true\n", "parquet.workspace = true\n", "resvg.workspace = true\n"],
    ),
];

/// Runs a scenario and prints the checkers that found something.
const RUNNER: &str = r#"
//! Runs the scenario of `planted.toml`.
use chartmesh_scenarios::result::Unwatched;

fn main() {
    let path = std::env::args().nth(1).expect("a scenario");
    let text = std::fs::read_to_string(path).expect("it can be read");
    let scenario = toml::from_str(&text).expect("it is well formed");
    let outcome = chartmesh_scenarios::run(&scenario, 1, &mut Unwatched, &mut Unwatched);
    let outcome = outcome.expect("it runs");
    for violation in outcome.violations {
        println!("{}\t{}", violation.checker, violation.what);
    }
}
"#;

fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the workspace is above").to_owned()
}

/// Writes a file unless it is so already: cargo goes by when files changed.
fn write(path: &Path, content: &[u8]) {
    if fs::read(path).is_ok_and(|there| there == content) {
        return;
    }
    fs::create_dir_all(path.parent().expect("it is in a folder")).unwrap();
    fs::write(path, content).unwrap();
}

/// Copies the workspace with all bugs planted, each switched off.
fn plant(bugs: &[Bug], copy: &Path) {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace()).output();
    let listed = String::from_utf8(listed.expect("git runs").stdout).unwrap();
    let files: Vec<&str> = listed.split('\0').filter(|file| !file.is_empty()).collect();
    assert!(files.contains(&"Cargo.toml"), "git lists the workspace's files");
    for bug in bugs {
        assert!(files.contains(&bug.file.as_str()), "{}: no file {}", bug.name, bug.file);
        let guard = format!("crate::planted(\"{}\")", bug.name);
        assert!(bug.replace.contains(&guard), "{}: it is always on", bug.name);
    }
    for file in files {
        // What git lists may be deleted and not yet committed.
        let Ok(content) = fs::read(workspace().join(file)) else { continue };
        let planted = bugs.iter().filter(|bug| bug.file == file);
        let planted = planted.map(|bug| (bug.find.as_str(), bug.replace.as_str()));
        let left_out = LEFT_OUT.iter().filter(|(of, _)| *of == file);
        let left_out = left_out.flat_map(|(_, lines)| lines.iter().map(|line| (*line, "")));
        let changes: Vec<(&str, &str)> = planted.chain(left_out).collect();
        if changes.is_empty() && file != "protocol/src/lib.rs" {
            write(&copy.join(file), &content);
            continue;
        }
        let mut text = String::from_utf8(content).unwrap();
        for (find, replace) in changes {
            let times = text.matches(find).count();
            assert_eq!(times, 1, "`{find}` stands {times} times in {file}");
            text = text.replace(find, replace);
        }
        if file == "protocol/src/lib.rs" {
            text.push_str(SWITCH);
        }
        write(&copy.join(file), text.as_bytes());
    }
    write(&copy.join("scenarios/examples/planted.rs"), RUNNER.as_bytes());
}

/// Builds the runner, as an example of the whole workspace: so it takes the dependencies with the features that the
/// tests have them with. The protocol is built once more for few runs, so quickly rather than well.
fn build(copy: &Path, target: &Path) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--example", "planted", "--offline"])
        .args(["--config", "profile.dev.package.chartmesh-protocol.opt-level=0"])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(copy)
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug/examples/planted").with_extension(std::env::consts::EXE_EXTENSION)
}

/// What checkers find with a bug: who, and the first thing that each says.
fn found(runner: &Path, scenario: &Path, bug: &str) -> (BTreeSet<String>, String) {
    let ran = Command::new(runner).arg(scenario).env("CHARTMESH_PLANTED", bug).output().unwrap();
    let stdout = String::from_utf8(ran.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "with {bug} the run ends by itself: {stderr}");
    let checkers = stdout.lines().filter_map(|line| line.split('\t').next());
    (checkers.map(str::to_owned).collect(), stdout.lines().take(8).collect::<Vec<_>>().join("\n"))
}

#[test]
fn each_checker_catches_the_bug_that_is_planted_for_it() {
    let text = fs::read_to_string(workspace().join("scenarios/planted.toml")).unwrap();
    let Planted { scenario, bug: bugs } =
        toml::from_str(&text).expect("planted.toml is well formed");
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let copy = tmp.join("planted");
    plant(&bugs, &copy);
    let runner = build(&copy, tmp.parent().expect("it is in the target folder"));
    let file = copy.join("planted-scenario.toml");
    write(&file, scenario.as_bytes());

    let (none, said) = found(&runner, &file, "");
    assert!(none.is_empty(), "without a bug checkers found:\n{said}");

    let next = AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (by, said) = found(&runner, &file, &bug.name);
                    if by != bug.caught_by {
                        let Bug { name, what, caught_by, .. } = bug;
                        let wrong_one = format!(
                            "{name} ({what}): caught by {by:?}, not {caught_by:?}:\n{said}"
                        );
                        wrong.lock().unwrap().push(wrong_one);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    let caught: BTreeSet<_> = bugs.iter().flat_map(|bug| &bug.caught_by).collect();
    for checker in checkers() {
        assert!(caught.contains(&checker), "no bug is planted for `{checker}`");
    }
}

/// The checkers' names: those of their files, beside what a checker is (`found.rs`).
fn checkers() -> Vec<String> {
    let folder = workspace().join("scenarios/src/checkers");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let names = files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    names.filter(|name| !["mod", "found"].contains(&name.as_str())).collect()
}
