//! `--wait`: what a command asks of its node while it waits, and how soon it notices.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chartmesh_tests::{Node, Region, program, until};
use serde_json::{Value, json};

/// A socket before a node's own, which passes everything on and keeps the first line of each request.
struct Counter {
    socket: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Counter {
    fn before(node: &Node, socket: PathBuf) -> Self {
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (to, asked) = (node.dir.join("api.sock"), Arc::<Mutex<Vec<String>>>::default());
        let counting = Arc::clone(&asked);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (to, counting) = (to.clone(), Arc::clone(&counting));
                std::thread::spawn(move || pass_on(client?, &to, &counting));
            }
        });
        Self { socket, asked }
    }

    /// Requests for this path so far.
    fn count(&self, path: &str) -> usize {
        let asked = self.asked.lock().expect("no panic");
        asked.iter().filter(|line| line.split(' ').nth(1) == Some(path)).count()
    }

    /// Starts a download that waits for the patient's decision.
    fn waiting(&self, node: &Node, patient: &str, timeout: &str) -> Child {
        let mut command = Command::new(program());
        command.arg("--json").arg("--dir").arg(&node.dir).arg("--socket").arg(&self.socket);
        command.args(["request", "download", "--patient", patient, "--wait", "--timeout", timeout]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    }
}

fn pass_on(mut client: UnixStream, to: &Path, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut node = UnixStream::connect(to)?;
    let mut head = vec![0; 4096];
    let length = client.read(&mut head)?;
    head.truncate(length);
    let text = String::from_utf8_lossy(&head);
    asked.lock().expect("no panic").extend(text.lines().next().map(str::to_owned));
    node.write_all(&head)?;
    let (mut from, mut into) = (client.try_clone()?, node.try_clone()?);
    std::thread::spawn(move || {
        let _broke = io::copy(&mut from, &mut into);
        into.shutdown(Shutdown::Both)
    });
    let _broke = io::copy(&mut node, &mut client);
    client.shutdown(Shutdown::Both)
}

fn batches(node: &Node) -> u64 {
    node.get("/v1/status").expect("a status")["queue"]["batches"].as_u64().expect("a number")
}

#[test]
fn waiting_asks_when_something_changed_and_not_each_second() {
    let root = tempfile::tempdir().unwrap();
    let mut region = Region::found(root.path(), "Sato Aiko");
    region.relay.kill();
    let counter = Counter::before(&region.a, root.path().join("counted.sock"));
    let before = batches(&region.a);
    let begun = Instant::now();
    let ended = counter.waiting(&region.a, &region.patient, "8s").wait().expect("an end");
    assert_eq!(ended.code(), Some(9), "it timed out");
    let (seconds, changes) = (begun.elapsed().as_secs(), batches(&region.a) - before);
    // One at once, one when the stream says where it stands, one for each change, and the last.
    let looks = u64::try_from(counter.count("/v1/transfers")).expect("few");
    assert_eq!(counter.count("/v1/changes"), 1);
    assert!(looks <= 3 + changes, "{looks} looks for {changes} changes");
    assert!(3 + changes < seconds, "{changes} changes in {seconds} s: too many to tell");
    region.relay.start();
    region.unlock();
    let least = (0..3).map(|_| decided(&region, &counter)).min().expect("three");
    println!("noticed after {least:?}");
    assert!(least < Duration::from_millis(500), "{least:?}");
}

/// How long after the patient's refusal a command that waits for it ends.
fn decided(region: &Region, counter: &Counter) -> Duration {
    let Region { a, relay, patient, .. } = region;
    let open = || -> Vec<Value> {
        let all = relay.list(json!({"requests": {}}), None).unwrap_or_default();
        all.into_iter().filter(|view| view["state"] == "open").collect()
    };
    let looks = counter.count("/v1/transfers");
    let known = open().len();
    let mut waiting = counter.waiting(a, patient, "1m");
    let asked = until("the request at the relay", || open().into_iter().nth(known));
    until("two looks", || (counter.count("/v1/transfers") >= looks + 2).then_some(()));
    let deny = json!({"consent": {"deny": {"request": asked["request"], "reason": "not now"}}});
    relay.command(deny, Some(patient)).expect("a refusal");
    let begun = Instant::now();
    let ended = waiting.wait().expect("an end");
    assert_eq!(ended.code(), Some(4), "the patient refused");
    begun.elapsed()
}
