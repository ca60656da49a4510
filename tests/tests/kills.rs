//! Nothing that was acknowledged is lost: nodes are killed by SIGKILL at random moments of imports,
//! deposits, approvals, fetches and additions, and started again. `CHARTMESH_KILLS` says how often,
//! `CHARTMESH_SEED` repeats a run (its moments; the machine does the rest).

mod kills_support;

use std::time::{Duration, Instant};

use chartmesh_tests::{
    Api, Asked, Node, Numbers, Refusal, Region, approve, copy_store, fetch, files, refer, until,
};
use kills_support::{Acknowledged, Author, given, whole};
use serde_json::{Value, json};

/// How many kills, when nothing else is said.
const KILLS: u64 = 24;
/// Bytes of one content: enough for a transfer to have a middle.
const CONTENT_BYTES: u64 = 3 << 20;
/// A kill among many small imports comes within this of their beginning.
const IMPORTS_MS: u64 = 500;
/// Bytes of each of them: enough for a file of its own with a hash tree.
const SMALL_BYTES: usize = 40 << 10;

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

/// How long a step takes when nobody is killed, in milliseconds.
#[derive(Debug)]
struct Calm {
    deposit: u64,
    approve: u64,
    fetch: u64,
}

struct Story {
    region: Region,
    numbers: Numbers,
    known: Acknowledged,
    titles: u64,
    calm: Calm,
    /// Interrupted steps that were acknowledged all the same.
    survived: u64,
}

impl Story {
    fn found(root: &std::path::Path) -> Self {
        let numbers = Numbers::printed();
        let region = Region::found(root, "Tanabe Reiko");
        let calm = Calm { deposit: 1, approve: 1, fetch: 1 };
        let known = Acknowledged::default();
        let mut story = Self { region, numbers, known, titles: 0, calm, survived: 0 };
        story.walk();
        story.known.note(&story.region);
        story
    }

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

    /// Imports at A and deposits with the provider, with nobody killed.
    fn deposited(&mut self) -> String {
        let entry = self.import();
        self.region.deposit(std::slice::from_ref(&entry));
        self.known.deposits.insert(entry.clone());
        entry
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
        let done = interrupted(victim, &mut self.numbers, self.calm.deposit, || {
            api.command(json!({"backup": {"keep": keep}}), None)
        });
        if done.is_some() {
            self.known.deposits.insert(entry);
            self.survived += 1;
        }
    }

    /// The relay is killed while the patient permits; then B or the provider while B fetches.
    fn kill_in_approval_and_fetch(&mut self) {
        let entry = self.deposited();
        let request = refer(&self.region, &json!({"entries": [entry], "write": true}), "");
        let (relay, patient) = ((*self.region.relay).clone(), self.region.patient.clone());
        let permit = |relay: &Api| {
            let approve = json!({"request": request, "narrow": {"days": 1}});
            relay.command(json!({"consent": {"approve": approve}}), Some(&patient))
        };
        let Self { region, numbers, calm, .. } = self;
        let done = interrupted(&mut region.relay, numbers, calm.approve, || permit(&relay));
        self.region.unlock();
        match done {
            Some(view) => {
                self.survived += 1;
                let tokens = view["tokens"].as_array().expect("permissions").len();
                assert_eq!(given(&self.region, &request).len(), tokens, "acknowledged and lost");
            }
            // It was done or not, and never by half: done by now, or it can be done anew.
            None => match permit(&relay) {
                Ok(_) => {}
                Err(refused) => assert!(refused.text().contains("already"), "{refused:?}"),
            },
        }
        self.fetch(request, entry);
    }

    fn fetch(&mut self, request: String, entry: String) {
        self.known.tokens.insert(request.clone(), given(&self.region, &request));
        until("the permission at B", || {
            let found = self.region.b.list(json!({"grants": {}}), None).ok()?;
            found.iter().any(|view| view["request"] == request.as_str()).then_some(())
        });
        let (api, holder) = ((*self.region.b).clone(), self.region.provider.id.clone());
        let Region { b, provider, .. } = &mut self.region;
        let victim = if self.numbers.below(2) == 0 { b } else { provider };
        let asked = || {
            let fetch = json!({"request": request, "holder": holder, "user": "Dr. Mori"});
            api.command(json!({"consent": {"fetch": fetch}}), None)
        };
        if interrupted(victim, &mut self.numbers, self.calm.fetch, asked).is_none() {
            // It may have been taken up or not: asking again must do no harm.
            let again = fetch(&api, &request, &holder).unwrap();
            assert_eq!(again["state"], "done", "{again}");
        } else {
            self.survived += 1;
        }
        until("the fetched entry", || {
            whole(&api, &self.region.patient).contains(&entry).then_some(())
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
        self.calm.deposit = ms(begun);
        self.known.deposits.insert(entry.clone());
        let request = refer(&self.region, &json!({"entries": [entry], "write": true}), "");
        let begun = Instant::now();
        approve(&self.region, &request, &json!({"days": 1}));
        self.calm.approve = ms(begun);
        self.known.tokens.insert(request.clone(), given(&self.region, &request));
        let begun = Instant::now();
        let ended = fetch(&self.region.b, &request, &self.region.provider.id).unwrap();
        self.calm.fetch = ms(begun);
        assert_eq!(ended["state"], "done", "{ended}");
        self.known.fetched.insert(entry);
    }

    fn restart_everybody(&mut self) {
        let Region { a, b, provider, relay, .. } = &mut self.region;
        for node in [a, b, provider, relay] {
            node.kill();
            node.start();
        }
        self.region.unlock();
    }
}

/// Milliseconds since then.
fn ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}

#[test]
fn no_kill_at_any_moment_loses_doubles_or_halves_what_was_acknowledged() {
    let kills = std::env::var("CHARTMESH_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let root = tempfile::tempdir().unwrap();
    let mut story = Story::found(root.path());
    let mut done = 0;
    while done < kills {
        done += match done % 5 {
            0 => (story.kill_in_import(), 1).1,
            1 => (story.kill_in_deposit(), 1).1,
            2 => (story.kill_in_approval_and_fetch(), 2).1,
            _ => (story.kill_in_addition(), 1).1,
        };
        story.known.note(&story.region);
    }
    // Once more, from end to end and with everybody restarted: the road completes.
    story.restart_everybody();
    story.walk();
    story.known.note(&story.region);
    let missing = story.known.missing(&story.region);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let known = &story.known;
    println!(
        "{done} kills; acknowledged: {} entries, {} deposits, {} fetches, {} permissions, {} \
         receipts, {} log lines; {} interrupted commands among them",
        known.entries.len(),
        known.deposits.len(),
        known.fetched.len(),
        known.tokens.values().flatten().count(),
        known.receipts.len(),
        known.lines.values().flatten().count(),
        story.survived,
    );
}

/// The checks see what they are there for: nodes are put back to what they were before, by their
/// files, and each kind of loss is noticed.
#[test]
fn what_a_node_forgot_is_noticed_entry_permission_receipt_log_line_and_object() {
    let root = tempfile::tempdir().unwrap();
    let mut story = Story::found(root.path());
    let copies = tempfile::tempdir().unwrap();
    let stores =
        |region: &Region| [&region.a, &region.b, &region.relay].map(|node| node.dir.clone());
    let everybody = |region: &mut Region, what: fn(&mut Node)| {
        let Region { a, b, relay, provider, .. } = region;
        for node in [a, b, relay, provider] {
            what(node);
        }
    };
    everybody(&mut story.region, Node::kill);
    for (number, store) in stores(&story.region).iter().enumerate() {
        let copy = copies.path().join(number.to_string());
        std::fs::create_dir(&copy).unwrap();
        copy_store(store, &copy);
    }
    everybody(&mut story.region, Node::start);
    story.region.unlock();
    story.walk();
    story.known.note(&story.region);
    let missing = story.known.missing(&story.region);
    assert!(missing.is_empty(), "{missing:?}");

    // An object of the provider's loses its last byte; the others forget what came since the copy.
    everybody(&mut story.region, Node::kill);
    for (number, store) in stores(&story.region).iter().enumerate() {
        copy_store(&copies.path().join(number.to_string()), store);
    }
    let objects = files(&story.region.provider.dir.join("objects").join("objects"));
    let object = objects.iter().find(|file| file.extension().is_none()).unwrap();
    let bytes = std::fs::read(object).unwrap();
    std::fs::write(object, &bytes[..bytes.len() - 1]).unwrap();
    everybody(&mut story.region, Node::start);
    let missing = story.known.missing_now(&story.region);
    for what in ["entry: Calm", "entry: B fetched", "permission:", "receipt:", "object:"] {
        assert!(missing.iter().any(|one| one.starts_with(what)), "{what} unseen: {missing:?}");
    }
    for node in [&story.region.a, &story.region.b, &story.region.relay] {
        let lines = format!("log line: {} does not", node.name);
        let seen = missing.iter().any(|one| one.starts_with(&lines));
        let wrote = story.known.lines.get(node.name).is_some_and(|lines| !lines.is_empty());
        assert!(seen || !wrote, "{lines} unseen: {missing:?}");
    }
    assert!(missing.iter().any(|one| one.contains("granted 0 times")), "{missing:?}");

    // And what is there twice: the same title imported again, as after an import done twice.
    let title = story.known.entries.values().next().map(|(_, title)| title.clone()).unwrap();
    for _ in 0..2 {
        let extra: Value = json!({"kind": "reports", "title": title});
        story.region.a.import(&story.region.patient, "twice.txt", b"twice", extra).unwrap();
    }
    let missing = story.known.missing_now(&story.region);
    assert!(missing.iter().any(|one| one.contains("one title twice")), "{missing:?}");
}
