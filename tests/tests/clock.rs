//! A clock that jumps back, in a running process and over a restart: what has expired stays expired,
//! and everything goes on. How the protocol keeps its time is tested in the in-memory world, in
//! `scenarios/tests/clock.rs`.

use chartmesh_tests::{Clock, Region, fetch, grant, lines, refusals, until};
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600;

fn import(region: &Region, name: &str) -> String {
    let extra = json!({"kind": "reports", "title": name});
    let text = format!("About {name}.\n");
    let entries = region.a.import(&region.patient, "note.txt", text.as_bytes(), extra);
    entries.unwrap().remove(0)
}

/// Hospital B tries again; the reason that A's log has for its refusal.
fn refused(region: &Region, request: &str) -> String {
    let before = refusals(&region.a, &region.patient);
    let ended = fetch(&region.b, request, &region.a.id).unwrap();
    assert_eq!(ended["state"], "failed", "{ended}");
    let after = refusals(&region.a, &region.patient);
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    after.last().unwrap().clone()
}

/// How far A's time is ahead of its process's clock, in whole days.
fn days_ahead(region: &Region) -> u64 {
    let ahead_ms = region.a.get("/v1/status").unwrap()["ahead_ms"].as_u64().unwrap();
    (ahead_ms + 60_000) / 86_400_000
}

/// Another permission is asked for, given, and used at A: messages go in all directions.
fn works(region: &Region, title: &str) {
    let entry = import(region, title);
    region.seen_at_relay(std::slice::from_ref(&entry));
    let narrow = json!({"days": 30});
    let request = grant(region, &json!({"entries": [entry]}), &narrow, title);
    let ended = fetch(&region.b, &request, &region.a.id).unwrap();
    assert_eq!(ended["state"], "done", "{title}: {ended}");
}

#[test]
fn what_expired_stays_expired_when_a_holders_clock_jumps_back_and_the_holder_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let Some(clock) = Clock::new(root.path()) else { return };
    let mut region = Region::found(root.path(), "Tanabe Reiko");
    region.a.kill();
    region.a.go_by(&clock);
    region.a.start();
    let entry = import(&region, "a permission for an hour");
    region.seen_at_relay(std::slice::from_ref(&entry));
    let narrow = json!({"valid_ms": 3_600_000});
    let request = grant(&region, &json!({"entries": [entry]}), &narrow, "");
    let ended = fetch(&region.b, &request, &region.a.id).unwrap();
    assert_eq!(ended["state"], "done", "{ended}");
    assert_eq!(days_ahead(&region), 0);

    // A's clock goes a day ahead: the permission has expired there.
    clock.set(DAY);
    assert_eq!(refused(&region, &request), "expired");
    assert_eq!(days_ahead(&region), 0, "it follows its clock forwards");

    // It jumps back a day while A runs: nothing comes to life again, and A says what is the matter.
    clock.set(0);
    assert_eq!(refused(&region, &request), "expired");
    assert_eq!(days_ahead(&region), 1);
    let log = std::fs::read_to_string(region.a.log_file()).unwrap();
    assert!(log.contains("clock was set back"), "{log}");
    let said = region.a.cli(&["status"]);
    assert!(said["ahead_ms"].as_u64().unwrap() > 86_000_000, "{said}");
    works(&region, "after the jump");

    // The same over a restart, and back by another day.
    region.a.kill();
    clock.set(-DAY);
    region.a.start();
    assert_eq!(refused(&region, &request), "expired");
    assert_eq!(days_ahead(&region), 2);
    works(&region, "after the restart");

    // And to and fro, as by a time server gone wild.
    for seconds in [3 * DAY, -3 * DAY, DAY, 0] {
        clock.set(seconds);
        assert_eq!(refused(&region, &request), "expired");
    }
    assert_eq!(days_ahead(&region), 3);
    works(&region, "after all of it");
    let lines: Vec<Value> = lines(&region.a, &region.patient);
    assert!(lines.len() >= 10, "{lines:?}");
    until("nothing to wait anywhere", || {
        let nodes = [&region.a, &region.b, &region.relay, &region.provider];
        nodes.iter().all(|node| node.get("/v1/status").unwrap()["waiting"] == 0).then_some(())
    });
}
