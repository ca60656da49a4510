//! What people look at: a page, an entry, a code, a term.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, Said};
use super::report::{Aim, Report, Times, shown};
use super::ward::{Ward, person};
use super::watch::cpu;

/// Tries of each question.
const TRIES: usize = 200;
/// Those of what reads a whole record.
const SCANS: usize = 10;
/// A page, a code, a term: milliseconds at most.
const PAGE_MS: f64 = 5.0;
/// An entry by its id: milliseconds at most.
const ENTRY_MS: f64 = 1.0;
/// Reads a second and CPU core.
const READS: f64 = 2000.0;
/// Entries of the largest page.
const LARGEST: usize = 1000;
/// Entries of a page.
const PAGE: usize = 20;

/// Asks what people ask.
pub fn reads(ward: &Ward, report: &mut Report) {
    report.part(&format!("reading, with {} entries stored", shown(ward.options.size as f64)));
    let who = ward.patients[0].patient.clone();
    let mut client = Client::of(&ward.region.a.dir);
    let tries = ward.options.scaled(TRIES, 5);
    let scans = ward.options.scaled(SCANS, 2);
    let page = |client: &mut Client| entries(client, &who, None, Some(PAGE));
    let whole = timed(scans, || entries(&mut client, &who, None, None));
    let by_program = timed(scans, || person(&ward.region.a, &["record", "list", &who]).map(|_| ()));
    let (whole, by_program) = match (whole, by_program) {
        (Ok(whole), Ok(by_program)) => (whole, by_program),
        (Err(why), _) | (_, Err(why)) => return report.failed("reading", "", &why),
    };
    let here = entry_ids(&mut client, &who);
    report.not_yet(
        "first page, newest first",
        "under 5 ms",
        &format!(
            "pages are in the order of ids; all {} entries of the patient take {} ms by the socket, {} ms by `record list`",
            here.len(),
            shown(whole.p50()),
            shown(by_program.p50())
        ),
    );
    say(
        report,
        "first page, in the order of ids, p50",
        timed(tries, || page(&mut client)),
        PAGE_MS,
    );
    let mut next = here.iter().cycle();
    let by_id = timed(tries, || {
        let entry = next.next().map_or("", String::as_str);
        let ask =
            json!({"subject": who, "entry": entry, "user": "Dr Mori", "purpose": "treatment"});
        client.post("/v1/open", &ask).map(|_| ())
    });
    report.note(
        "there are no visits yet: opening an entry waits for its line in the log to be durable",
    );
    say(report, "an entry by its id, opened, p50", by_id, ENTRY_MS);
    let code = ward.corpus.code();
    let of_code = timed(scans, || entries(&mut client, &who, Some(&code), None));
    say(report, "a patient's entries of one code, p50", of_code, PAGE_MS);
    report.not_yet("a term over all patients", "under 5 ms", "a search is within one record");
    per_core(ward, report, &who);
}

fn say(report: &mut Report, what: &str, times: Said<Times>, most: f64) {
    match times {
        Ok(times) => report.say(
            what,
            &format!("{} ms, longest {} ms", shown(times.p50()), shown(times.longest())),
            Some(Aim::at_most(times.p50(), most, " ms")),
            &format!("{} tries", times.count()),
        ),
        Err(why) => report.failed(what, &format!("{} ms", shown(most)), &why),
    }
}

/// All of a patient's entries, in the largest pages, or the first page of so many.
fn entries(client: &mut Client, who: &str, find: Option<&str>, first: Option<usize>) -> Said<()> {
    let (mut after, limit) = (Value::Null, first.unwrap_or(LARGEST));
    loop {
        let asked =
            json!({"query": {"subject": who, "find": find, "limit": limit, "after": after}});
        let page = client.post("/v1/query/entries", &asked)?;
        after = page["next"].clone();
        if after.is_null() || first.is_some() {
            return Ok(());
        }
    }
}

fn entry_ids(client: &mut Client, who: &str) -> Vec<String> {
    let asked = json!({"query": {"subject": who, "limit": LARGEST}});
    let page = client.post("/v1/query/entries", &asked).unwrap_or_default();
    let items = page["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| Some(item["entry"].as_str()?.to_owned())).collect()
}

fn timed(tries: usize, mut ask: impl FnMut() -> Said<()>) -> Said<Times> {
    let mut times = Vec::new();
    for _ in 0..tries {
        let begun = Instant::now();
        ask()?;
        times.push(begun.elapsed());
    }
    Ok(Times::of(times))
}

/// First pages, by four clients: how many for each second that the node computed.
fn per_core(ward: &Ward, report: &mut Report, who: &str) {
    let process = ward.region.a.process();
    let round = Duration::from_millis(ward.options.scaled(3000, 200) as u64);
    let before = cpu(process);
    let begun = Instant::now();
    let count: usize = std::thread::scope(|scope| {
        let reader = || {
            let (mut client, mut count) = (Client::of(&ward.region.a.dir), 0);
            while begun.elapsed() < round && entries(&mut client, who, None, Some(PAGE)).is_ok() {
                count += 1;
            }
            count
        };
        let readers: Vec<_> = (0..4).map(|_| scope.spawn(reader)).collect();
        readers.into_iter().map(|reader| reader.join().expect("a reader")).sum()
    });
    let rate = count as f64 / (cpu(process) - before);
    let wall = count as f64 / begun.elapsed().as_secs_f64();
    report.say(
        "first pages for each second of CPU",
        &shown(rate),
        Some(Aim::at_least(rate, READS, "")),
        &format!("{PAGE} entries a page, {} a second by 4 clients", shown(wall)),
    );
}
