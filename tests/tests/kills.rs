//! Nothing that was acknowledged is lost: nodes are killed by SIGKILL at random moments of imports,
//! deposits, fetches and additions, and started again. `CHARTMESH_KILLS` says how often,
//! `CHARTMESH_SEED` repeats a run (its moments; the machine does the rest).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use chartmesh_tests::{Api, Asked, Node, Numbers, Refusal, Region, fetch, grant, until};
use serde_json::{Value, json};

/// How many kills, when nothing else is said.
const KILLS: u64 = 24;
/// Bytes of one content: enough for a transfer to have a middle.
const CONTENT_BYTES: u64 = 3 << 20;
/// A kill among many small imports comes within this of their beginning.
const IMPORTS_MS: u64 = 500;
/// Bytes of each of them: enough for a file of its own with a hash tree.
const SMALL_BYTES: usize = 40 << 10;

/// What was acknowledged, in the order of the road.
#[derive(Debug, Default)]
struct Acknowledged {
    /// Entries by the institution that recorded them, with the title that each must have.
    entries: BTreeMap<String, (Author, String)>,
    /// Entries that A (or B, for the patient) offered for keeping.
    deposits: BTreeSet<String>,
    /// Entries that a fetch brought to B.
    fetched: BTreeSet<String>,
    /// Permissions that the relay gave.
    tokens: BTreeSet<String>,
    /// Receipts: entries that a depositor was seen to list as kept.
    receipts: BTreeSet<(Author, String)>,
    /// Log lines that were seen, by holder.
    lines: BTreeMap<&'static str, Vec<Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Author {
    A,
    B,
}

/// A content that nobody can compress or share.
fn content(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = b"A text that no parser takes for something else.\n".to_vec();
    let length = CONTENT_BYTES / 2 + numbers.below(CONTENT_BYTES);
    while (bytes.len() as u64) < length {
        let line = format!("{:016x}{:016x}\n", numbers.below(u64::MAX), numbers.below(u64::MAX));
        bytes.extend(line.as_bytes());
    }
    bytes
}

/// Does `work` while `victim` is killed within so many milliseconds and started again.
/// `None` when the work was not acknowledged.
fn interrupted<T: Send>(
    victim: &mut Node,
    numbers: &mut Numbers,
    within_ms: u64,
    work: impl FnOnce() -> Asked<T> + Send,
) -> Option<T> {
    let delay = numbers.below(within_ms);
    println!("kill {} after {delay} ms of {within_ms}", victim.name);
    let done = std::thread::scope(|scope| {
        let working = scope.spawn(work);
        // Not a wait for anything: the moment is what chance chose.
        std::thread::sleep(Duration::from_millis(delay));
        victim.kill();
        let done = working.join().expect("the work does not panic");
        victim.start();
        done
    });
    match done {
        Ok(done) => Some(done),
        Err(Refusal::Broken(_)) => None,
        Err(refused) => panic!("refused: {refused:?}"),
    }
}

/// Imports small files one after the other until the node is gone; gives what was acknowledged,
/// with its titles.
fn imports(
    api: &Api,
    patient: &str,
    title: &str,
    bytes: &[u8],
    adds_to: Option<&str>,
) -> Vec<(String, String)> {
    let mut done = Vec::new();
    loop {
        let title = format!("{title}, number {}", done.len());
        let bytes = [title.as_bytes(), b"\n", &bytes[..SMALL_BYTES]].concat();
        let extra = json!({"kind": "reports", "title": title, "adds_to": adds_to});
        match api.import(patient, "report.txt", &bytes, extra) {
            Ok(entries) => done.extend(entries.into_iter().map(|entry| (entry, title.clone()))),
            Err(Refusal::Broken(_)) => return done,
            Err(refused) => panic!("refused: {refused:?}"),
        }
    }
}

struct Story {
    region: Region,
    numbers: Numbers,
    known: Acknowledged,
    titles: u64,
    /// How long a deposit and a fetch take when nobody is killed.
    deposit_ms: u64,
    fetch_ms: u64,
}

impl Story {
    fn title(&mut self, what: &str) -> String {
        self.titles += 1;
        format!("{what} {}", self.titles)
    }

    /// Imports at A with nobody killed.
    fn import(&mut self) -> String {
        let title = self.title("Calm import");
        let bytes = content(&mut self.numbers);
        let extra = json!({"kind": "reports", "title": title});
        let entries =
            self.region.a.import(&self.region.patient, "report.txt", &bytes, extra).unwrap();
        self.known.entries.insert(entries[0].clone(), (Author::A, title));
        entries[0].clone()
    }

    /// A is killed while it imports.
    fn kill_in_import(&mut self) {
        let title = self.title("Import");
        let bytes = content(&mut self.numbers);
        let (api, patient) = ((*self.region.a).clone(), self.region.patient.clone());
        let done = interrupted(&mut self.region.a, &mut self.numbers, IMPORTS_MS, || {
            Ok(imports(&api, &patient, &title, &bytes, None))
        });
        for (entry, title) in done.into_iter().flatten() {
            self.known.entries.insert(entry, (Author::A, title));
        }
    }

    /// A or the provider is killed while A deposits.
    fn kill_in_deposit(&mut self) {
        let entry = self.import();
        let api = (*self.region.a).clone();
        let keep = json!({
            "holder": self.region.provider.id, "subject": self.region.patient, "entries": [entry],
        });
        let Region { a, provider, .. } = &mut self.region;
        let victim = if self.numbers.below(2) == 0 { a } else { provider };
        let done = interrupted(victim, &mut self.numbers, self.deposit_ms, || {
            api.command(json!({"backup": {"keep": keep}}), None)
        });
        if done.is_some() {
            self.known.deposits.insert(entry);
        }
    }

    /// B or the provider is killed while B fetches, or the relay just after it permitted.
    fn kill_in_fetch(&mut self) {
        let entry = self.import();
        self.region.deposit(std::slice::from_ref(&entry));
        self.known.deposits.insert(entry.clone());
        let wish = json!({"entries": [entry], "write": true});
        let request = grant(&self.region, &wish, &json!({"days": 1}), "");
        let tokens = self.region.relay.list(json!({"grants": {}}), None).unwrap();
        self.known
            .tokens
            .extend(tokens.iter().map(|token| token["token"].as_str().unwrap().to_owned()));
        let (api, holder) = ((*self.region.b).clone(), self.region.provider.id.clone());
        let Region { b, provider, .. } = &mut self.region;
        let victim = if self.numbers.below(2) == 0 { b } else { provider };
        let asked = request.clone();
        let once = {
            let api = api.clone();
            let holder = holder.clone();
            move || {
                let fetch = json!({"request": asked, "holder": holder, "user": "Dr. Mori"});
                api.command(json!({"consent": {"fetch": fetch}}), None)
            }
        };
        if interrupted(victim, &mut self.numbers, self.fetch_ms, once).is_none() {
            // It may have been taken up or not: asking again must do no harm.
            let again = fetch(&api, &request, &holder).unwrap();
            assert_eq!(again["state"], "done", "{again}");
        }
        until("the fetched entry", || {
            let whole = whole(&api, &self.region.patient)?;
            whole.contains(&entry).then_some(())
        });
        self.known.fetched.insert(entry);
    }

    /// B is killed while it adds to what it fetched.
    fn kill_in_addition(&mut self) {
        let original = self.known.fetched.iter().next_back().cloned();
        let title = self.title("Addition");
        let bytes = content(&mut self.numbers);
        let (api, patient) = ((*self.region.b).clone(), self.region.patient.clone());
        let done = interrupted(&mut self.region.b, &mut self.numbers, IMPORTS_MS, || {
            Ok(imports(&api, &patient, &title, &bytes, original.as_deref()))
        });
        for (entry, title) in done.into_iter().flatten() {
            self.known.entries.insert(entry, (Author::B, title));
        }
    }

    /// The road from an import to the other hospital, with nobody killed; measures it.
    fn walk(&mut self) {
        let entry = self.import();
        let begun = Instant::now();
        self.region.deposit(std::slice::from_ref(&entry));
        self.deposit_ms = ms(begun);
        self.known.deposits.insert(entry.clone());
        let wish = json!({"entries": [entry], "write": true});
        let request = grant(&self.region, &wish, &json!({"days": 1}), "");
        let begun = Instant::now();
        let ended = fetch(&self.region.b, &request, &self.region.provider.id).unwrap();
        self.fetch_ms = ms(begun);
        assert_eq!(ended["state"], "done", "{ended}");
        self.known.fetched.insert(entry);
    }

    /// Writes down what the nodes answer: from now on it must be there.
    fn note(&mut self) {
        let Region { a, b, provider, patient, .. } = &self.region;
        for (author, node) in [(Author::A, a), (Author::B, b)] {
            for kept in node.list(json!({"kept": {}}), None).unwrap() {
                let entry = kept["entry"].as_str().unwrap().to_owned();
                self.known.receipts.insert((author, entry));
            }
        }
        for node in [a, b, provider] {
            let lines = log(node, patient);
            let before = self.known.lines.insert(node.name, lines.clone()).unwrap_or_default();
            assert!(lines.starts_with(&before), "{} lost or changed log lines", node.name);
        }
    }

    /// Everything acknowledged is there, once and whole.
    fn check(&self) {
        let Region { a, b, provider, relay, patient, .. } = &self.region;
        let known = &self.known;
        until("every deposit to have its receipt", || {
            let kept = a.list(json!({"kept": {}}), None).ok()?;
            let at_provider = whole(provider, patient)?;
            let has = |entry: &String| {
                let receipts = kept.iter().filter(|kept| kept["entry"] == entry.as_str()).count();
                assert!(receipts <= 1, "{receipts} receipts for {entry}");
                receipts == 1 && at_provider.contains(entry)
            };
            known.deposits.iter().all(has).then_some(())
        });
        for (author, node) in [(Author::A, a), (Author::B, b)] {
            let kept = node.list(json!({"kept": {}}), None).unwrap();
            for (_, entry) in known.receipts.iter().filter(|(of, _)| *of == author) {
                let found = kept.iter().filter(|kept| kept["entry"] == entry.as_str()).count();
                assert_eq!(found, 1, "receipts for {entry} at {}", node.name);
            }
            let all = node.list(json!({"entries": {"subject": patient}}), None).unwrap();
            let ids: BTreeSet<_> = all.iter().map(|entry| entry["entry"].to_string()).collect();
            let titles: BTreeSet<_> = all.iter().map(|entry| entry["title"].to_string()).collect();
            assert_eq!(ids.len(), all.len(), "an entry twice at {}", node.name);
            assert_eq!(
                titles.len(),
                all.len(),
                "one import recorded twice at {}: {titles:?}",
                node.name
            );
            for (entry, (_, title)) in known.entries.iter().filter(|(_, (of, _))| *of == author) {
                let found = all.iter().find(|found| found["entry"] == entry.as_str());
                let found = found.unwrap_or_else(|| panic!("{} lost {title}", node.name));
                assert_eq!(found["title"], title.as_str());
                assert_eq!(found["whole"], true, "{found}");
            }
        }
        let fetched = whole(b, patient).unwrap();
        assert!(known.fetched.is_subset(&fetched), "B lost what it had fetched");
        for (at, what) in [(relay, "given"), (b, "received")] {
            let tokens = at.list(json!({"grants": {}}), None).unwrap();
            let ids: BTreeSet<_> = tokens.iter().map(|token| token["token"].to_string()).collect();
            assert_eq!(ids.len(), tokens.len(), "a permission twice at {}", at.name);
            for token in &known.tokens {
                // Upload permissions go to A, the others to B.
                let found = tokens.iter().find(|found| found["token"] == token.as_str());
                let to_b = relay.list(json!({"grants": {}}), None).unwrap().iter().any(|given| {
                    given["token"] == token.as_str() && given["grantee"] == b.id.as_str()
                });
                assert!(
                    found.is_some() || (at.id == b.id && !to_b),
                    "{token} was {what} and is gone"
                );
            }
        }
        for node in [a, b] {
            let verified = node.cli(&["record", "verify", patient]);
            assert_eq!(verified["bad"], json!([]), "{}: {verified}", node.name);
            // Every content opens: each small import's begins with its title.
            let out = node.dir.with_extension("export");
            node.cli(&["record", "export", patient, "--out", out.to_str().unwrap()]);
            let first_lines = first_lines(&out);
            let author = if node.id == a.id { Author::A } else { Author::B };
            for (of, title) in
                known.entries.values().filter(|(_, title)| title.contains(", number"))
            {
                let found = first_lines.iter().filter(|line| **line == *title).count();
                assert_eq!(found, usize::from(*of == author), "{title} at {}", node.name);
            }
        }
        for node in [a, b, provider] {
            assert!(log(node, patient).starts_with(&known.lines[node.name]), "{}", node.name);
            no_half_object(node);
        }
    }
}

/// Milliseconds since then.
fn ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The entries that are whole at a node; `None` when it does not answer.
fn whole(at: &Api, subject: &str) -> Option<BTreeSet<String>> {
    let entries = at.list(json!({"entries": {"subject": subject}}), None).ok()?;
    let whole = entries.iter().filter(|entry| entry["whole"] == true);
    Some(whole.filter_map(|entry| entry["entry"].as_str().map(str::to_owned)).collect())
}

/// All lines of a node's access log, whose numbers must have no gap.
fn log(node: &Node, patient: &str) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    loop {
        let query = json!({"access-log": {"subject": patient, "after": lines.len()}});
        let view = node.query(query, None).unwrap();
        assert_eq!(view["verified"], true, "{}: {}", node.name, view["problem"]);
        let page = view["lines"].as_array().unwrap();
        lines.extend(page.iter().cloned());
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(line["seq"], index + 1, "{}", node.name);
        }
        if page.is_empty() || view["length"] == lines.len() {
            return lines;
        }
    }
}

/// Every object in the folder has the hash that is its name, and nothing is left half written.
fn no_half_object(node: &Node) {
    let objects = node.dir.join("objects").join("objects");
    let mut count = 0;
    for folder in listed(&objects) {
        for file in listed(&folder) {
            if file.extension().is_none() {
                count += 1;
                let name = file.file_name().unwrap().to_str().unwrap().to_owned();
                assert_eq!(name.len(), 64, "{name} is no object");
                let bytes = std::fs::read(&file).unwrap();
                assert!(bytes.len() as u64 > 0, "{name} is empty");
                assert_eq!(blake3::hash(&bytes).to_hex().as_str(), name, "half an object");
            }
        }
    }
    assert!(count > 0, "no object was found at {}", node.name);
    until("the partial objects to be finished or removed", || {
        listed(&node.dir.join("objects").join("incoming")).is_empty().then_some(())
    });
}

/// The first lines of all files below a folder.
fn first_lines(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for path in listed(dir) {
        if path.is_dir() {
            lines.extend(first_lines(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            lines.push(String::from_utf8_lossy(first).into_owned());
        }
    }
    lines
}

fn listed(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries =
        std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn no_kill_at_any_moment_loses_doubles_or_halves_what_was_acknowledged() {
    let kills = std::env::var("CHARTMESH_KILLS").ok().and_then(|text| text.parse().ok());
    let numbers = Numbers::printed();
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Tanabe Reiko");
    let known = Acknowledged::default();
    let mut story = Story { region, numbers, known, titles: 0, deposit_ms: 1, fetch_ms: 1 };
    story.walk();
    story.note();
    for kill in 0..kills.unwrap_or(KILLS) {
        match kill % 4 {
            0 => story.kill_in_import(),
            1 => story.kill_in_deposit(),
            2 => story.kill_in_fetch(),
            _ => story.kill_in_addition(),
        }
        story.note();
    }
    // Once more, from end to end and with everybody restarted: the road completes.
    let Region { a, b, provider, relay, .. } = &mut story.region;
    for node in [a, b, provider, relay] {
        node.kill();
        node.start();
    }
    story.region.unlock();
    story.walk();
    story.note();
    story.check();
    println!(
        "acknowledged: {} entries, {} deposits, {} fetches, {} permissions, {} receipts",
        story.known.entries.len(),
        story.known.deposits.len(),
        story.known.fetched.len(),
        story.known.tokens.len(),
        story.known.receipts.len(),
    );
}
