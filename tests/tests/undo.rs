//! An enrolment that was made is undone between real nodes.

use std::path::Path;

use chartmesh_tests::{Node, Region, files, until};
use serde_json::{Value, json};

fn entries(at: &Node, subject: &str) -> Vec<Value> {
    let listed = at.cli(&["record", "list", subject]);
    listed.as_array().cloned().unwrap_or_default()
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|entry| entry["entry"].as_str().unwrap().to_owned()).collect()
}

/// The names of the objects on a node's disk.
fn objects(of: &Node) -> Vec<String> {
    let names = files(&of.dir.join("objects"));
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    names.iter().map(name).filter(|name| !name.contains('.')).collect()
}

fn export(at: &Node, subject: &str, to: &Path) -> Vec<Vec<u8>> {
    at.cli(&["record", "export", subject, "--out", to.to_str().unwrap()]);
    files(to).iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn what_was_filed_under_the_wrong_patient_leaves_it_and_large_contents_are_sealed_anew() {
    let root = tempfile::tempdir().unwrap();
    let mut region = Region::found(root.path(), "Sato Aiko");
    let (small, large) = (root.path().join("note.txt"), root.path().join("scan.bin"));
    std::fs::write(&small, b"seen today").unwrap();
    std::fs::write(&large, vec![7; 3_000_000]).unwrap();
    for file in [&small, &large] {
        let file = file.to_str().unwrap();
        region.a.cli(&["record", "import", &region.chart, file, "--user", "Dr. Sato"]);
    }
    let before = ids(&entries(&region.a, &region.patient));
    region.deposit(&before);
    let old_objects = objects(&region.a);
    assert!(!old_objects.is_empty() && objects(&region.provider) == old_objects);
    // The provider is off while it is undone, and hears of it when it is back.
    region.provider.kill();

    let undone = region.a.cli(&["patient", "undo", &region.chart, "--user", "Desk, Ms Ito"]);
    assert_eq!((&undone["taken_out"], &undone["left"]), (&json!(2), &json!(0)), "{undone}");
    until("the relay to take it out", || {
        entries(&region.relay, &region.patient).is_empty().then_some(())
    });
    let gone = region.relay.cli(&["record", "list", &region.patient, "--misfiled"]);
    let mut gone = ids(gone.as_array().unwrap());
    gone.sort_unstable();
    let mut expected = before.clone();
    expected.sort_unstable();
    assert_eq!(gone, expected);
    let shown = region.relay.try_cli(&["patient", "list"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("wrong-person"), "{shown}");

    region.provider.start();
    until("the provider to take it out", || objects(&region.provider).is_empty().then_some(()));
    let kept = region.provider.cli(&["backup", "list"]);
    assert!(kept.as_array().is_some_and(Vec::is_empty), "{kept}");
    // The chart has it, under other ids, in other objects, and it opens.
    let own = undone["subject"].as_str().unwrap();
    let now = entries(&region.a, own);
    assert_eq!(now.len(), 2);
    assert!(ids(&now).iter().all(|entry| !before.contains(entry)));
    assert!(now.iter().all(|entry| entry["whole"] == true), "{now:?}");
    until("the old objects to go", || {
        objects(&region.a).iter().all(|object| !old_objects.contains(object)).then_some(())
    });
    let written = export(&region.a, own, &root.path().join("export"));
    for plain in [b"seen today".to_vec(), vec![7; 3_000_000]] {
        assert!(written.contains(&plain), "a content is not there any more");
    }
    // After a restart all is as it was, and there is nothing left to undo.
    region.a.kill();
    region.a.start();
    assert_eq!(region.a.cli(&["record", "verify", own])["good"], 2);
    let refused = region.a.cli_fails(&["patient", "undo", &region.chart]);
    assert!(refused.contains("not enrolled") || refused.contains("no patient"), "{refused}");
}
