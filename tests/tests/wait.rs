//! `--wait`: what a command asks of its node while it waits, and how soon it notices.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chartmesh_tests::{Counter, Node, Region, until};
use serde_json::{Value, json};

/// Starts a download that waits for the patient's decision.
fn waiting(counter: &Counter, patient: &str, timeout: &str) -> Child {
    let args = ["request", "download", "--patient", patient, "--wait", "--timeout", timeout];
    let mut command = counter.command(&args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
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
    let ended = waiting(&counter, &region.patient, "8s").wait().expect("an end");
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

#[test]
fn who_finds_no_place_to_listen_asks_each_second() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Sato Aiko");
    region.unlock();
    let counter = Counter::before(&region.a, root.path().join("counted.sock"));
    let listen = || {
        let mut stream = UnixStream::connect(region.a.dir.join("api.sock")).expect("a connection");
        stream.write_all(b"GET /v1/changes HTTP/1.1\r\nHost: node\r\n\r\n").expect("a request");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("an answer");
        (stream, status)
    };
    let places: Vec<_> = std::iter::repeat_with(listen)
        .take_while(|(_, status)| status.ends_with(b"200"))
        .take(1000)
        .collect();
    assert!(listen().1.ends_with(b"503"), "no more than {} listen", places.len());
    let noticed = decided(&region, &counter);
    assert!(noticed < Duration::from_secs(5), "{noticed:?}");
    drop(places);
}

/// How long after the patient's refusal a command that waits for it ends.
fn decided(region: &Region, counter: &Counter) -> Duration {
    let Region { relay, patient, .. } = region;
    let open = || -> Vec<Value> {
        let all = relay.list(json!({"requests": {}}), None).unwrap_or_default();
        all.into_iter().filter(|view| view["state"] == "open").collect()
    };
    let (known, looks) = (open(), counter.count("/v1/transfers"));
    let mut waiting = waiting(counter, patient, "1m");
    let asked = until("the request at the relay", || {
        open().into_iter().find(|view| !known.iter().any(|old| old["request"] == view["request"]))
    });
    until("two looks", || (counter.count("/v1/transfers") >= looks + 2).then_some(()));
    let deny = json!({"consent": {"deny": {"request": asked["request"], "reason": "not now"}}});
    relay.command(deny, Some(patient)).expect("a refusal");
    let begun = Instant::now();
    let ended = waiting.wait().expect("an end");
    assert_eq!(ended.code(), Some(4), "the patient refused");
    begun.elapsed()
}
