//! Somebody is off: whoever acts sees that it waits, and it goes through when the other is back.

use chartmesh_tests::{Node, Region, fetch, grant, lines, until, waiting, whole_entries};
use serde_json::{Value, json};

/// It waits there, and `chartmesh status` says so, too.
fn waits(at: &Node, whom: &Node) {
    until("the message to wait", || (waiting(at, whom) > 0).then_some(()));
    assert!(at.cli(&["status"])["waiting"].as_u64().unwrap() > 0, "{} says nothing", at.name);
}

fn state(at: &Node, request: &str) -> String {
    let shown = at.cli(&["consent", "requests", request]);
    shown["state"].as_str().unwrap_or_default().to_owned()
}

fn comes_to(at: &Node, request: &str, wanted: &str) {
    until(&format!("{wanted} at {}", at.name), || (state(at, request) == wanted).then_some(()));
}

fn import(region: &Region, title: &str) -> String {
    let extra = json!({"kind": "reports", "title": title});
    let text = format!("{title}.\n");
    region.a.import(&region.patient, "note.txt", text.as_bytes(), extra).unwrap().remove(0)
}

#[test]
fn what_is_asked_of_somebody_who_is_off_waits_in_sight_and_goes_through_later() {
    let root = tempfile::tempdir().unwrap();
    let mut region = Region::found(root.path(), "Tanabe Reiko");
    let entry = import(&region, "A letter");
    region.seen_at_relay(std::slice::from_ref(&entry));

    deposit_while_the_hospital_is_off(&mut region, &entry);
    introduce(&region, &entry);
    let request = approve_while_the_asker_is_off(&mut region);
    fetch_while_the_holder_is_off(&mut region, &request);
    fetch_while_the_relay_is_off(&mut region, &request, &entry);
    collect_while_a_holder_is_off(&mut region);
}

/// Hospital A refers the patient, so that hospital B knows the relay.
fn introduce(region: &Region, entry: &str) {
    let _ = grant(region, &json!({"entries": [entry]}), &json!({"days": 1}), "");
}

/// The patient orders a deposit; the hospital that is to deliver it is off, then the depositary.
fn deposit_while_the_hospital_is_off(region: &mut Region, entry: &str) {
    region.a.kill();
    let Region { a, provider, relay, patient, .. } = &*region;
    let upload = ["request", "upload", "--patient", patient, "--hospital", a.name, "--to"];
    let order = relay.cli(&[&upload[..], &[provider.name, "--entry", entry]].concat());
    let order = order[0]["request"].as_str().expect("an order").to_owned();
    waits(relay, a);
    assert_eq!(state(relay, &order), "open");
    // Whoever waits for it is told that it did not happen yet, not that it failed.
    let watched = [&upload[..], &[provider.name, "--entry", entry, "--wait", "--timeout", "1s"]];
    let said = relay.cli_fails(&watched.concat());
    assert!(said.contains("did not happen in time") && said.contains("look again"), "{said}");

    // Now the hospital is back, and the depositary is off: the order has arrived and waits there.
    region.provider.kill();
    region.a.start();
    let Region { a, provider, relay, .. } = &*region;
    until("the order at the hospital", || (waiting(relay, a) == 0).then_some(()));
    waits(a, provider);
    assert_ne!(state(relay, &order), "failed");
    region.provider.start();
    comes_to(&region.relay, &order, "done");
    assert!(whole_entries(&region.provider, &region.patient).contains_key(entry));
}

/// The patient permits while the hospital that asked is off.
fn approve_while_the_asker_is_off(region: &mut Region) -> String {
    let Region { b, relay, patient, .. } = &*region;
    let asked = b.cli(&["request", "download", "--patient", patient, "--user", "Dr. Mori"]);
    let request = asked["request"].as_str().expect("a request").to_owned();
    until("the request at the relay", || {
        let found = relay.list(json!({"requests": {}}), None).ok()?;
        found.iter().any(|view| view["request"] == request.as_str()).then_some(())
    });
    region.b.kill();
    let Region { b, relay, .. } = &*region;
    relay.cli(&["consent", "approve", &request, "--days", "3"]);
    assert_eq!(state(relay, &request), "approved");
    waits(relay, b);
    region.b.start();
    comes_to(&region.b, &request, "approved");
    until("nothing to wait", || (waiting(&region.relay, &region.b) == 0).then_some(()));
    request
}

/// The hospital fetches while the holder is off.
fn fetch_while_the_holder_is_off(region: &mut Region, request: &str) {
    region.provider.kill();
    let Region { b, provider, .. } = &*region;
    let fetch = ["request", "fetch", request, "--from", provider.name, "--user", "Dr. Mori"];
    b.cli(&fetch);
    waits(b, provider);
    assert_eq!(state(b, request), "approved", "it has not failed");
    let said = b.cli_fails(&[&fetch[..], &["--wait", "--timeout", "1s"]].concat());
    assert!(said.contains("did not happen in time"), "{said}");
    region.provider.start();
    comes_to(&region.b, request, "done");
}

/// The permission is all that is needed: nobody asks the relay.
fn fetch_while_the_relay_is_off(region: &mut Region, request: &str, entry: &str) {
    region.relay.kill();
    let ended = fetch(&region.b, request, &region.provider.id).unwrap();
    assert_eq!(ended["state"], "done", "{ended}");
    assert!(whole_entries(&region.b, &region.patient).contains_key(entry));
    region.relay.start();
    region.unlock();
}

/// The patient collects the logs while the provider is off.
fn collect_while_a_holder_is_off(region: &mut Region) {
    let length = lines(&region.provider, &region.patient).len();
    region.provider.kill();
    let Region { provider, relay, patient, .. } = &*region;
    let before = collected(region).unwrap_or_default();
    let shown = relay.try_cli(&["log", patient, "--collect"]);
    assert!(shown.status.success());
    let said = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(said.contains("what has come so far"), "{said}");
    waits(relay, provider);
    assert_eq!(collected(region).unwrap_or_default(), before);
    region.provider.start();
    until("the provider's log", || {
        (collected(region).unwrap_or_default() >= length as u64).then_some(())
    });
}

/// Lines of the provider's log that have come to the relay.
fn collected(region: &Region) -> Option<u64> {
    let query = json!({"collected-logs": {"patient": region.patient}});
    let logs = region.relay.query(query, None).ok()?;
    let of = |log: &&Value| log["holder"] == region.provider.id.as_str();
    logs.as_array()?.iter().find(of).and_then(|log| log["length"].as_u64())
}

#[test]
fn a_request_whose_patient_is_off_stays_open_until_the_relay_is_back() {
    let root = tempfile::tempdir().unwrap();
    let mut region = Region::found(root.path(), "Tanabe Reiko");
    let entry = import(&region, "A letter");
    region.seen_at_relay(std::slice::from_ref(&entry));
    introduce(&region, &entry);
    region.relay.kill();
    let Region { b, relay, patient, .. } = &region;
    let asked = b.cli(&["request", "download", "--patient", patient, "--user", "Dr. Mori"]);
    let request = asked["request"].as_str().expect("a request").to_owned();
    assert_eq!(state(b, &request), "open");
    waits(b, relay);
    region.relay.start();
    region.unlock();
    until("the request at the relay", || {
        let found = region.relay.list(json!({"requests": {}}), None).ok()?;
        found.iter().any(|view| view["request"] == request.as_str()).then_some(())
    });
    region.relay.cli(&["consent", "deny", &request, "--reason", "not now"]);
    comes_to(&region.b, &request, "refused");
}
