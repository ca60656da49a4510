//! How a node's process guards its secrets, looked at as an operator or an attacker on the machine would.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use chartmesh_tests::{Node, program, until};

/// A user who is not root: what root may do, no process keeps out.
const NOBODY: u32 = 65534;

fn proc(process: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap()
}

/// The numbers behind a line's name.
fn numbers(text: &str, name: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says it");
    line.split_whitespace().map(str::to_owned).collect()
}

fn dumps_no_core(process: u32) -> bool {
    numbers(&proc(process, "limits"), "Max core file size")[..2] == ["0", "0"]
}

/// Whether another process of the same user can look into this one: to read its memory takes the same right.
fn is_open_to(user: u32, process: u32) -> bool {
    let mut look = Command::new("cat");
    look.arg(format!("/proc/{process}/maps")).uid(user).gid(user);
    look.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

fn is_root() -> bool {
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    numbers(&own, "Uid:")[1] == "0"
}

/// A process that ends with the test.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[test]
fn a_running_node_dumps_no_core_keeps_out_of_swap_and_says_what_guards_its_keys() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::create(root.path(), "hospital", "Kita Hospital");
    assert!(dumps_no_core(node.process()));
    let status = node.get("/v1/status").unwrap();
    let locked = numbers(&proc(node.process(), "status"), "VmLck:")[0] != "0";
    assert_eq!(status["secrets"]["memory_locked"], locked);
    if is_root() {
        assert!(locked, "root may lock memory");
    }
    assert_eq!(status["secrets"]["unlock"], "key-file");
    assert_eq!(status["secrets"]["unprotected"], true, "key and data are on one disk");
}

#[test]
fn a_node_is_closed_to_other_processes_of_its_user() {
    if !is_root() {
        println!("skipped: needs root, to be two processes of another user");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let place = root.path().join("node");
    std::fs::create_dir(&place).unwrap();
    chown(&place, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut init = Command::new(program());
    init.args(["--dir".as_ref(), place.as_os_str()]);
    init.args(["init", "--role", "backup", "--name", "Cedar", "--no-mdns", "--passphrase-stdin"]);
    init.args(["--listen", "/ip4/127.0.0.1/tcp/0"]);
    init.uid(NOBODY).gid(NOBODY).stdin(Stdio::piped()).stdout(Stdio::null());
    // It waits for its passphrase, which its user's other programs are not to see either.
    let mut init = Held(init.spawn().unwrap());
    until("the program to guard itself", || dumps_no_core(init.0.id()).then_some(()));
    until("the program to close", || (!is_open_to(NOBODY, init.0.id())).then_some(()));
    let mut passphrase = init.0.stdin.take().unwrap();
    passphrase.write_all(b"seven salmon swim upstream\n").unwrap();
    drop(passphrase);
    assert!(init.0.wait().unwrap().success());

    let mut run = Command::new(program());
    run.args(["--dir".as_ref(), place.as_os_str()]).args(["run", "--passphrase-stdin"]);
    run.uid(NOBODY).gid(NOBODY).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = Held(run.spawn().unwrap());
    let mut passphrase = run.0.stdin.take().unwrap();
    passphrase.write_all(b"seven salmon swim upstream\n").unwrap();
    drop(passphrase);
    until("the node's door", || place.join("api.sock").exists().then_some(()));
    let process = run.0.id();
    assert!(dumps_no_core(process) && !is_open_to(NOBODY, process));

    // The same user sees into what does not guard itself, so the test can fail.
    let mut plain = Command::new("sleep");
    let plain = Held(plain.arg("600").uid(NOBODY).gid(NOBODY).spawn().unwrap());
    until("a program to start", || proc(plain.0.id(), "comm").starts_with("sleep").then_some(()));
    assert!(is_open_to(NOBODY, plain.0.id()));
}

#[test]
fn a_passphrase_of_one_letter_seals_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut init = Command::new(program());
    init.args(["--dir".as_ref(), root.path().join("node").as_os_str()]);
    init.args(["init", "--role", "backup", "--name", "Cedar", "--passphrase-stdin"]);
    let mut init = init.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    init.stdin.take().unwrap().write_all(b"x\n").unwrap();
    let ended = init.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("at least 15 characters"), "{said}");
    assert!(!root.path().join("node").exists());
}
