//! One small entry, and many clients who record one each.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::against::Control;
use super::client::Client;
use super::report::{Aim, Report, Times, shown};
use super::ward::{Enrolled, Ward, folder, person, written};
use super::watch::{Syncs, cpu};

/// Tries of one entry.
const TRIES: usize = 200;
/// The same by the program, which starts for each.
const STARTS: usize = 20;
/// Beyond two syncs, in milliseconds.
const BEYOND_SYNCS: f64 = 2.0;
/// Clients at once.
const CLIENTS: usize = 128;
/// For so long they record, at full size.
const ROUND_MS: usize = 5000;
/// Acknowledged for each sync.
const FOR_EACH_SYNC: f64 = 40.0;

/// Records single entries.
pub fn entry(ward: &Ward, report: &mut Report) {
    report
        .part(&format!("one small entry, with {} entries stored", shown(ward.options.size as f64)));
    let tries = ward.options.scaled(TRIES, 5);
    one(ward, report, tries, "one small entry recorded, p50 by the socket", &ward.patients[0]);
    by_program(ward, report);
    many(ward, report);
}

/// Records entries one after another, each beside a write that is synced.
pub fn one(ward: &Ward, report: &mut Report, tries: usize, what: &str, who: &Enrolled) {
    let mut client = Client::of(&ward.region.a.dir);
    let mut control = Control::new(&ward.root);
    let process = ward.region.a.process();
    let (mut times, mut writes) = (Vec::new(), Vec::new());
    let before = cpu(process);
    for number in 0..tries {
        let resource = ward.corpus.measurement(1_000_000 + number as u64, &who.person);
        writes.push(control.write());
        let begun = Instant::now();
        match client.record(&who.patient, resource.as_bytes()) {
            Ok(_) => times.push(begun.elapsed()),
            Err(why) => return report.failed(what, "charting never waits", &why),
        }
    }
    let of_cpu = (cpu(process) - before) * 1000.0 / tries as f64;
    let (times, writes) = (Times::of(times), Times::of(writes));
    let most = 2.0 * writes.p50() + BEYOND_SYNCS;
    report.say(
        what,
        &format!("{} ms, longest {} ms", shown(times.p50()), shown(times.longest())),
        Some(Aim::at_most(times.p50(), most, " ms, two syncs + 2 ms")),
        &format!(
            "write and sync p50 {} ms, longest {} ms; {} ms of the node's CPU each, {} tries",
            shown(writes.p50()),
            shown(writes.longest()),
            shown(of_cpu),
            times.count()
        ),
    );
}

fn by_program(ward: &Ward, report: &mut Report) {
    let who = &ward.patients[0];
    let files = folder(&ward.root, "files");
    let (mut times, mut bare) = (Vec::new(), Vec::new());
    for number in 0..ward.options.scaled(STARTS, 3) {
        let resource = ward.corpus.measurement(2_000_000 + number as u64, &who.person);
        let file = written(&files.join("one.json"), &resource);
        let args = ["record", "import", &who.patient, &file, "--user", "Dr Mori"];
        let status = person(&ward.region.a, &["status"]);
        match (person(&ward.region.a, &args), status) {
            (Ok(told), Ok(status)) => {
                times.push(told.took);
                bare.push(status.took);
            }
            (Err(why), _) | (_, Err(why)) => return report.failed("by the program", "", &why),
        }
    }
    let (times, bare) = (Times::of(times), Times::of(bare));
    report.say(
        "the same by the program, p50",
        &format!("{} ms, longest {} ms", shown(times.p50()), shown(times.longest())),
        None,
        &format!("`chartmesh status` p50 {} ms", shown(bare.p50())),
    );
}

/// What one client came to.
#[derive(Debug, Default)]
struct Recorded {
    times: Vec<Duration>,
    refused: usize,
    why: String,
}

fn many(ward: &Ward, report: &mut Report) {
    let round = Duration::from_millis(ward.options.scaled(ROUND_MS, 300) as u64);
    let queue = || Client::of(&ward.region.a.dir).get("/v1/status").unwrap_or_default();
    let syncs = Syncs::of(ward.region.a.process());
    let (before, begun) = (queue(), Instant::now());
    let done: Vec<Recorded> = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(ward, number, round))).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    let (took, after, syncs) = (begun.elapsed().as_secs_f64(), queue(), syncs.end());
    let refused: usize = done.iter().map(|client| client.refused).sum();
    let why = done.iter().map(|client| &client.why).find(|why| !why.is_empty());
    let acknowledged = Times::of(done.iter().flat_map(|client| client.times.clone()).collect());
    let count = acknowledged.count() as f64;
    let field = |status: &Value, name: &str| status["queue"][name].as_f64().unwrap_or(0.0);
    let batches = field(&after, "batches") - field(&before, "batches");
    report.say(
        &format!("{CLIENTS} clients at once, acknowledged a second"),
        &shown(count / took),
        None,
        &format!(
            "p50 {} ms, longest {} ms; {} of {} tries were refused{}",
            shown(acknowledged.p50()),
            shown(acknowledged.longest()),
            shown(refused as f64),
            shown(count + refused as f64),
            why.map(|why| format!(", such as: {why}")).unwrap_or_default()
        ),
    );
    let of_batches = format!("{} for each transaction", shown(count / batches));
    match syncs {
        Some(syncs) => {
            let each = count / syncs as f64;
            let aim = Aim::at_least(each, FOR_EACH_SYNC, "");
            report.say("acknowledged for each sync", &shown(each), Some(aim), &of_batches);
        }
        None => report.say(
            "acknowledged for each sync",
            &format!("? ({of_batches})"),
            None,
            "`perf` cannot count syncs here",
        ),
    }
}

/// Records again and again into one patient's chart.
fn client(ward: &Ward, number: usize, round: Duration) -> Recorded {
    let who = &ward.patients[number % ward.patients.len()];
    let resource = ward.corpus.measurement(3_000_000 + number as u64, &who.person);
    let mut client = Client::of(&ward.region.a.dir);
    let (mut done, begun) = (Recorded::default(), Instant::now());
    while begun.elapsed() < round {
        let tried = Instant::now();
        match client.record(&who.patient, resource.as_bytes()) {
            Ok(_) => done.times.push(tried.elapsed()),
            Err(why) => {
                done.refused += 1;
                done.why = why;
                // As an honest program would, it does not press.
                crate::within(Duration::from_millis(10), || None::<()>);
            }
        }
    }
    done
}
