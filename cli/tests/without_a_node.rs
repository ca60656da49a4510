//! What the command line does where no node runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// The command with nothing of the machine's own settings in it.
fn chartmesh(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::cargo_bin("chartmesh").expect("the binary is built for this test");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHARTMESH_") {
            command.env_remove(name);
        }
    }
    command.env("CHARTMESH_DIR", dir).args(args).output().expect("it can be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn init(dir: &Path) -> Output {
    chartmesh(dir, &["init", "--role", "hospital", "--name", "Alder", "--no-passphrase"])
}

#[test]
fn the_help_names_every_command_and_every_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let help = text(&chartmesh(dir.path(), &["--help"]).stdout);
    for name in [
        "init",
        "run",
        "status",
        "peers",
        "federation",
        "patient",
        "record",
        "request",
        "consent",
        "token",
        "backup",
        "log",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("\n  {name} ")), "{name} is missing:\n{help}");
    }
    assert!(help.contains("Exit codes:") && help.contains("no node runs here"));
    assert!(!help.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn a_second_init_leaves_the_node_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = init(dir.path());
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("Alder"));
    let key = dir.path().join("key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(dir.path().join("identity.json")).unwrap();
    let second = init(dir.path());
    assert_eq!(second.status.code(), Some(7));
    assert!(text(&second.stderr).contains("already"), "{}", text(&second.stderr));
    assert_eq!(fs::read(dir.path().join("identity.json")).unwrap(), before);
}

#[test]
fn init_seals_under_a_passphrase_from_a_file_and_says_so_in_json() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("passphrase");
    fs::write(&file, "four plain words here\n").unwrap();
    let made = chartmesh(
        &dir.path().join("node"),
        &[
            "--json",
            "init",
            "--role",
            "patient",
            "--name",
            "Relay",
            "--no-mdns",
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
            "--passphrase-file",
            file.to_str().unwrap(),
        ],
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&made["name"], &made["role"]), (&"Relay".into(), &"patient".into()));
    assert!(!dir.path().join("node/key").exists());
}

#[test]
fn without_a_terminal_a_passphrase_is_not_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let refused = chartmesh(dir.path(), &["init", "--role", "hospital", "--name", "Alder"]);
    assert_eq!(refused.status.code(), Some(6));
    assert!(text(&refused.stderr).contains("--passphrase-file"));
    assert!(!dir.path().join("identity.json").exists());
}

#[test]
fn status_without_a_node_says_how_to_start_it() {
    let dir = tempfile::tempdir().unwrap();
    let refused = chartmesh(dir.path(), &["status"]);
    assert_eq!(refused.status.code(), Some(5));
    let said = text(&refused.stderr);
    assert!(said.contains("no node runs here") && said.contains("chartmesh run"), "{said}");
    let refused = chartmesh(dir.path(), &["--json", "record", "list", "Sato"]);
    assert_eq!(refused.status.code(), Some(5));
    let said: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(said["error"]["exit"], 5);
    assert!(refused.stdout.is_empty());
}

#[test]
fn run_without_a_node_names_init() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, [7; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::cargo_bin("chartmesh").unwrap();
    command.env("CHARTMESH_DIR", dir.path()).env("CHARTMESH_KEY_FILE", &key).arg("run");
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("chartmesh init"), "{}", text(&refused.stderr));
}

#[test]
fn wrong_arguments_end_with_two_and_say_what_is_right() {
    let dir = tempfile::tempdir().unwrap();
    for (args, hint) in [
        (&["init", "--role", "clinic", "--name", "x"][..], "hospital"),
        (&["federation", "invite", "--valid", "7"], "7d"),
        (&["request", "download", "--patient", "x", "--kind", "x-rays"], "imaging"),
        (&["request", "download", "--patient", "x", "--since", "gestern"], "2026-11-21"),
        (&["consent", "approve", "abcd", "--days", "91"], "90"),
        (&["consent", "approve", "abcd", "--days", "3", "--valid", "3d"], "cannot be used with"),
        (&["record", "import", "x"], "FILE"),
        (&["recordd"], "record"),
        (&["status", "-q", "-v"], "cannot be used with"),
    ] {
        let refused = chartmesh(dir.path(), args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(text(&refused.stderr).contains(hint), "{args:?}: {}", text(&refused.stderr));
    }
}

#[test]
fn what_is_no_permission_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    for (token, hint) in [("%%%", "base64url"), ("AAAA", "no permission"), ("{\"x\":1}", "chain")] {
        let refused = chartmesh(dir.path(), &["token", "explain", token]);
        assert_eq!(refused.status.code(), Some(2), "{token}");
        assert!(text(&refused.stderr).contains(hint), "{token}: {}", text(&refused.stderr));
    }
    // A file that is not there is said to be missing; one that is there is judged by what it holds.
    let file = dir.path().join("a permission.txt");
    for (content, missing, hint) in [(None, true, "base64url"), (Some("a/b."), false, "base64url")]
    {
        content.into_iter().for_each(|content| fs::write(&file, content).unwrap());
        let refused = chartmesh(dir.path(), &["token", "verify", file.to_str().unwrap()]);
        let said = text(&refused.stderr);
        assert_eq!(said.contains("nor is there a file of this name"), missing, "{said}");
        assert!(refused.status.code() == Some(2) && said.contains(hint), "{said}");
    }
}

#[test]
fn completions_and_manual_pages_cover_the_commands() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&chartmesh(dir.path(), &["completions", shell]).stdout);
        assert!(script.contains("federation") && script.contains("vital-signs"), "{shell}");
    }
    let out = dir.path().join("man1");
    let done = chartmesh(dir.path(), &["man", "--out", out.to_str().unwrap()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    for page in ["chartmesh.1", "chartmesh-record-export.1", "chartmesh-consent-approve.1"] {
        assert!(fs::read_to_string(out.join(page)).unwrap().contains(".TH"), "{page}");
    }
}
