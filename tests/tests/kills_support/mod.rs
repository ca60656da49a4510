//! What was acknowledged before the kills, and what is missing after them. The checker only looks
//! from outside: through the local API, the program, and the files on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chartmesh_tests::{Api, Node, Region, files, lines, within};
use serde_json::{Value, json};

/// Who recorded an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Author {
    /// Hospital A.
    A,
    /// Hospital B.
    B,
}

/// What was acknowledged, in the order of the road.
#[derive(Debug, Default, Clone)]
pub(crate) struct Acknowledged {
    /// Entries by the institution that recorded them, with the title that each must have.
    pub(crate) entries: BTreeMap<String, (Author, String)>,
    /// Entries that A offered for keeping.
    pub(crate) deposits: BTreeSet<String>,
    /// Entries that a fetch brought to B.
    pub(crate) fetched: BTreeSet<String>,
    /// Permissions that the relay gave to B, by request.
    pub(crate) tokens: BTreeMap<String, BTreeSet<String>>,
    /// Receipts: entries that a depositor was seen to list as kept.
    pub(crate) receipts: BTreeSet<(Author, String)>,
    /// Log lines that were seen, by holder.
    pub(crate) lines: BTreeMap<&'static str, Vec<Value>>,
}

/// How long a deposit or a delivery may go on after everybody is back.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

impl Acknowledged {
    /// Writes down what the nodes answer: from now on it must be there.
    pub(crate) fn note(&mut self, region: &Region) {
        let Region { a, b, provider, relay, patient, .. } = region;
        for (author, node) in [(Author::A, a), (Author::B, b)] {
            for kept in node.list(json!({"kept": {}}), None).unwrap() {
                self.receipts.insert((author, text(&kept["entry"])));
            }
        }
        for node in [a, b, provider, relay] {
            let now = lines(node, patient);
            let before = self.lines.insert(node.name, now.clone()).unwrap_or_default();
            assert!(now.starts_with(&before), "{} lost or changed log lines", node.name);
        }
    }

    /// What is not there as it was acknowledged, or twice, or by half: a line for each. What is on
    /// its way is waited for.
    pub(crate) fn missing(&self, region: &Region) -> Vec<String> {
        let on_its_way = |one: &String| {
            ["receipt", "permission", "object: left"].iter().any(|what| one.starts_with(what))
        };
        within(SETTLED_WITHIN, || {
            Some(self.missing_now(region)).filter(|missing| !missing.iter().any(on_its_way))
        })
        .unwrap_or_else(|| self.missing_now(region))
    }

    /// As [`Acknowledged::missing`], without waiting.
    pub(crate) fn missing_now(&self, region: &Region) -> Vec<String> {
        let mut missing = self.entries(region);
        missing.extend(self.permissions(region));
        missing.extend(self.receipts(region));
        missing.extend(self.log_lines(region));
        for node in [&region.a, &region.b, &region.provider] {
            missing.extend(half_objects(node));
        }
        missing
    }

    /// Every entry once, with its title, whole, signed and readable.
    fn entries(&self, region: &Region) -> Vec<String> {
        let Region { a, b, patient, .. } = region;
        let mut missing = Vec::new();
        for (author, node) in [(Author::A, a), (Author::B, b)] {
            let all = node.list(json!({"entries": {"subject": patient}}), None).unwrap();
            for what in ["entry", "title"] {
                let values: BTreeSet<_> = all.iter().map(|entry| text(&entry[what])).collect();
                if values.len() != all.len() {
                    missing.push(format!("entry: one {what} twice at {}", node.name));
                }
            }
            for (entry, (of, title)) in &self.entries {
                if *of != author {
                    continue;
                }
                let found = all.iter().find(|found| found["entry"] == entry.as_str());
                if found.is_none_or(|found| found["title"] != title.as_str()) {
                    missing.push(format!("entry: {title} is not at {}", node.name));
                } else if found.is_some_and(|found| found["whole"] != true) {
                    missing.push(format!("entry: {title} is not whole at {}", node.name));
                }
            }
            let verified = node.cli(&["record", "verify", patient]);
            if verified["bad"] != json!([]) {
                missing.push(format!("entry: {} does not verify: {verified}", node.name));
            }
            // Every content opens: each small import's begins with its title.
            let written = tempfile::tempdir().unwrap();
            let out = written.path().join("export");
            node.cli(&["record", "export", patient, "--out", out.to_str().unwrap()]);
            let first_lines = first_lines(&out);
            let small = self.entries.values().filter(|(_, title)| title.contains(", number"));
            for (of, title) in small {
                let found = first_lines.iter().filter(|line| *line == title).count();
                if found != usize::from(*of == author) {
                    missing.push(format!("entry: {found} contents {title} at {}", node.name));
                }
            }
        }
        let fetched = whole(b, patient);
        let lost = self.fetched.iter().filter(|entry| !fetched.contains(*entry));
        missing.extend(lost.map(|entry| format!("entry: B fetched {entry}, and lost it")));
        missing
    }

    /// Every permission once, at the relay that gave it and at B that received it.
    fn permissions(&self, region: &Region) -> Vec<String> {
        let mut missing = Vec::new();
        for node in [&region.relay, &region.b] {
            let listed = node.list(json!({"grants": {}}), None).unwrap();
            let mut by_request: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for token in listed.iter().filter(|token| token["grantee"] == region.b.id.as_str()) {
                by_request.entry(text(&token["request"])).or_default().push(text(&token["token"]));
            }
            for (request, tokens) in &self.tokens {
                let mut found = by_request.remove(request).unwrap_or_default();
                found.sort_unstable();
                if !found.iter().eq(tokens) {
                    missing.push(format!(
                        "permission: {found:?} at {} instead of {tokens:?}",
                        node.name
                    ));
                }
            }
        }
        missing
    }

    /// Every deposit has one receipt, and what it says is there; no receipt is lost.
    fn receipts(&self, region: &Region) -> Vec<String> {
        let Region { a, b, provider, patient, .. } = region;
        let mut missing = Vec::new();
        let at_provider = whole(provider, patient);
        let of_a = self.deposits.iter().map(|entry| (Author::A, entry.clone()));
        let wanted: BTreeSet<_> = self.receipts.iter().cloned().chain(of_a).collect();
        for (author, node) in [(Author::A, a), (Author::B, b)] {
            let kept = node.list(json!({"kept": {}}), None).unwrap();
            for (_, entry) in wanted.iter().filter(|(of, _)| *of == author) {
                let found = kept.iter().filter(|kept| kept["entry"] == entry.as_str()).count();
                if found != 1 {
                    missing.push(format!("receipt: {found} for {entry} at {}", node.name));
                }
                if !at_provider.contains(entry) {
                    missing.push(format!("receipt: {entry} is not whole at the provider"));
                }
            }
        }
        missing
    }

    /// Every line that was seen is there, and every entry that was recorded, kept or read, and every
    /// permission, has its line: one, where it happens once.
    fn log_lines(&self, region: &Region) -> Vec<String> {
        let Region { a, b, provider, relay, patient, .. } = region;
        let mut missing = Vec::new();
        let mut logs = BTreeMap::new();
        for node in [a, b, provider, relay] {
            let now = lines(node, patient);
            if !now.starts_with(self.lines.get(node.name).map_or(&[], Vec::as_slice)) {
                missing.push(format!("log line: {} does not have what it had", node.name));
            }
            logs.insert(node.name, now);
        }
        let count = |node: &Node, action: &str, entry: &str| {
            let of = |line: &&Value| {
                let entries = line["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
                line["action"] == action && entries.iter().any(|one| one == entry)
            };
            logs[node.name].iter().filter(of).count()
        };
        for (entry, (author, title)) in &self.entries {
            let node = if *author == Author::A { a } else { b };
            let found = count(node, "recorded", entry);
            if found != 1 {
                missing.push(format!("log line: {title} recorded {found} times"));
            }
        }
        for entry in &self.fetched {
            let (kept, read) = (count(provider, "kept", entry), count(provider, "read", entry));
            if kept != 1 || read == 0 {
                missing.push(format!("log line: {entry} kept {kept} times, read {read} times"));
            }
        }
        // The line names the first permission of a request.
        for tokens in self.tokens.values() {
            let of = |line: &&Value| {
                line["action"] == "granted" && tokens.contains(&text(&line["token"]))
            };
            let found = logs[relay.name].iter().filter(of).count();
            if found != 1 {
                missing.push(format!("log line: {tokens:?} granted {found} times"));
            }
        }
        missing
    }
}

/// Every object in the folder has the hash that is its name, and nothing is left half written.
fn half_objects(node: &Node) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut count = 0;
    let objects = files(&node.dir.join("objects").join("objects"));
    for file in objects.iter().filter(|file| file.extension().is_none()) {
        count += 1;
        let name = file.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(file).unwrap();
        if bytes.is_empty() || blake3::hash(&bytes).to_hex().as_str() != name {
            wrong.push(format!("object: {name} is not whole at {}", node.name));
        }
    }
    if count == 0 {
        wrong.push(format!("object: none at {}", node.name));
    }
    let left = files(&node.dir.join("objects").join("incoming"));
    wrong.extend(left.iter().map(|file| format!("object: left in the middle: {}", file.display())));
    wrong
}

/// The entries that are whole at a node.
pub(crate) fn whole(at: &Api, subject: &str) -> BTreeSet<String> {
    let entries = at.list(json!({"entries": {"subject": subject}}), None).unwrap_or_default();
    let whole = entries.iter().filter(|entry| entry["whole"] == true);
    whole.map(|entry| text(&entry["entry"])).collect()
}

/// The permissions of a request for B that the relay gave.
pub(crate) fn given(region: &Region, request: &str) -> BTreeSet<String> {
    let listed = region.relay.list(json!({"grants": {}}), None).unwrap();
    let of = listed.iter().filter(|token| token["request"] == request);
    of.map(|token| text(&token["token"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The first lines of all files below a folder.
fn first_lines(dir: &Path) -> Vec<String> {
    let first = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(first).into_owned()
    };
    files(dir).iter().map(first).collect()
}
