//! What the nodes take: memory, disk, and time to start, also with new keys.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Client;
use super::report::{Aim, Report, shown};
use super::steady::Steady;
use super::ward::{Ward, is_told, waited, written};
use super::watch::{MIB, disk};

/// MiB that a hospital may have resident.
const RESIDENT: f64 = 500.0;
/// MiB that a relay may have resident while it does nothing.
const IDLE: f64 = 60.0;
/// Seconds to start.
const START: f64 = 5.0;
/// Of the sealed bytes, on the disk.
const DISK: f64 = 1.3;
/// How long new keys may keep a node busy.
const SETTLING: Duration = Duration::from_secs(10 * 60);
/// For so long at least it is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// Says what the nodes take.
pub fn footprint(ward: &mut Ward, report: &mut Report) {
    report.part(&format!("what it takes, with {} entries stored", shown(ward.options.size as f64)));
    let region = &ward.region;
    let nodes = [
        ("the hospital", &region.a, RESIDENT),
        ("the relay", &region.relay, IDLE),
        ("the provider", &region.provider, RESIDENT),
    ];
    for (name, node, most) in nodes {
        let (now, peak) = node.memory();
        let now = now as f64 / MIB;
        report.say(
            &format!("{name}'s memory after work"),
            &format!("{} MiB", shown(now)),
            Some(Aim::at_most(now, most, " MiB")),
            &format!("at most {} MiB since it was last asked", shown(peak as f64 / MIB)),
        );
    }
    sealed(ward, report);
    starts(ward, report);
    rotated(ward, report);
}

/// The disk against the bytes of all sealed objects.
fn sealed(ward: &Ward, report: &mut Report) {
    let mut client = Client::of(&ward.region.a.dir);
    let (mut objects, mut bytes, mut after) = (0.0, 0.0, Value::Null);
    loop {
        let step = match client.post("/v1/check", &json!({"after": after})) {
            Ok(step) => step,
            Err(why) => return report.failed("disk", "1.3 times the sealed bytes", &why),
        };
        objects += step["objects"].as_f64().unwrap_or(0.0);
        bytes += step["bytes"].as_f64().unwrap_or(0.0);
        after = step["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let taken = disk(&ward.region.a.dir) as f64;
    let times = taken / bytes;
    report.say(
        "the hospital's disk, of its sealed bytes",
        &shown(times),
        Some(Aim::at_most(times, DISK, "")),
        &format!(
            "{} MiB for {} objects of {} MiB, labels and wraps not counted",
            shown(taken / MIB),
            shown(objects),
            shown(bytes / MIB)
        ),
    );
}

fn starts(ward: &mut Ward, report: &mut Report) {
    ward.region.a.kill();
    let begun = Instant::now();
    ward.region.a.start();
    let after_kill = begun.elapsed().as_secs_f64();
    ward.region.a.cli(&["stop"]);
    ward.region.a.kill();
    let begun = Instant::now();
    ward.region.a.start();
    let after_stop = begun.elapsed().as_secs_f64();
    report.say(
        "the hospital starts after it was killed",
        &format!("{} s", shown(after_kill)),
        Some(Aim::at_most(after_kill, START, " s")),
        &format!("after it was stopped {} s", shown(after_stop)),
    );
    let now = ward.region.a.memory().0 as f64 / MIB;
    report.say("its memory then", &format!("{} MiB", shown(now)), None, "");
}

fn rotated(ward: &mut Ward, report: &mut Report) {
    ward.region.a.kill();
    let words = written(&ward.root.join("words.txt"), &ward.region.a.words);
    let begun = Instant::now();
    ward.region.a.cli(&["key", "rotate", "--words-file", &words]);
    ward.region.a.start();
    let took = begun.elapsed().as_secs_f64();
    let other = &ward.patients[0];
    let resource = ward.corpus.measurement(6_000_000, &other.person);
    let steady = Steady::start(&ward.region.a.dir, &other.patient, resource);
    let begun = Instant::now();
    let region = &ward.region;
    let settled =
        waited(SETTLING, || begun.elapsed() > WATCHED && is_told(&region.a, &region.relay));
    let held = steady.end();
    let until = settled.map_or("not settled".to_owned(), |took| shown(took.as_secs_f64()));
    let with = format!("everybody had heard {until} s later");
    report.say("new keys, until the hospital answers", &format!("{} s", shown(took)), None, &with);
    held.say(report, "its own keys are new");
}
