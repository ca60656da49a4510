//! No plaintext at rest, and none where other users of the machine, or readers of logs, look.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chartmesh_kit::sample;
use chartmesh_tests::{
    Node, PASSPHRASE, Region, fetch, files, grant, program, until, whole_entries,
};
use serde_json::{Value, json};

/// The patient of this seed has records and images.
const SEED: u64 = 7;
/// A note that nobody else writes.
const NOTE: &str = "The patient mentions the blue heron of Hayakawa bridge.\n";
const TITLE: &str = "Conversation about herons";
const MESSAGE: &str = "second opinion about the heron";

/// What must stand nowhere in clear: a name for it, and its bytes.
type Needle = (String, Vec<u8>);

/// Every file below `dir` that holds a needle.
fn search(dir: &Path, needles: &[Needle]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for file in files(dir) {
        let bytes = fs::read(&file).unwrap();
        found.extend(held(&bytes, needles).into_iter().map(|name| (file.clone(), name)));
    }
    found
}

/// The needles that stand in `bytes`, in one pass: logs of everything are long.
fn held(bytes: &[u8], needles: &[Needle]) -> BTreeSet<String> {
    let mut first = [false; 256];
    for (_, needle) in needles {
        first[usize::from(needle[0])] = true;
    }
    let mut held = BTreeSet::new();
    for (at, byte) in bytes.iter().enumerate() {
        if first[usize::from(*byte)] {
            let here = needles.iter().filter(|(_, needle)| bytes[at..].starts_with(needle));
            held.extend(here.map(|(name, _)| name.clone()));
        }
    }
    held
}

fn text(needle: impl Into<String>) -> Needle {
    let needle = needle.into();
    (needle.clone(), needle.into_bytes())
}

/// Who the patient is: for logs as well as for disks.
fn of_the_patient() -> Vec<Needle> {
    let person = sample::person(SEED);
    let mut needles: Vec<Needle> =
        person.family.iter().chain(&person.given).copied().map(text).collect();
    needles.extend([text(person.number.clone()), text(person.birth_date()), text("KH-77120934")]);
    needles
}

/// What the records say.
fn of_the_records(still: &[u8]) -> Vec<Needle> {
    let mut needles: Vec<Needle> =
        ["resourceType", "DICM", "Observation", "http://loinc.org", "heron"].map(text).to_vec();
    // From the middle of the image, in the order of the file.
    let middle = still.len() / 2;
    needles.push(("pixels".into(), still[middle..middle + 64].to_vec()));
    needles
}

/// Each two neighbours of the 24 words, as they stand in a phrase and in JSON; single ones are
/// everyday words.
fn of_the_phrase(words: &str) -> Vec<Needle> {
    let words: Vec<&str> = words.split(' ').collect();
    assert_eq!(words.len(), 24);
    let pairs = words.windows(2);
    pairs
        .flat_map(|pair| [text(pair.join(" ")), text(format!("\"{}\",\"{}\"", pair[0], pair[1]))])
        .collect()
}

/// The road up to a further hospital that reads, with everything logged that can be.
fn walk(root: &Path) -> (Region, Vec<Needle>) {
    let person = sample::person(SEED);
    let name = format!("{} {}", person.family[2], person.given[2]);
    let mut region = Region::found(root, &name);
    for node in [&mut region.a, &mut region.b, &mut region.provider, &mut region.relay] {
        node.kill();
        node.log_with("trace");
        node.start();
    }
    region.unlock();
    let still = sample::still(SEED, 1);
    let Region { a, patient, .. } = &region;
    let mut entries = a.import(patient, "records.json", &sample::bundle(SEED), json!({})).unwrap();
    entries.extend(a.import(patient, "image.dcm", &still, json!({})).unwrap());
    let extra = json!({"kind": "reports", "title": TITLE});
    entries.extend(a.import(patient, "note.txt", NOTE.as_bytes(), extra).unwrap());
    region.deposit(&entries);
    let wish = json!({"kinds": ["reports", "imaging"]});
    let request = grant(&region, &wish, &json!({"days": 1}), MESSAGE);
    let ended = fetch(&region.b, &request, &region.provider.id).unwrap();
    assert_eq!(ended["state"], "done", "{ended}");
    assert!(whole_entries(&region.b, patient).len() >= 2);
    // Something that is refused, too: errors are where data slip into logs.
    let wrong: Value = json!({"passphrase": format!("{PASSPHRASE}!"), "minutes": 1});
    region.relay.post(&format!("/v1/patients/{patient}/unlock"), &wrong).unwrap_err();
    region.relay.get(&format!("/v1/entries/{}?subject={patient}", entries[0])).unwrap_err();

    let mut needles = of_the_patient();
    needles.extend(of_the_records(&still));
    (region, needles)
}

/// The arguments and the environment of a process hold no needle. False when it has ended.
fn listed_by_anyone(process: u32, needles: &[Needle]) -> bool {
    for what in ["cmdline", "environ"] {
        // What has ended can be listed no more.
        let Ok(seen) = fs::read(format!("/proc/{process}/{what}")) else { return false };
        let found = held(&seen, needles);
        assert!(found.is_empty(), "{found:?} in the {what} of a process");
    }
    true
}

/// The program, as the patient uses it with a secret: watched from its start to its end.
fn unlock_with_a_passphrase(region: &Region, secrets: &[Needle]) {
    let mut child = Command::new(program())
        .arg("--dir")
        .arg(&region.relay.dir)
        .args(["patient", "unlock", &region.patient, "--passphrase-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(listed_by_anyone(child.id(), secrets), "it waits for the passphrase");
    writeln!(child.stdin.take().unwrap(), "{PASSPHRASE}").unwrap();
    let ended = until("the keys to be unlocked", || {
        listed_by_anyone(child.id(), secrets);
        child.try_wait().unwrap()
    });
    assert!(ended.success());
    // There is no argument that a secret could be given with.
    for args in [["patient", "unlock", "--passphrase"], ["patient", "rotate", "--words"]] {
        let refused = region.relay.cli_fails(&[&args[..], &["anything"]].concat());
        assert!(refused.contains("unexpected argument"), "{refused}");
    }
}

fn nodes(region: &Region) -> [&Node; 4] {
    [&region.a, &region.b, &region.provider, &region.relay]
}

#[test]
fn no_plaintext_is_on_any_disk_and_no_secret_in_any_log_or_process() {
    let root = tempfile::tempdir().unwrap();
    let (mut region, needles) = walk(root.path());

    // While the processes run: what every user of the machine can list.
    let mut secrets = of_the_phrase(&region.words);
    secrets.push(text(PASSPHRASE));
    let ids = [text(region.patient.clone()), text(region.chart.clone())];
    let hidden: Vec<Needle> = secrets.iter().chain(&ids).cloned().chain(of_the_patient()).collect();
    for node in nodes(&region) {
        listed_by_anyone(node.process(), &hidden);
    }
    unlock_with_a_passphrase(&region, &secrets);

    // Switched off as by a power cut, so that nothing is tidied up.
    for node in [&mut region.a, &mut region.b, &mut region.provider, &mut region.relay] {
        node.kill();
    }
    let at_rest: Vec<Needle> = needles.iter().cloned().chain(secrets.iter().cloned()).collect();
    for node in nodes(&region) {
        assert!(files(&node.dir).len() > 4, "{} has too few files to mean anything", node.name);
        let found = search(&node.dir, &at_rest);
        assert!(found.is_empty(), "in clear at {}: {found:?}", node.name);
    }

    let mut in_logs = hidden;
    in_logs.extend([TITLE, NOTE, MESSAGE, "resourceType", "heron"].map(text));
    for node in nodes(&region) {
        let log = fs::read(node.log_file()).unwrap();
        assert!(!held(&log, &[text("TRACE")]).is_empty(), "{} keeps its details", node.name);
        if let Some(name) = held(&log, &in_logs).first() {
            let log = String::from_utf8_lossy(&log).into_owned();
            let line = log.lines().find(|line| line.contains(name));
            panic!("{name} is in the log of {}: {line:?}", node.name);
        }
    }

    // The same search sees all of it where it does stand in clear.
    let control = tempfile::tempdir().unwrap();
    let inner = control.path().join("inner");
    sample::write(&inner, SEED).unwrap();
    let person = sample::person(SEED);
    let rest = [person.given.concat(), person.family.concat(), NOTE.into(), "KH-77120934".into()];
    fs::write(inner.join("note.txt"), rest.concat()).unwrap();
    let list: Vec<&str> = region.words.split(' ').collect();
    let secrets = format!("{PASSPHRASE}\n{}\n{}\n", region.words, json!(list));
    fs::write(inner.join("secrets.txt"), secrets).unwrap();
    let found = search(control.path(), &at_rest);
    for (name, _) in &at_rest {
        assert!(found.iter().any(|(_, found)| found == name), "the search is blind to {name}");
    }
}

#[test]
fn what_a_patients_keys_opened_closes_with_them() {
    let root = tempfile::tempdir().unwrap();
    let Region { a, relay, patient, .. } = &Region::found(root.path(), "Tanabe Reiko");
    let extra = json!({"kind": "reports", "title": TITLE});
    let entry = a.import(patient, "note.txt", NOTE.as_bytes(), extra).unwrap().remove(0);
    until("the entry at the relay", || {
        let query = json!({"entries": {"subject": patient}});
        let seen = relay.list(query, Some(patient)).ok()?;
        seen.iter().any(|seen| seen["entry"] == entry.as_str()).then_some(())
    });
    let open = json!({
        "subject": patient, "entry": entry, "user": "the patient", "purpose": "patient-requested",
    });
    let opened = relay.post("/v1/open", &open).unwrap();
    assert_eq!(opened["manifest"]["title"], TITLE);
    let content = format!("/v1/open/{}/0", opened["open"].as_str().unwrap());
    let refused = || relay.get(&content).unwrap_err();
    assert!(!refused().text().contains("nothing is open"), "open, and its content elsewhere");
    relay.post(&format!("/v1/patients/{patient}/lock"), &json!({})).unwrap();
    assert!(refused().text().contains("nothing is open"), "{:?}", refused());
}
