//! A hospital that lost its store and its objects gets its records back from its provider.

use chartmesh_tests::{Node, admit, files, is_member, join, until};
use serde_json::Value;

fn entries(at: &Node, subject: &str) -> Vec<Value> {
    let listed = at.cli(&["record", "list", subject]);
    listed.as_array().cloned().unwrap_or_default()
}

#[test]
fn a_hospital_that_lost_everything_but_its_keys_gets_its_records_back_and_they_open() {
    let root = tempfile::tempdir().unwrap();
    let mut hospital = Node::create(root.path(), "hospital", "Kita Hospital");
    let provider = Node::create(root.path(), "backup", "Midori Backup");
    hospital.cli(&["federation", "create", "Kita", "--threshold", "2"]);
    join(&hospital, &provider);
    admit(&hospital, &provider);
    until("the founding", || is_member(&provider, &hospital).then_some(()));

    let chart = hospital.cli(&["patient", "new", "Yamada Taro"]);
    let subject = chart["subject"].as_str().unwrap().to_owned();
    let (small, large) = (root.path().join("note.txt"), root.path().join("scan.bin"));
    std::fs::write(&small, b"seen today").unwrap();
    std::fs::write(&large, vec![7; 3_000_000]).unwrap();
    for file in [&small, &large] {
        let file = file.to_str().unwrap();
        hospital.cli(&["record", "import", &subject, file, "--user", "Dr. Sato"]);
    }
    let before = entries(&hospital, &subject);
    assert_eq!(before.len(), 2);
    hospital.cli(&["backup", "keep", "Midori Backup", &subject]);
    until("the receipts", || {
        let kept = hospital.cli(&["backup", "list"]);
        (kept.as_array().map(Vec::len) == Some(2)).then_some(())
    });

    hospital.kill();
    std::fs::remove_file(hospital.dir.join("store.redb")).unwrap();
    std::fs::remove_dir_all(hospital.dir.join("objects")).unwrap();
    hospital.cli(&["init", "--new-store"]);
    assert!(
        hospital.cli_fails(&["init", "--new-store"]).contains("node"),
        "a store that is there is not replaced"
    );
    hospital.start();
    assert!(hospital.cli(&["patient", "list"]).as_array().is_some_and(Vec::is_empty));
    join(&provider, &hospital);
    until("the federation again", || is_member(&hospital, &provider).then_some(()));
    hospital.cli(&["backup", "restore", "Midori Backup"]);
    until("the entries", || {
        let here = entries(&hospital, &subject);
        (here.len() == 2 && here.iter().all(|entry| entry["whole"] == true)).then_some(())
    });
    let verified = hospital.cli(&["record", "verify", &subject]);
    assert_eq!(verified["good"], 2, "{verified}");
    let out = root.path().join("export");
    hospital.cli(&["record", "export", &subject, "--out", out.to_str().unwrap()]);
    let written: Vec<_> = files(&out).iter().map(|file| std::fs::read(file).unwrap()).collect();
    for plain in [b"seen today".to_vec(), vec![7; 3_000_000]] {
        assert!(written.contains(&plain), "a content did not come back");
    }
}
