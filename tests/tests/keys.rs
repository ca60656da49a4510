//! Institutions' keys between processes: a theft and what it takes to recover from it, exports, and 24 words alone.

use std::path::{Path, PathBuf};

use chartmesh_node::keystore::{Keystore, Unlock};
use chartmesh_tests::{
    Node, Region, admit, files, is_member, join, lines, standing, until, waiting, whole_entries,
};
use serde_json::{Value, json};

/// A file with these words, as a person would have one for a moment.
fn written(root: &Path, words: &str) -> String {
    let file = root.join("words.txt");
    std::fs::write(&file, words).unwrap();
    file.to_str().unwrap().to_owned()
}

/// All of a node's files, in another folder: what a thief of its machine has, or of a backup of it.
fn copy(of: &Node, to: &Path, name: &'static str) -> Node {
    for file in files(&of.dir) {
        // Whoever brings up the copy elsewhere has other ports.
        if file.file_name().is_some_and(|name| name != "ports.json") {
            let to = to.join(file.strip_prefix(&of.dir).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(&file, &to).unwrap();
        }
    }
    Node::at(to, name)
}

/// The names of the secrets in a node's keystore.
fn secrets(of: &Node) -> Vec<String> {
    let unlock = Unlock::KeyFile(of.dir.join("key"));
    let secrets = Keystore::open(&of.dir.join("keystore"), &unlock).unwrap();
    secrets.names().map(str::to_owned).collect()
}

fn signing_seeds(of: &Node) -> Vec<String> {
    secrets(of).into_iter().filter(|name| name.contains("signing-seed-")).collect()
}

/// The number of an institution's newest key, as another node knows it.
fn key_of(whom: &Node, at: &Node) -> u64 {
    let peers = at.cli(&["peers"]);
    let peers = peers.as_array().cloned().unwrap_or_default();
    let peer = peers.iter().find(|peer| peer["institution"] == whom.id.as_str()).unwrap();
    peer["key"].as_u64().unwrap()
}

/// The number of a member's key in the newest view.
fn key_in_view(whom: &Node, at: &Node) -> Option<u64> {
    let view = at.cli(&["federation", "members"]);
    let parties = view["parties"].as_array().cloned().unwrap_or_default();
    parties.iter().find(|party| party["party"] == whom.id.as_str())?["key"].as_u64()
}

fn votes(at: &Node) -> Value {
    at.cli(&["federation", "members"])["open"].clone()
}

fn import(at: &Node, subject: &str, title: &str) -> String {
    let extra = json!({"kind": "reports", "title": title});
    at.import(subject, "note.txt", title.as_bytes(), extra).unwrap().remove(0)
}

fn rotate(node: &mut Node, root: &Path) {
    node.kill();
    let words = written(root, &node.words);
    node.cli(&["key", "rotate", "--words-file", &words]);
    node.start();
}

#[test]
fn a_thief_of_a_whole_keystore_is_shut_out_by_a_rotation_and_the_hospital_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let mut region = Region::found(root.path(), "Yamada Taro");
    let entry = import(&region.a, &region.patient, "Before the theft");
    region.seen_at_relay(std::slice::from_ref(&entry));

    // Somebody takes all of hospital A's files, what opens them included.
    region.a.kill();
    let mut thief = copy(&region.a, &root.path().join("thief"), "Kita Hospital");

    // Wrong words, a patient's, and none that belong together change nothing.
    let other = Node::init(root.path(), "hospital", "Nishi Clinic", &["--no-mdns"]);
    for (words, why) in [
        (other.words.as_str(), "not this institution's"),
        (region.words.as_str(), "not this institution's"),
        (&"abandon ".repeat(24), "do not belong together"),
    ] {
        let file = written(root.path(), words);
        let refused = region.a.cli_fails(&["key", "rotate", "--words-file", &file]);
        assert!(refused.contains(why), "{refused}");
    }
    // The thief has no others: what is in the keystore rotates nothing.
    let file = written(root.path(), &other.words);
    let refused = thief.cli_fails(&["key", "rotate", "--words-file", &file]);
    assert!(refused.contains("not this institution's"), "{refused}");

    let (id, words) = (region.a.id.clone(), region.a.words.clone());
    region.a.start();
    let file = written(root.path(), &words);
    let refused = region.a.cli_fails(&["key", "rotate", "--words-file", &file]);
    assert!(refused.contains("chartmesh stop"), "{refused}");
    rotate(&mut region.a, root.path());
    let Region { a, b, provider, relay, patient, .. } = &region;
    assert_eq!(a.id, id, "the institution stays who it is");
    for at in [b, provider, relay] {
        until("the new key everywhere", || (key_of(a, at) == 1).then_some(()));
    }
    for at in [a, b, provider] {
        until("the members to take it up", || (key_in_view(a, at) == Some(1)).then_some(()));
    }
    let status = a.cli(&["key", "status"]);
    assert_eq!((&status["number"], &status["in_view"]), (&json!(1), &json!(1)), "{status}");
    assert_eq!(status["rotations_left"], 39);
    // What signed its part in the view before is erased, on its disk, too.
    until("the earlier key to be erased", || {
        (signing_seeds(a) == ["institution-signing-seed-1"]).then_some(())
    });

    // The thief starts what was stolen, and says and votes what it likes: nobody takes it from there.
    thief.start();
    assert_eq!(thief.id, id);
    thief.cli(&["federation", "expel", &b.id, "--reason", "said by a thief"]);
    import(&thief, patient, "Made up by a thief");
    for at in [b, provider, relay] {
        until("the thief's word to be refused", || {
            let log = std::fs::read_to_string(thief.log_file()).unwrap();
            log.contains("peer.old-keys").then_some(())
        });
        assert_eq!(key_of(a, at), 1);
        assert_eq!(votes(at).as_array().map(Vec::len), Some(0), "{}", votes(at));
    }
    until("the thief's word to wait", || (waiting(&thief, relay) > 0).then_some(()));

    // The hospital goes on with its patients and its federation.
    let entry = import(a, patient, "After the theft");
    region.seen_at_relay(std::slice::from_ref(&entry));
    region.deposit(std::slice::from_ref(&entry));
    let listed = whole_entries(relay, patient);
    assert!(listed.values().all(|entry| entry["title"] != "Made up by a thief"), "{listed:?}");
    assert!(!lines(provider, patient).is_empty());
    let mut other = other;
    other.start();
    join(b, &other);
    admit(b, &other);
    until("A to hear of the applicant", || standing(a, &other.id));
    admit(a, &other);
    for at in [a, b, provider, &other] {
        until("the admission, with A's new key", || is_member(at, &other).then_some(()));
    }
    assert_eq!(whole_entries(a, patient).len(), 2);
}

/// A hospital with one entry that a provider keeps for it.
fn kept(root: &Path) -> (Node, Node, String) {
    let hospital = Node::create(root, "hospital", "Kita Hospital");
    let provider = Node::create(root, "backup", "Midori Backup");
    hospital.cli(&["federation", "found", "Kita"]);
    join(&hospital, &provider);
    admit(&hospital, &provider);
    until("the founding", || is_member(&provider, &hospital).then_some(()));
    let chart = hospital.cli(&["patient", "new", "Yamada Taro"]);
    let subject = chart["subject"].as_str().unwrap().to_owned();
    import(&hospital, &subject, "Kept elsewhere");
    hospital.cli(&["backup", "keep", "Midori Backup", &subject, "--wait"]);
    (hospital, provider, subject)
}

/// The hospital comes back with an empty store, and gets back what the provider keeps.
fn gets_back(hospital: &mut Node, provider: &Node, subject: &str) {
    hospital.start();
    join(provider, hospital);
    until("the federation again", || is_member(hospital, provider).then_some(()));
    hospital.cli(&["backup", "restore", "Midori Backup", "--wait"]);
    let entries = hospital.cli(&["record", "list", subject]);
    assert_eq!(entries[0]["title"], "Kept elsewhere", "{entries}");
    assert_eq!(hospital.cli(&["record", "verify", subject])["good"], 1);
}

const NETWORK: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

#[test]
fn an_export_makes_the_node_again_on_another_machine_and_opens_what_was_kept() {
    let root = tempfile::tempdir().unwrap();
    let (mut hospital, provider, subject) = kept(root.path());
    let id = hospital.id.clone();
    // What was sealed before a rotation opens after it.
    rotate(&mut hospital, root.path());
    until("the provider to hear", || (key_in_view(&hospital, &provider) == Some(1)).then_some(()));

    let pass = root.path().join("pass");
    let export = root.path().join("kita.keys");
    let (pass_file, file) = (pass.to_str().unwrap(), export.to_str().unwrap());
    std::fs::write(&pass, "x\n").unwrap();
    let args = ["key", "export", file, "--export-passphrase-file", pass_file];
    assert!(hospital.cli_fails(&args).contains("at least 15 characters"));
    std::fs::write(&pass, "seven salmon swim upstream\n").unwrap();
    hospital.cli(&args);
    assert!(hospital.cli_fails(&args).contains("there already"));
    hospital.kill();

    let import = |dir: &Path, more: &[&str]| {
        let node = Node::at(dir, "Kita Hospital");
        let args = ["init", "--import", file, "--export-passphrase-file", pass_file];
        (node.try_cli(&[&args, more, &NETWORK, &["--no-passphrase"]].concat()), node)
    };
    // Beside the store that was left, it is the very node that it was.
    let stays = root.path().join("stays");
    copy(&hospital, &stays, "Kita Hospital");
    for gone in ["identity.json", "keystore", "key"] {
        std::fs::remove_file(stays.join(gone)).unwrap();
    }
    let (done, mut node) = import(&stays, &[]);
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&said["with_store"], &said["words"]), (&json!(true), &Value::Null), "{said}");
    node.start();
    assert_eq!(node.id, id);
    until("its federation", || is_member(&node, &provider).then_some(()));
    assert_eq!(node.cli(&["record", "list", &subject])[0]["title"], "Kept elsewhere");
    node.kill();

    // On an empty machine it is another node of the same institution.
    std::fs::remove_dir_all(&hospital.dir).unwrap();
    let (done, mut node) = import(&root.path().join("anew"), &[]);
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&said["with_store"], &said["institution"]), (&json!(false), &json!(id)), "{said}");
    gets_back(&mut node, &provider, &subject);

    std::fs::write(&pass, "another salmon swims home\n").unwrap();
    let (refused, node) = import(&root.path().join("wrong"), &[]);
    assert_eq!(refused.status.code(), Some(6), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!node.dir.join("identity.json").exists());
}

#[test]
fn twenty_four_words_alone_make_an_institution_again_that_opens_what_was_kept() {
    let root = tempfile::tempdir().unwrap();
    let (mut hospital, provider, subject) = kept(root.path());
    let (id, words) = (hospital.id.clone(), written(root.path(), &hospital.words));
    hospital.kill();
    std::fs::remove_dir_all(&hospital.dir).unwrap();
    let recover = |dir: &str, more: &[&str]| {
        let node = Node::at(&root.path().join(dir), "Kita Hospital");
        let args = ["init", "--recover", "--role", "hospital", "--name", "Kita Hospital"];
        let words = ["--words-file", &words, "--no-passphrase"];
        (node.try_cli(&[&args[..], &words, &NETWORK, more].concat()), node)
    };
    let (done, mut node) = recover("anew", &[]);
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(said["institution"], id.as_str(), "{said}");
    gets_back(&mut node, &provider, &subject);

    // Once it has rotated, the members' key log is needed, too: it is public, and any of them has it.
    node.words.clone_from(&hospital.words);
    rotate(&mut node, root.path());
    until("the provider to hear", || (key_of(&node, &provider) == 1).then_some(()));
    let log = root.path().join("log.json");
    std::fs::write(&log, provider.cli(&["token", "keys", "Kita Hospital"]).to_string()).unwrap();
    node.kill();
    std::fs::remove_dir_all(&node.dir).unwrap();
    // Without it the words make the first key, which is refused, and nothing says that anybody could still admit it.
    let (done, mut early) = recover("early", &[]);
    assert!(done.status.success());
    early.start();
    join(&provider, &early);
    until("the refusal", || {
        let refused = early.cli(&["federation", "members"])["refused"]["why"].clone();
        refused.as_str().is_some_and(|why| why.contains("key rotate --keys")).then_some(())
    });
    early.kill();
    let (done, mut node) = recover("again", &["--keys", log.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // The members may know the earlier key alone: its part in their view takes that.
    assert_eq!(signing_seeds(&node).len(), 2);
    gets_back(&mut node, &provider, &subject);
    assert_eq!(node.cli(&["key", "status"])["number"], 1);

    // A relay has no words: none are shown, and none make one.
    let relay = Node::init(root.path(), "patient", "Sakura Relay", &["--no-mdns"]);
    assert_eq!(relay.words, "");
    let refused = relay.cli_fails(&["key", "rotate", "--words-file", &words]);
    assert!(refused.contains("a relay has no words"), "{refused}");
    assert_eq!(relay.cli(&["key", "status"])["rotations_left"], 0);
}

#[test]
fn a_store_of_another_keystore_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let one = Node::init(root.path(), "backup", "Midori Backup", &["--no-mdns"]);
    let other = Node::init(root.path(), "backup", "Cedar Backup", &["--no-mdns"]);
    let (pass, export): (PathBuf, PathBuf) = (root.path().join("pass"), root.path().join("keys"));
    std::fs::write(&pass, "seven salmon swim upstream\n").unwrap();
    let pass = ["--export-passphrase-file", pass.to_str().unwrap()];
    one.cli(&[&["key", "export", export.to_str().unwrap()][..], &pass].concat());
    for gone in ["identity.json", "keystore"] {
        std::fs::remove_file(other.dir.join(gone)).unwrap();
    }
    let args = ["init", "--import", export.to_str().unwrap(), "--no-passphrase"];
    let refused = other.cli_fails(&[&args[..], &pass].concat());
    assert!(refused.contains("does not fit the store"), "{refused}");
    assert!(!other.dir.join("keystore").exists(), "nothing was written");
}
