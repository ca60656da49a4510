//! No plaintext at rest, and none where other users of the machine, or readers of logs, look.

use std::fs;
use std::path::{Path, PathBuf};

use chartmesh_node::sample;
use chartmesh_tests::{Node, PASSPHRASE, Region, fetch, grant, whole_entries};
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
        for (name, _) in needles.iter().filter(|(_, needle)| holds(&bytes, needle)) {
            found.push((file.clone(), name.clone()));
        }
    }
    found
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    let (first, rest) = needle.split_first().unwrap();
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

/// Every plain file below `dir`, links and sockets left out.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
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

/// The road up to a further hospital that reads, with a debug log.
fn walk(root: &Path) -> (Region, Vec<Needle>) {
    let person = sample::person(SEED);
    let name = format!("{} {}", person.family[2], person.given[2]);
    let mut region = Region::found(root, &name);
    for node in [&mut region.a, &mut region.b, &mut region.provider, &mut region.relay] {
        node.kill();
        node.log_with("debug,libp2p=info,quinn=info");
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

fn nodes(region: &Region) -> [&Node; 4] {
    [&region.a, &region.b, &region.provider, &region.relay]
}

#[test]
fn no_plaintext_is_on_any_disk_and_no_secret_in_any_log_or_process() {
    let root = tempfile::tempdir().unwrap();
    let (mut region, needles) = walk(root.path());

    // While the processes run: what every user of the machine can list.
    let secrets: Vec<Needle> = [PASSPHRASE.to_owned(), region.words.clone()].map(text).to_vec();
    let ids = [text(region.patient.clone()), text(region.chart.clone())];
    let hidden: Vec<Needle> = secrets.iter().chain(&ids).cloned().chain(of_the_patient()).collect();
    for node in nodes(&region) {
        for what in ["cmdline", "environ"] {
            let seen = fs::read(format!("/proc/{}/{what}", node.process())).unwrap();
            let found: Vec<_> = hidden.iter().filter(|(_, needle)| holds(&seen, needle)).collect();
            assert!(found.is_empty(), "in the {what} of {}: {found:?}", node.name);
        }
    }

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
        assert!(holds(&log, b"DEBUG"), "{} does not log its details", node.name);
        for (name, needle) in &in_logs {
            if holds(&log, needle) {
                let log = String::from_utf8_lossy(&log).into_owned();
                let line = log.lines().find(|line| holds(line.as_bytes(), needle));
                panic!("{name} is in the log of {}: {line:?}", node.name);
            }
        }
    }

    // The same search sees all of it where it does stand in clear.
    let control = tempfile::tempdir().unwrap();
    let inner = control.path().join("inner");
    sample::write(&inner, SEED).unwrap();
    let person = sample::person(SEED);
    let rest = [person.given.concat(), person.family.concat(), NOTE.into(), "KH-77120934".into()];
    fs::write(inner.join("note.txt"), rest.concat()).unwrap();
    fs::write(inner.join("secrets.txt"), format!("{PASSPHRASE}\n{}\n", region.words)).unwrap();
    let found = search(control.path(), &at_rest);
    for (name, _) in &at_rest {
        assert!(found.iter().any(|(_, found)| found == name), "the search is blind to {name}");
    }
}
