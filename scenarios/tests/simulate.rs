//! Whole scenarios: what repeats, what fires, what people obtain.

use chartmesh_scenarios::result::{Metric, Outcome, TraceKind, TraceRow, Unwatched};
use chartmesh_scenarios::run;
use chartmesh_scenarios::scenario::Scenario;

/// Two regions, three hospitals, a provider, phones that come and go.
const SMALL: &str = r#"
schema = "chartmesh-sim/1"
name = "small"
duration = "2d"

[[region]]
id = "north"
[[region]]
id = "south"
hours_ahead = 9
[[link]]
between = ["north", "south"]
latency = { dist = "lognormal", median = "38ms", sigma = 0.4 }
[[hospitals]]
id = "clinic"
region = "north"
count = 2
patients = 4
entries = 2
relays = "phone"
[[hospitals]]
id = "general"
region = "south"
patients = 6
entries = 2
relays = "phone"
[[providers]]
id = "vault"
region = "south"
count = 1
[[relays]]
id = "phone"
up = "2h"
down = { dist = "exponential", mean = "1h" }
[[work]]
do = "import"
rate = "10/d"
[[work]]
do = "download"
rate = "4/d"
[[work]]
do = "referral"
rate = "6/d"
[[work]]
do = "deposit"
rate = "3/d"
[[work]]
do = "keep"
rate = "3/d"
[[work]]
do = "admission"
rate = "2/d"
[[work]]
do = "read"
rate = "10/d"
[[work]]
do = "revoke"
rate = "4/d"
[[work]]
do = "rotate"
rate = "1/d"
[[work]]
do = "collect-logs"
rate = "2/d"
"#;

fn scenario(more: &str) -> Scenario {
    toml::from_str(&format!("{SMALL}{more}")).expect("the test's scenario is well formed")
}

fn simulate(more: &str, seed: u64) -> (Outcome, Vec<TraceRow>) {
    let mut rows = Vec::new();
    let outcome = run(&scenario(more), seed, &mut Unwatched, &mut rows).expect("it can be set up");
    (outcome, rows)
}

fn metric<'a>(outcome: &'a Outcome, name: &str) -> &'a Metric {
    outcome.metrics.iter().find(|metric| metric.name == name).expect("it is measured")
}

fn fired(outcome: &Outcome, fault: &str) -> u64 {
    outcome.faults.iter().find(|fired| fired.fault == fault).map_or(0, |fired| fired.times)
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let (first, rows) = simulate("", 7);
    let (again, _) = simulate("", 7);
    let (other, _) = simulate("", 8);
    assert_eq!(first.trace_hash, again.trace_hash);
    assert_eq!(first.trace_rows, rows.len() as u64);
    assert_ne!(first.trace_hash, other.trace_hash);
}

#[test]
fn people_obtain_what_they_ask_for() {
    let (outcome, rows) = simulate("", 1);
    for (name, at_least) in
        [("consent_latency", 10), ("read_latency", 10), ("delivery_latency", 100), ("messages", 48)]
    {
        let samples = metric(&outcome, name).samples.iter().filter(|sample| !sample.censored);
        assert!(samples.count() >= at_least, "{name}");
    }
    for what in ["backup.stored", "custody.keys", "access-log.lines", "enrolment.enrol"] {
        let done = |row: &&TraceRow| row.kind == TraceKind::Received && row.what == what;
        assert!(rows.iter().filter(done).count() > 0, "{what}");
    }
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
}

#[test]
fn every_fault_fires_and_the_federation_goes_on() {
    let faults = r#"
[faults]
crash = 0.002
lose_outcome = 0.02
alter_object = 0.1
alter_message = 0.01
[[link]]
between = ["north", "north"]
latency = "5ms"
loss = 0.05
duplicate = 0.05
reorder = 0.05
bandwidth = "100 KiB"
[[link]]
between = ["south", "south"]
latency = "5ms"
loss = { p = 0.02, r = 0.3 }
[[event]]
at = "6h"
do = "isolate"
target = "north"
for = "3h"
[[event]]
at = "10h"
do = "cut"
target = "clinic"
other = "vault"
for = "2h"
[[event]]
at = "12h"
do = "crash"
target = "general-1"
[[event]]
at = "13h"
do = "stop"
target = "vault"
for = "1h"
[[event]]
at = "16h"
do = "destroy"
target = "clinic-2"
for = "1h"
[[event]]
at = "20h"
do = "fill-disk"
target = "general-1"
for = "2h"
[[event]]
at = "22h"
do = "clock-jump"
target = "clinic-1"
by = "90s"
[[event]]
at = "24h"
do = "revoke"
target = "south"
share = 0.5
[[event]]
at = "30h"
do = "expel"
target = "clinic-2"
"#;
    let (outcome, _) = simulate(faults, 3);
    for fault in [
        "crash",
        "lost-commits",
        "lose-outcome",
        "alter-object",
        "alter-message",
        "loss",
        "duplicate",
        "reorder",
        "isolate",
        "cut",
        "stop",
        "destroy",
        "disk-full",
        "clock-jump",
        "revoke",
        "expel",
        "connection-broken",
    ] {
        assert!(fired(&outcome, fault) > 0, "{fault}: {:?}", outcome.faults);
    }
    assert!(metric(&outcome, "consent_latency").samples.len() > 5);
    let (again, _) = simulate(faults, 3);
    assert_eq!(outcome.trace_hash, again.trace_hash, "with all faults, too");
}

#[test]
fn one_more_hospital_leaves_the_luck_of_the_others_as_it_was() {
    let first_imports = |rows: &[TraceRow]| {
        let imports = rows.iter().filter(|row| {
            row.kind == TraceKind::Asked && row.what == "record.record" && row.party == 0
        });
        imports.map(|row| row.at_us).take(5).collect::<Vec<_>>()
    };
    let (_, without) = simulate("", 5);
    // Set up takes longer with one more, and times count from the scenario's begin.
    let with = scenario_with_more_hospitals("[[hospitals]]\nid = \"late\"\nregion = \"north\"\n");
    let mut rows = Vec::new();
    run(&with, 5, &mut Unwatched, &mut rows).expect("it can be set up");
    assert_eq!(first_imports(&without), first_imports(&rows));
}

fn scenario_with_more_hospitals(more: &str) -> Scenario {
    let mut with = scenario("");
    #[derive(serde::Deserialize)]
    struct More {
        hospitals: Vec<chartmesh_scenarios::scenario::Hospitals>,
    }
    let more: More = toml::from_str(more).expect("the test's hospital is well formed");
    with.hospitals.extend(more.hospitals);
    with
}
