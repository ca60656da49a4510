//! The corpus: FHIR Bundles without end, made of a few by giving each a patient and ids of its own.
//!
//! What follows from a seed is the same wherever it is made. Ids of practitioners and organisations stay as they are,
//! since in one hospital the same people see many patients.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::made;
use crate::Numbers;

/// Characters of a UUID.
const UUID: usize = 36;
/// Lives that are made where there is no folder.
const MADE: u64 = 16;
/// Names that patients are given.
const GIVEN: [&str; 12] = [
    "Aiko", "Haruto", "Yui", "Sota", "Hina", "Ren", "Sakura", "Yuto", "Mei", "Kaito", "Rin",
    "Daiki",
];
/// The same, of families.
const FAMILY: [&str; 12] = [
    "Sato",
    "Suzuki",
    "Takahashi",
    "Tanaka",
    "Ito",
    "Watanabe",
    "Yamamoto",
    "Nakamura",
    "Kobayashi",
    "Kato",
    "Yoshida",
    "Yamada",
];

/// A person of whom records are made.
#[derive(Debug, Clone)]
pub struct Person {
    /// The name, with a number where it is nobody else's.
    pub name: String,
    uuid: String,
}

/// A Bundle to be imported.
#[derive(Debug)]
pub struct Bundle {
    /// In JSON.
    pub text: String,
    /// How many resources it has.
    pub resources: usize,
}

/// What is made of a seed.
#[derive(Debug)]
pub struct Corpus {
    seed: u64,
    lives: Vec<Life>,
    staff: HashSet<String>,
    /// Each with its patient's id.
    observations: Vec<(String, String)>,
    told: String,
}

/// The entries of a Bundle, as they were written, with the patient's id; the patient's own is made anew.
#[derive(Debug)]
struct Life {
    patient: String,
    person: Value,
    entries: Vec<String>,
}

#[derive(Deserialize)]
struct BundleIn<'a> {
    #[serde(borrow, default)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct EntryIn {
    #[serde(rename = "fullUrl", default)]
    full_url: String,
    resource: Value,
}

impl Corpus {
    /// From a folder of Bundles of one patient each; without one, from resources that are made here.
    ///
    /// # Errors
    /// Why the folder cannot be read, or has nothing.
    pub fn of(seed: u64, folder: Option<&Path>) -> Result<Self, String> {
        let mut corpus = Self {
            seed,
            lives: Vec::new(),
            staff: HashSet::new(),
            observations: Vec::new(),
            told: String::new(),
        };
        match folder {
            Some(folder) => {
                let texts = read(folder)?;
                texts.iter().try_for_each(|text| corpus.add(text))?;
                if corpus.lives.is_empty() || corpus.observations.is_empty() {
                    return Err(format!("{} has no Bundles of patients", folder.display()));
                }
            }
            None => {
                corpus.staff.extend(made::staff());
                for number in 0..MADE {
                    let bundle = json!({"entry": made::life(seed, number)}).to_string();
                    corpus.add(&bundle)?;
                }
            }
        }
        let resources: usize = corpus.lives.iter().map(|life| life.entries.len() + 1).sum();
        let from = match folder {
            Some(folder) => format!("real FHIR resources of {}", folder.display()),
            None => {
                "MADE resources like FHIR's, since no folder of real ones was given (--fhir DIR)"
                    .to_owned()
            }
        };
        corpus.told =
            format!("{resources} resources of {} lives: {from}; seed {seed}", corpus.lives.len());
        Ok(corpus)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let bundle: BundleIn<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let (mut entries, mut patient) = (Vec::new(), None);
        let mut observations = Vec::new();
        for raw in bundle.entry {
            let entry: EntryIn =
                serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
            match entry.resource["resourceType"].as_str().unwrap_or_default() {
                "Patient" => {
                    let id = entry.resource["id"].as_str().unwrap_or_default().to_owned();
                    patient = Some((id, entry.resource));
                    continue;
                }
                "Practitioner" | "Organization" => {
                    self.staff.insert(entry.full_url.trim_start_matches("urn:uuid:").to_owned());
                }
                "Observation" => observations.push(raw.get().to_owned()),
                _ => {}
            }
            entries.push(raw.get().to_owned());
        }
        // Lists of practitioners are about nobody.
        if let Some((patient, person)) = patient {
            let of = |text| (text, patient.clone());
            self.observations.extend(observations.into_iter().map(of));
            self.lives.push(Life { patient, person, entries });
        }
        Ok(())
    }

    /// What it is made of, for whoever reads the figures.
    #[must_use]
    pub fn told(&self) -> &str {
        &self.told
    }

    /// A person.
    #[must_use]
    pub fn person(&self, number: u64) -> Person {
        let mut numbers = Numbers::keyed(&[self.seed, number, 1]);
        let mut pick = |names: &[&str]| -> String {
            let at = usize::try_from(numbers.below(names.len() as u64)).unwrap_or(0);
            names[at].to_owned()
        };
        let name = format!("{} {} {number}", pick(&FAMILY), pick(&GIVEN));
        Person { name, uuid: self.fresh(&["person", &number.to_string()]) }
    }

    /// A life of a person, or one more part of it: every number gives other ids.
    #[must_use]
    pub fn life(&self, number: u64, person: &Person) -> Bundle {
        let many = self.lives.len() as u64;
        let at = usize::try_from(number % many).unwrap_or(0);
        let life = &self.lives[at];
        let key = number.to_string();
        let of = |text: &str| self.anew(text, &life.patient, person, &key);
        let mut entries = vec![self.patient(life, person, &key)];
        entries.extend(life.entries.iter().map(|entry| of(entry)));
        bundle(&entries)
    }

    /// Single measurements of a person, each of an encounter of its own, so that each becomes an entry.
    #[must_use]
    pub fn measurements(&self, first: u64, count: u64, person: &Person) -> Bundle {
        let entries = (first..first + count).map(|number| self.measurement_entry(number, person));
        bundle(&entries.collect::<Vec<_>>())
    }

    /// One measurement of a person, as a resource by itself.
    ///
    /// # Panics
    /// Never: what was read is read again.
    #[must_use]
    pub fn measurement(&self, number: u64, person: &Person) -> String {
        let entry: Value =
            serde_json::from_str(&self.measurement_entry(number, person)).expect("JSON");
        entry["resource"].to_string()
    }

    fn measurement_entry(&self, number: u64, person: &Person) -> String {
        let many = self.observations.len() as u64;
        let (text, patient) = &self.observations[usize::try_from(number % many).unwrap_or(0)];
        self.anew(text, patient, person, &format!("measurement {number}"))
    }

    /// A code that measurements have, as a term.
    #[must_use]
    pub fn code(&self) -> String {
        let (text, _) = &self.observations[0];
        let entry: Value = serde_json::from_str(text).unwrap_or_default();
        let coding = &entry["resource"]["code"]["coding"][0];
        let part = |name: &str| coding[name].as_str().unwrap_or_default().to_owned();
        format!("{}|{}", part("system"), part("code"))
    }

    fn patient(&self, life: &Life, person: &Person, key: &str) -> String {
        let mut resource = life.person.clone();
        let (family, given) = person.name.split_once(' ').unwrap_or((&person.name, ""));
        resource["name"] = json!([{"use": "official", "family": family, "given": [given]}]);
        resource["identifier"] = json!([{"system": "urn:chartmesh:bench", "value": person.uuid}]);
        resource["id"] = person.uuid.as_str().into();
        let entry = json!({
            "fullUrl": format!("urn:uuid:{}", person.uuid), "resource": resource,
            "request": {"method": "POST", "url": "Patient"},
        });
        self.anew(&entry.to_string(), &life.patient, person, key)
    }

    /// A text with the person's id in the patient's place, and with others' ids made anew but for those of staff.
    fn anew(&self, text: &str, patient: &str, person: &Person, key: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut done, mut at) = (0, 0);
        let bytes = text.as_bytes();
        while at + UUID <= bytes.len() {
            if !is_uuid(&bytes[at..at + UUID]) {
                at += 1;
                continue;
            }
            let old = &text[at..at + UUID];
            out.push_str(&text[done..at]);
            match old {
                _ if old == patient => out.push_str(&person.uuid),
                _ if old == person.uuid || self.staff.contains(old) => out.push_str(old),
                _ => out.push_str(&self.fresh(&[&person.uuid, key, old])),
            }
            at += UUID;
            done = at;
        }
        out.push_str(&text[done..]);
        out
    }

    fn fresh(&self, key: &[&str]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_be_bytes());
        for part in key {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        let hex = hasher.finalize().to_hex();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
    }
}

fn bundle(entries: &[String]) -> Bundle {
    let text = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{}]}}",
        entries.join(",\n")
    );
    Bundle { text, resources: entries.len() }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn read(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|item| item.map(|item| item.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).map_err(failed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_node::fhir;

    fn made() -> Corpus {
        Corpus::of(7, None).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_corpus_and_another_one_another() {
        let (one, same, other) = (made(), made(), Corpus::of(8, None).unwrap());
        let person = one.person(3);
        assert_eq!(one.life(5, &person).text, same.life(5, &same.person(3)).text);
        assert_ne!(one.life(5, &person).text, other.life(5, &other.person(3)).text);
        assert!(one.told().contains("MADE"), "{}", one.told());
    }

    #[test]
    fn each_life_is_of_one_person_and_has_ids_of_its_own() {
        let corpus = made();
        let person = corpus.person(1);
        let ids = |number| -> HashSet<String> {
            let bundle: Value = serde_json::from_str(&corpus.life(number, &person).text).unwrap();
            let entries = bundle["entry"].as_array().unwrap().clone();
            entries.iter().map(|entry| entry["fullUrl"].as_str().unwrap().to_owned()).collect()
        };
        let (first, second) = (ids(0), ids(MADE));
        // The same life again: nothing but the patient is the same.
        let both: Vec<_> = first.intersection(&second).collect();
        assert_eq!(both, [&format!("urn:uuid:{}", person.uuid)]);
        assert_eq!(first.len(), second.len());
    }

    #[test]
    fn what_is_made_is_fhir_as_the_program_reads_it() {
        let corpus = made();
        let person = corpus.person(2);
        let life = corpus.life(4, &person);
        let parsed = fhir::parse(life.text.as_bytes()).unwrap();
        assert_eq!(parsed.items(), life.resources);
        assert!(parsed.patient.unwrap().names[0].contains(person.name.split(' ').next().unwrap()));
        let mean = life.text.len() / life.resources;
        assert!((1000..2500).contains(&mean), "{mean} bytes a resource");
        // Each measurement is an entry of its own.
        let many = corpus.measurements(0, 50, &person);
        assert_eq!(fhir::parse(many.text.as_bytes()).unwrap().groups.len(), 50);
        let one = corpus.measurement(9, &person);
        assert_eq!(fhir::parse(one.as_bytes()).unwrap().items(), 1);
        assert!(corpus.code().contains('|'));
    }
}
