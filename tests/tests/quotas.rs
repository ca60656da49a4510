//! A member that floods ends at its quota, between real processes.

use chartmesh_tests::{Node, Region, Rogue, files};
use serde_json::{Value, json};

/// Bytes of a node's files.
fn on_disk(node: &Node) -> u64 {
    let sizes = files(&node.dir).into_iter().map(|file| std::fs::metadata(file).map(|m| m.len()));
    sizes.map(|size| size.unwrap_or(0)).sum()
}

fn quota(at: &Node, sort: &str, whose: &str) -> Value {
    let quotas = at.list(json!({"quotas": {}}), None).unwrap();
    let found = quotas.into_iter().find(|quota| quota["owner"][sort] == whose);
    found.unwrap_or(Value::Null)
}

#[test]
fn a_member_that_floods_a_provider_for_invented_patients_ends_at_its_quota_and_others_are_served() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Tanabe Reiko");
    let extra = json!({"kind": "reports", "title": "A letter"});
    let entries = region.a.import(&region.patient, "letter.txt", b"A letter.\n", extra).unwrap();
    let (b, provider) = (&region.b, &region.provider);
    let set =
        provider.cli(&["quota", "set", "Minami Clinic", "--bytes", "1MiB", "--entries", "60"]);
    assert_eq!((&set["most"]["entries"], &set["most"]["bytes"]), (&json!(60), &json!(1 << 20)));

    // What is said to be coming counts before a byte has come.
    let mut rogue = Rogue::of(&region, b, provider);
    let refusal = rogue.offer_for_nobody(1 << 30).expect_err("a gibibyte");
    assert_eq!(refusal.name(), "quota.bytes");
    assert!(refusal.to_string().contains("may take up 1048576 bytes"), "{refusal}");
    let mut taken = 0;
    while rogue.offer_for_nobody(2000).is_ok() {
        taken += 1;
        assert!(taken <= 60, "it goes on for ever");
    }
    assert!(taken > 10, "{taken}");
    let before = on_disk(provider);
    for _ in 0..100 {
        let refusal = rogue.offer_for_nobody(2000).expect_err("more");
        assert!(refusal.name().starts_with("quota."), "{refusal}");
    }
    assert!(on_disk(provider) < before + (4 << 20), "{before} {}", on_disk(provider));
    let used = quota(provider, "institution", &b.id);
    assert!(used["taken"]["entries"].as_u64().unwrap() <= 60, "{used}");

    // Beside it others are served, and it reads how things stand.
    region.deposit(&entries);
    assert!(!quota(provider, "patient", &region.patient).is_null());
    let listed = provider.cli(&["quota"]);
    let names: Vec<_> = listed["quotas"].as_array().unwrap().iter().map(|q| &q["name"]).collect();
    assert!(names.contains(&&json!("Kita Hospital")), "{names:?}");
    // With more room it is heard again.
    provider.cli(&["quota", "unset", "Minami Clinic"]);
    rogue.offer_for_nobody(2000).expect("there is room");
}

#[test]
fn a_deposit_beyond_the_quota_is_shown_to_whoever_made_it_with_whom_to_call() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Tanabe Reiko");
    let extra = json!({"kind": "reports", "title": "A letter"});
    region.a.import(&region.patient, "letter.txt", b"A letter.\n", extra).unwrap();
    region.provider.cli(&["quota", "set", "--default", "institution", "--entries", "0"]);
    let (a, patient) = (&region.a, region.patient.as_str());
    let told = a.cli_fails(&["backup", "keep", "Midori Backup", patient, "--wait"]);
    assert!(told.contains("ask that node's operator for more"), "{told}");
    let unkept = a.cli(&["backup", "list", "--unkept"]);
    assert!(unkept.to_string().contains("quota.entries"), "{unkept}");
    assert_eq!(a.cli(&["status"])["unkept"], 1);
}
