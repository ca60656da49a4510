//! What a person means by a word, and what it costs to ask.

use chartmesh_tests::{Counter, Node};
use serde_json::{Value, json};

#[test]
fn a_name_an_identifier_or_the_beginning_of_an_id_resolves_in_one_request() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::create(root.path(), "hospital", "Kita Hospital");
    let sato = node.cli(&["patient", "new", "サトウ　アイコ", "--identifier", "mrn=77120934"]);
    node.cli(&["patient", "new", "さとう", "--identifier", "mrn=77120935"]);
    let (chart, subject) = (sato["chart"].as_str().unwrap(), sato["subject"].as_str().unwrap());
    let about = json!({"kind": "reports", "title": "A letter"});
    let entry = node.import(subject, "note.txt", b"Well.", about).unwrap().remove(0);
    let counter = Counter::before(&node, root.path().join("counted.sock"));
    let words =
        ["ｻﾄｳ ｱｲｺ", "さとう　あいこ", "MRN=77120934", "77120934", &chart[..6], &subject[..7]];
    for word in words {
        let before = counter.asked().len();
        let shown =
            counter.command(&["record", "list", word]).output().expect("the program starts");
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert!(shown.status.success(), "{word}: {said}");
        let listed: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
        assert_eq!(listed[0]["entry"], entry.as_str(), "{word}: {listed}");
        // To find whose, and to list the record.
        assert_eq!(counter.asked()[before..], ["/v1/query/find", "/v1/query/entries"], "{word}");
    }
    let asked = node.cli_fails(&["record", "list", "mrn=7712093"]);
    assert!(asked.contains("known here") && asked.contains("サトウ"), "{asked}");
    node.cli(&["patient", "new", "Tanaka", "--identifier", &format!("old={}", &chart[..6])]);
    let asked = node.cli_fails(&["record", "list", &chart[..6]]);
    assert!(asked.contains("can mean 2 of these") && asked.contains("Tanaka"), "{asked}");
    // A title that looks like the beginning of another entry's id is asked about, too.
    node.cli(&["record", "show", subject, &entry[..8], "--user", "Dr. Abe"]);
    let about = json!({"kind": "reports", "title": &entry[..8]});
    node.import(subject, "other.txt", b"Not that one.", about).unwrap();
    let asked = node.cli_fails(&["record", "show", subject, &entry[..8], "--user", "Dr. Abe"]);
    assert!(asked.contains("can mean 2 of these"), "{asked}");
}
