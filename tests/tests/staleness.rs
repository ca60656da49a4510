//! `max_staleness` between processes: a holder with old news of revocations refuses, and permits
//! again once it has new ones.

use chartmesh_tests::{Region, fetch, grant, until};
use serde_json::json;

#[test]
fn a_holder_with_stale_news_refuses_until_the_patient_publishes_anew() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Tanabe Reiko");
    let title = json!({"kind": "reports", "title": "A letter"});
    let entries = region.a.import(&region.patient, "letter.txt", b"A letter.\n", title).unwrap();
    region.deposit(&entries);
    let limit = 8;
    let narrow = json!({"days": 1, "max_staleness": limit});
    let request = grant(&region, &json!({"kinds": ["reports"]}), &narrow, "");

    // Time passes, and the holder's news grow old: in the end it refuses.
    let provider = &region.provider;
    let refused = until("a refusal", || {
        let ended = fetch(&region.b, &request, &provider.id).unwrap();
        (ended["state"] == "failed").then_some(ended)
    });
    assert_ne!(refused["reason"], "");
    let reasons = || {
        let query = json!({"access-log": {"subject": region.patient, "limit": 1000}});
        provider.query(query, None).unwrap().to_string()
    };
    assert!(reasons().contains("stale-revocations"), "{}", reasons());

    // The patient publishes; the news reach the holder, and the same permission is good again.
    until("the permission to be good again", || {
        region.relay.cli(&["patient", "refresh", &region.patient]);
        let ended = fetch(&region.b, &request, &provider.id).unwrap();
        (ended["state"] == "done").then_some(())
    });
    let got = chartmesh_tests::whole_entries(&region.b, &region.patient);
    assert!(got.contains_key(&entries[0]), "{got:?}");
}
