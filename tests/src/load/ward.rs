//! Nodes as processes, with patients enrolled, and what a person does at their terminals.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::corpus::{Corpus, Person};
use super::options::Options;
use crate::{Node, PASSPHRASE, Region, enrol, program, until, within};

/// How long a patient's keys stay unlocked, in minutes: longer than a run.
const UNLOCKED: u32 = 12 * 60;

/// The nodes of a run, and what they have.
#[derive(Debug)]
pub struct Ward {
    /// Two hospitals, a provider and a relay.
    pub region: Region,
    /// What records are made of.
    pub corpus: Corpus,
    /// What was asked for.
    pub options: Options,
    /// Where all files of the run are.
    pub root: PathBuf,
    /// Patients enrolled at hospital A, whose records the size is made of.
    pub patients: Vec<Enrolled>,
}

impl Ward {
    /// Founds the region. Its one patient is nobody's subject here.
    #[must_use]
    pub fn found(options: Options, corpus: Corpus, root: &Path) -> Self {
        let region = Region::found(root, "Tanabe Reiko");
        Self { region, corpus, options, root: root.to_owned(), patients: Vec::new() }
    }

    /// A patient who is enrolled in a new chart of hospital A.
    #[must_use]
    pub fn enrolled(&self, number: u64) -> Enrolled {
        let who = new_patient(&self.region, self.corpus.person(number));
        let (chart, _) = new_chart(&self.region.a, &who.person);
        enrol_in(&self.region, &chart, &who);
        who
    }
}

/// A patient of the relay, enrolled at hospital A or about to be.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Whom the generator makes records of.
    pub person: Person,
    /// The patient's id in hex.
    pub patient: String,
}

/// What the program said to a person.
#[derive(Debug)]
pub struct Told {
    /// Standard output.
    pub out: String,
    /// How long it took, from its start to its end.
    pub took: Duration,
}

/// Runs the program as a person does, without `--json`.
///
/// # Errors
/// What it told the person, where it failed.
pub fn person(node: &Node, args: &[&str]) -> Result<Told, String> {
    let begun = Instant::now();
    let mut command = Command::new(program());
    command.arg("--dir").arg(&node.dir).args(args).stdin(Stdio::null());
    let said = command.output().map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    match said.status.success() {
        true => Ok(Told { out: String::from_utf8_lossy(&said.stdout).into_owned(), took }),
        false => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
    }
}

/// The number behind a word in what a person is told, such as `became 12 entries`.
#[must_use]
pub fn number_after(text: &str, word: &str) -> Option<usize> {
    let rest = text.split_once(word)?.1.trim_start();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Makes a patient at the relay, with keys that stay unlocked.
///
/// # Panics
/// When a step fails.
#[must_use]
pub fn new_patient(region: &Region, person: Person) -> Enrolled {
    let made = json!({"name": person.name, "passphrase": PASSPHRASE});
    let made = region.relay.post("/v1/patients", &made).expect("a new patient");
    let patient = made["patient"]["patient"].as_str().expect("an id").to_owned();
    let enrolled = Enrolled { person, patient };
    unlock(region, &enrolled.patient);
    enrolled
}

/// Unlocks a patient's keys for long.
///
/// # Panics
/// When the relay refuses.
pub fn unlock(region: &Region, patient: &str) {
    let path = format!("/v1/patients/{patient}/unlock");
    let body = json!({"passphrase": PASSPHRASE, "minutes": UNLOCKED});
    region.relay.post(&path, &body).expect("the keys open");
}

/// Opens a chart at hospital A; gives chart and subject.
///
/// # Panics
/// When the hospital refuses.
#[must_use]
pub fn new_chart(at: &Node, person: &Person) -> (String, String) {
    let made = at.cli(&["patient", "new", &person.name]);
    let part = |name: &str| made[name].as_str().expect("an id").to_owned();
    (part("chart"), part("subject"))
}

/// Has a patient enrol in a chart of hospital A.
///
/// # Panics
/// When a step fails.
pub fn enrol_in(region: &Region, chart: &str, who: &Enrolled) {
    let code = region.a.cli(&["patient", "enrol", chart]);
    let code = code["code"].as_str().expect("a code");
    enrol(&region.a, chart, &region.relay, &who.patient, code);
    until("the enrolment", || is_enrolled(&region.a, chart).then_some(()));
}

/// Whether a chart's patient is enrolled.
#[must_use]
pub fn is_enrolled(at: &Node, chart: &str) -> bool {
    let charts = at.list(json!({"charts": {}}), None).unwrap_or_default();
    charts.iter().any(|one| one["chart"] == chart && one["enrolled"] == true)
}

/// Whether nothing more waits at a node for another.
#[must_use]
pub fn is_told(at: &Node, whom: &Node) -> bool {
    let Ok(peers) = at.list(json!({"peers": {}}), None) else { return false };
    let found = peers.iter().find(|peer| peer["institution"] == whom.id.as_str());
    found.is_some_and(|peer| peer["waiting"] == 0)
}

/// How many entries a patient's relay lists of the patient.
#[must_use]
pub fn listed(region: &Region, patient: &str) -> u64 {
    let asked = json!({"catalogued": {"subject": patient}});
    let view = region.relay.query(asked, None).unwrap_or(Value::Null);
    view["listed"].as_u64().unwrap_or_default()
}

/// Waits until `done`, for as long as `patience`; gives how long it took, nothing where it was in vain.
pub fn waited(patience: Duration, mut done: impl FnMut() -> bool) -> Option<Duration> {
    let begun = Instant::now();
    within(patience, || done().then_some(()))?;
    Some(begun.elapsed())
}

/// Writes a file of a run; gives its path as an argument.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn written(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("room on the disk");
    path.display().to_string()
}

/// Makes an empty folder below another.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn folder(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(&path).expect("room on the disk");
    path
}
