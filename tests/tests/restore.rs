//! A hospital that lost its store and its objects gets its records back from its provider.

use std::path::{Path, PathBuf};

use chartmesh_tests::{Node, admit, copy_store, files, is_member, join, until};
use serde_json::{Value, json};

fn entries(at: &Node, subject: &str) -> Vec<Value> {
    let listed = at.cli(&["record", "list", subject]);
    listed.as_array().cloned().unwrap_or_default()
}

/// A hospital and its provider in one federation, and a chart at the hospital.
fn founded(root: &Path) -> (Node, Node, String) {
    let hospital = Node::create(root, "hospital", "Kita Hospital");
    let provider = Node::create(root, "backup", "Midori Backup");
    hospital.cli(&["federation", "found", "Kita"]);
    join(&hospital, &provider);
    admit(&hospital, &provider);
    until("the founding", || is_member(&provider, &hospital).then_some(()));
    let chart = hospital.cli(&["patient", "new", "Yamada Taro"]);
    let subject = chart["subject"].as_str().unwrap().to_owned();
    (hospital, provider, subject)
}

#[test]
fn a_hospital_that_lost_everything_but_its_keys_gets_its_records_back_and_they_open() {
    let root = tempfile::tempdir().unwrap();
    let (mut hospital, provider, subject) = founded(root.path());
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

#[test]
fn a_hospital_that_lost_its_store_alone_fetches_none_of_its_objects_again() {
    let root = tempfile::tempdir().unwrap();
    let (mut hospital, provider, subject) = founded(root.path());
    let large = root.path().join("scan.bin");
    std::fs::write(&large, vec![7; 3_000_000]).unwrap();
    hospital.cli(&["record", "import", &subject, large.to_str().unwrap(), "--user", "Dr. Sato"]);
    hospital.cli(&["backup", "keep", "Midori Backup", &subject, "--wait"]);

    hospital.kill();
    std::fs::remove_file(hospital.dir.join("store.redb")).unwrap();
    hospital.cli(&["init", "--new-store"]);
    hospital.start();
    join(&provider, &hospital);
    until("the federation again", || is_member(&hospital, &provider).then_some(()));
    hospital.cli(&["backup", "restore", "Midori Backup", "--wait"]);
    assert_eq!(hospital.cli(&["record", "verify", &subject])["good"], 1);
    let pulls = hospital.get("/v1/transfers").unwrap();
    let moved: Vec<u64> = pulls
        .as_array()
        .unwrap()
        .iter()
        .map(|pull| pull["length"].as_u64().unwrap() - pull["resumed_from"].as_u64().unwrap())
        .collect();
    assert_eq!(moved, [0], "it was there all the time");
}

/// The only file of an object of about this size, in a node's object folder.
fn object_file(at: &Node, bytes: std::ops::Range<u64>) -> PathBuf {
    let mut found: Vec<PathBuf> = files(&at.dir.join("objects/objects"));
    found.retain(|path| {
        path.extension().is_none() && bytes.contains(&path.metadata().unwrap().len())
    });
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Flips a bit in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn objects_that_a_disk_lost_or_damaged_are_named_and_come_back_from_the_provider() {
    let root = tempfile::tempdir().unwrap();
    let (mut hospital, mut provider, subject) = founded(root.path());
    let sizes = [1_000_000, 2_000_000, 3_000_000];
    for size in sizes {
        let file = root.path().join(format!("{size}.bin"));
        std::fs::write(&file, vec![7; size]).unwrap();
        let file = file.to_str().unwrap();
        hospital.cli(&["record", "import", &subject, file, "--user", "Dr. Sato"]);
    }
    let keep = ["backup", "keep", "Midori Backup", &subject, "--wait"];
    hospital.cli(&keep);
    assert_eq!(hospital.cli(&["record", "verify", &subject])["good"], 3);

    // While the node runs: one file goes, a bit of another flips.
    let gone = object_file(&hospital, 1_000_000..1_200_000);
    let bad = object_file(&hospital, 2_000_000..2_300_000);
    std::fs::remove_file(&gone).unwrap();
    damage(&bad);
    let said = hospital.cli_fails(&["record", "verify", &subject]);
    assert!(said.contains("2 entries do not hold"), "{said}");
    let verified = hospital.list(json!({"verify": {"subject": subject}}), None).unwrap();
    let lines = json!(verified).to_string();
    assert!(lines.contains(&format!("object {} is lost", name(&gone))), "{lines}");
    assert!(lines.contains(&format!("object {} is damaged", name(&bad))), "{lines}");
    let whole = entries(&hospital, &subject).iter().filter(|e| e["whole"] == true).count();
    assert_eq!(whole, 1, "what is lost is not claimed");
    hospital.cli(&["backup", "restore", "Midori Backup", &subject, "--wait"]);
    assert_eq!(hospital.cli(&["record", "verify", &subject])["good"], 3);
    assert!(gone.exists() && bad.exists());

    // While it is off: the start notices what is missing, and a restore needs no check before it.
    hospital.kill();
    std::fs::remove_file(&gone).unwrap();
    hospital.start();
    let whole = entries(&hospital, &subject).iter().filter(|e| e["whole"] == true).count();
    assert_eq!(whole, 2, "the start noticed");
    hospital.cli(&["backup", "restore", "Midori Backup", "--wait"]);
    assert_eq!(hospital.cli(&["record", "verify", &subject])["good"], 3);

    // At the provider: it notices, gives out nothing damaged, and is healed by keeping again.
    let kept = object_file(&provider, 3_000_000..3_300_000);
    damage(&kept);
    let said = provider.cli_fails(&["backup", "verify"]);
    assert!(said.contains("1 object is lost or damaged"), "{said}");
    provider.kill();
    provider.start();
    hospital.cli(&keep);
    until("the provider to be whole", || {
        provider.try_cli(&["backup", "verify"]).status.success().then_some(())
    });
    assert!(kept.exists());
}

#[test]
fn a_content_that_does_not_open_keeps_nothing_else_from_an_export() {
    let root = tempfile::tempdir().unwrap();
    let hospital = Node::create(root.path(), "hospital", "Kita Hospital");
    let subject = hospital.cli(&["patient", "new", "Yamada Taro"])["subject"].clone();
    let subject = subject.as_str().unwrap();
    let mut expected = Vec::new();
    for (name, size) in [("good.bin", 1_000_000), ("bad.bin", 2_000_000)] {
        let file = root.path().join(name);
        std::fs::write(&file, vec![7; size]).unwrap();
        let file = file.to_str().unwrap();
        // As long as a title may be, and each of its characters three bytes.
        let title = "漢".repeat(66);
        let import = ["record", "import", subject, file, "--user", "Dr. Sato", "--title", &title];
        hospital.cli(&import);
        expected.push(vec![7; size]);
    }
    damage(&object_file(&hospital, 2_000_000..2_300_000));
    let out = root.path().join("export");
    let said = hospital.cli(&["record", "export", subject, "--out", out.to_str().unwrap()]);
    assert_eq!((&said["entries"], &said["unopened"]), (&json!(2), &json!(1)), "{said}");
    let manifest = std::fs::read_to_string(out.join("manifest.json")).unwrap();
    assert!(manifest.contains("content 1: ") && manifest.contains("does not open"), "{manifest}");
    let written: Vec<_> = files(&out).iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(written.contains(&expected[0]) && !written.contains(&expected[1]));
}

/// [MSG-8], [MSG-10]
#[test]
fn a_store_that_is_put_back_is_noticed_at_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let (mut hospital, _provider, subject) = founded(root.path());
    let import = |hospital: &Node, title: &str| {
        let file = root.path().join(format!("{title}.txt"));
        std::fs::write(&file, title).unwrap();
        let file = file.to_str().unwrap();
        hospital.cli(&["record", "import", &subject, file, "--user", "Dr. Sato"]);
        hospital.cli(&["backup", "keep", "Midori Backup", &subject, "--wait"]);
    };
    import(&hospital, "before");
    hospital.kill();
    let copy = root.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    copy_store(&hospital.dir, &copy);
    hospital.start();
    assert!(hospital.get("/v1/status").unwrap()["put_back"].is_null());
    import(&hospital, "after");
    assert_eq!(entries(&hospital, &subject).len(), 2);

    hospital.kill();
    copy_store(&copy, &hospital.dir);
    hospital.start();
    assert_eq!(entries(&hospital, &subject).len(), 1);
    let status = hospital.get("/v1/status").unwrap();
    assert!(status["put_back"]["since"].is_u64(), "{status}");
    hospital.cli(&["backup", "restore", "Midori Backup", "--wait"]);
    assert_eq!(entries(&hospital, &subject).len(), 2);
    // The next start is after that one: nothing is older than it.
    hospital.kill();
    hospital.start();
    let later = hospital.get("/v1/status").unwrap();
    assert_eq!(later["put_back"]["noticed"], status["put_back"]["noticed"]);
}
