//! One patient with a long record: enrolled, permitted, fetched, exported, and charted while the relay is off.

use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Client;
use super::entry;
use super::report::{Aim, Report, Times, shown};
use super::steady::{Lag, Steady};
use super::ward::{
    Enrolled, Ward, folder, is_enrolled, listed, new_chart, new_patient, number_after, person,
    unlock, waited, written,
};
use crate::{begin_to_enrol, is_member, until, whole_entries};

/// Entries of the patient, at full size.
const ENTRIES: usize = 10_000;
/// Measurements in one Bundle.
const OF_ONE_FILE: usize = 1000;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// The same, for commands.
const TIMEOUT: &str = "60m";
/// Tries of one entry while the relay is off.
const TRIES: usize = 50;

/// Takes one patient along the whole road.
///
/// # Panics
/// When a step fails that is not measured.
pub fn patient(ward: &mut Ward, report: &mut Report) {
    let count = ward.options.scaled(ENTRIES, 10);
    report.part(&format!("one patient with {} entries", shown(count as f64)));
    let who = new_patient(&ward.region, ward.corpus.person(500_000));
    let (chart, subject) = new_chart(&ward.region.a, &who.person);
    let entries = fill(ward, report, (&who, &subject), count);
    enrolling(ward, report, (&who, &chart), entries);
    listing(ward, report, &who);
    permitting(ward, report, &who, entries);
    exporting(ward, report, &who);
    ward.region.relay.kill();
    let tries = ward.options.scaled(TRIES, 3);
    entry::one(ward, report, tries, "one entry while the patient's relay is off, p50", &who);
    ward.region.relay.start();
    unlock(&ward.region, &who.patient);
}

/// Imports into the chart before its patient is enrolled; gives how many entries there are.
fn fill(
    ward: &Ward,
    report: &mut Report,
    (who, subject): (&Enrolled, &str),
    count: usize,
) -> usize {
    let files = folder(&ward.root, "long");
    for first in (0..count).step_by(OF_ONE_FILE) {
        let many = OF_ONE_FILE.min(count - first);
        let bundle = ward.corpus.measurements(first as u64, many as u64, &who.person);
        let _path = written(&files.join(format!("{first:06}.json")), &bundle.text);
    }
    let args = ["record", "import", subject, &files.display().to_string(), "--user", "Dr Mori"];
    let told = person(&ward.region.a, &args).unwrap_or_else(|why| panic!("{why}"));
    let entries = number_after(&told.out, "became").expect("it says how many");
    let rate = entries as f64 / told.took.as_secs_f64();
    let what = "single measurements a second into a chart that is not enrolled";
    report.say(what, &shown(rate), None, &format!("{entries} entries, one command"));
    entries
}

fn enrolling(ward: &Ward, report: &mut Report, (who, chart): (&Enrolled, &str), count: usize) {
    let region = &ward.region;
    let code = region.a.cli(&["patient", "enrol", chart]);
    let code = code["code"].as_str().expect("a code");
    let number = begin_to_enrol(&region.a, &region.relay, &who.patient, code);
    until("the relay's part", || {
        let begun = region.a.list(json!({"enrolments": {}}), None).ok()?;
        begun.iter().any(|one| one["chart"] == chart && one["to_compare"] == true).then_some(())
    });
    region.a.cli(&["patient", "compare", chart, &number]);
    let steady = steady(ward);
    let lag = Lag::start(&region.relay.dir);
    let begun = Instant::now();
    let args = ["patient", "accept", &who.patient, &region.a.id, "--wait", "--timeout", TIMEOUT];
    let accepted = person(&region.relay, &args);
    let enrolled = waited(PATIENCE, || is_enrolled(&region.a, chart)).map(|_| begun.elapsed());
    let all = waited(PATIENCE, || listed(region, &who.patient) >= count as u64);
    let all = all.map(|_| begun.elapsed());
    let (held, relay) = (steady.end(), lag.end());
    match (accepted, enrolled, all) {
        (Ok(_), Some(enrolled), Some(all)) => report.say(
            "enrolling, until the relay lists all",
            &format!("{} s", shown(all.as_secs_f64())),
            Some(Aim::at_most(all.as_secs_f64(), 5.0, " s")),
            &format!("the hospital had it done after {} s", shown(enrolled.as_secs_f64())),
        ),
        (Err(why), ..) => report.failed("enrolling", "at most 5 s", &why),
        _ => report.failed("enrolling", "at most 5 s", "not all entries came to the relay"),
    }
    held.say(report, "they are adopted");
    report.say(
        "the relay's longest transaction meanwhile",
        &format!("{} ms", shown(relay)),
        None,
        "",
    );
}

/// Records all along into another patient's chart.
fn steady(ward: &Ward) -> Steady {
    let other = &ward.patients[0];
    let resource = ward.corpus.measurement(4_000_000, &other.person);
    Steady::start(&ward.region.a.dir, &other.patient, resource)
}

fn listing(ward: &Ward, report: &mut Report, who: &Enrolled) {
    let mut client = Client::of(&ward.region.relay.dir);
    let asked = json!({"query": {"subject": who.patient, "limit": 20}, "patient": who.patient});
    let mut times = Vec::new();
    for _ in 0..ward.options.scaled(50, 3) {
        let begun = Instant::now();
        client.post("/v1/query/entries", &asked).expect("a page");
        times.push(begun.elapsed());
    }
    let (times, whole) =
        (Times::of(times), person(&ward.region.relay, &["record", "list", &who.patient]));
    let whole = whole.map_or_else(|why| why, |told| shown(told.took.as_secs_f64()));
    report.say(
        "first page of `record list` at the relay, p50",
        &format!("{} ms, longest {} ms", shown(times.p50()), shown(times.longest())),
        Some(Aim::at_most(times.p50(), 50.0, " ms")),
        &format!("in the order of ids; the whole list by the program {whole} s"),
    );
}

fn permitting(ward: &Ward, report: &mut Report, who: &Enrolled, count: usize) {
    let region = &ward.region;
    assert!(is_member(&region.a, &region.b), "the clinic is a member");
    let refer = ["request", "refer", "--patient", &who.patient, "--to", &region.b.id, "--standing"];
    let asked = region.a.cli(&[&refer[..], &["--user", "Dr Mori"]].concat());
    let asked = asked[0]["request"].as_str().or_else(|| asked["request"].as_str());
    let request = asked.expect("a request").to_owned();
    until("the request at the relay", || {
        let found = region.relay.list(json!({"requests": {}}), None).ok()?;
        found.iter().any(|view| view["request"] == request.as_str()).then_some(())
    });
    let (steady, relay) = (steady(ward), Lag::start(&region.relay.dir));
    let approved = person(&region.relay, &["consent", "approve", &request]);
    timed(report, "approving all of it, standing", approved.map(|told| told.took), 1.0, "");
    let permitted = waited(PATIENCE, || {
        let found = region.b.list(json!({"grants": {}}), None).unwrap_or_default();
        found.iter().any(|view| view["request"] == request.as_str())
    });
    let (relay, clinic) = (relay.end(), Lag::start(&region.b.dir));
    report.say(
        "the relay's longest transaction meanwhile",
        &format!("{} ms", shown(relay)),
        None,
        "",
    );
    if permitted.is_none() {
        let _held = steady.end();
        return report.failed("fetching", "at most 6 s", "no permission came to the clinic");
    }
    let args =
        ["request", "fetch", &request, "--from", &region.a.id, "--wait", "--timeout", TIMEOUT];
    let fetched = person(&region.b, &args).map(|told| told.took);
    let whole = whole_entries(&region.b, &who.patient).len();
    timed(
        report,
        "fetching all of it",
        fetched,
        6.0,
        &format!("{whole} of {count} are whole there"),
    );
    steady.end().say(report, "a standing permission is answered");
    let clinic = format!("{} ms", shown(clinic.end()));
    report.say("the clinic's longest transaction meanwhile", &clinic, None, "");
}

fn exporting(ward: &Ward, report: &mut Report, who: &Enrolled) {
    let out = ward.root.join("export");
    let out = out.display().to_string();
    let args = ["record", "export", &who.patient, "--out", &out, "--timeout", TIMEOUT];
    let exported = person(&ward.region.relay, &args).map(|told| told.took);
    timed(report, "exporting at the relay, contents fetched first", exported, 10.0, "");
}

fn timed(report: &mut Report, what: &str, took: Result<Duration, String>, most: f64, with: &str) {
    match took {
        Ok(took) => {
            let seconds = took.as_secs_f64();
            let aim = Aim::at_most(seconds, most, " s");
            report.say(what, &format!("{} s", shown(seconds)), Some(aim), with);
        }
        Err(why) => report.failed(what, &format!("at most {} s", shown(most)), &why),
    }
}
