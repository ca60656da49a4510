//! An outcome such as a run gives, drawn by lot: for tests of what is written and drawn.

use crate::metric::Unit;
use crate::result::{
    Cost, Expectation, Fired, Mark, Metric, NOBODY, Outcome, PartyRow, Sample, TraceKind, TraceRow,
    Violation,
};
use crate::scenario::Scenario;
use chartmesh_protocol::identity::Role;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const H: u64 = 3_600_000_000;
const DAYS: u64 = 7 * 24 * H;

pub(crate) const SCENARIO: &str = r#"
schema = "chartmesh-sim/1"
name = "north-cut-off"
question = "Can hospitals elsewhere still read records while the north is <cut off>, and how late are revocations?"
duration = "7d"
warmup = "6h"
[[region]]
id = "north"
[[region]]
id = "south"
[[region]]
id = "islands"
hours_ahead = 1
[[link]]
between = ["north", "south"]
latency = { dist = "lognormal", median = "38ms", sigma = 0.4 }
[[hospitals]]
id = "clinic"
region = "north"
count = 3
patients = 10
[[hospitals]]
id = "ward"
region = "south"
count = 3
patients = 10
[[hospitals]]
id = "islet"
region = "islands"
patients = 6
[[providers]]
id = "vault"
region = "south"
count = 2
[[relays]]
id = "phone"
[[work]]
do = "download"
rate = "8/d"
[[event]]
at = "2d"
do = "isolate"
target = "north"
for = "14h"
[[event]]
at = "4d"
do = "revoke"
target = "ward"
share = 0.4
[[event]]
at = "5d"
do = "destroy"
target = "vault-1"
for = "6h"
[faults]
lose_outcome = 0.01
"#;

/// A scenario that the engine runs in a moment.
pub(crate) const SMALL: &str = r#"
schema = "chartmesh-sim/1"
name = "small"
question = "Does a small federation get through a morning?"
duration = "18h"
[[region]]
id = "north"
[[region]]
id = "south"
[[link]]
between = ["north", "north"]
latency = "5ms"
[[link]]
between = ["south", "south"]
latency = "5ms"
[[link]]
between = ["north", "south"]
latency = "40ms"
[[hospitals]]
id = "clinic"
region = "north"
count = 1
patients = 3
entries = 2
relays = "phone"
[[hospitals]]
id = "ward"
region = "south"
count = 1
patients = 3
entries = 2
relays = "phone"
[[providers]]
id = "vault"
region = "south"
[[relays]]
id = "phone"
[[work]]
do = "download"
rate = "12/d"
[[work]]
do = "deposit"
rate = "6/d"
[[work]]
do = "revoke"
rate = "3/d"
[[event]]
at = "9h"
do = "isolate"
target = "north"
for = "2h"
"#;

struct Lot(ChaCha20Rng);

impl Lot {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }
    fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        let normal = (0..12).map(|_| self.share()).sum::<f64>() - 6.0;
        median * libm::exp(sigma * normal)
    }
}

fn parties(scenario: &Scenario) -> Vec<PartyRow> {
    let mut parties = Vec::new();
    let mut some = |group: &str, region: u32, role: Role, count: u32| {
        parties.extend((1..=count).map(|n| PartyRow {
            name: format!("{group}-{n}"),
            group: group.into(),
            region,
            role,
        }));
    };
    some("clinic", 0, Role::Hospital, 3);
    some("ward", 1, Role::Hospital, 3);
    some("islet", 2, Role::Hospital, 1);
    some("vault", 1, Role::Backup, 2);
    for (region, count) in [(0, 30), (1, 30), (2, 6)] {
        some("phone", region, Role::Patient, count);
    }
    assert_eq!(scenario.regions.len(), 3);
    parties
}

fn metric(name: &'static str, unit: Unit, doc: &'static str, of: &'static str) -> Metric {
    Metric { name, unit, doc, of, denominator: 0, samples: Vec::new() }
}

/// A time of day at which people work.
fn some_time(lot: &mut Lot) -> u64 {
    loop {
        let at = lot.below(DAYS);
        let hour = at / H % 24;
        if (7..22).contains(&hour) || lot.share() < 0.2 {
            return at;
        }
    }
}

fn cut(at_us: u64) -> bool {
    (48 * H..62 * H).contains(&at_us)
}

fn latencies(
    lot: &mut Lot,
    name: &'static str,
    of: &'static str,
    labels: &[(&'static str, f64)],
    count: u64,
) -> Metric {
    let mut metric = metric(name, Unit::Micros, "how long it took", of);
    for _ in 0..count {
        let (label, median_us) = labels[usize::try_from(lot.below(labels.len() as u64)).unwrap()];
        let (at_us, party) = (some_time(lot), u32::try_from(lot.below(7)).unwrap());
        let slow = if cut(at_us) && party < 3 { 40.0 } else { 1.0 };
        let value = lot.lognormal(median_us * slow, 1.2);
        let left = (DAYS - at_us) as f64;
        metric.samples.push(Sample {
            at_us,
            value: value.min(left),
            censored: value > left,
            party,
            label,
        });
    }
    metric.samples.sort_by_key(|sample| sample.at_us);
    metric.denominator = metric.samples.len() as u64;
    metric
}

fn amounts(lot: &mut Lot, name: &'static str, unit: Unit, of: &'static str, each: f64) -> Metric {
    let mut metric = metric(name, unit, "what went over the wire", of);
    for (label, share) in [
        ("record", 0.1),
        ("consent", 0.2),
        ("backup", 0.4),
        ("federation", 0.05),
        ("hello", 0.15),
        ("revocation", 0.1),
    ] {
        for hour in 0..DAYS / H {
            for party in 0..9 {
                let value = lot.lognormal(each * share, 0.5).round();
                metric.samples.push(Sample {
                    at_us: hour * H,
                    value,
                    censored: false,
                    party,
                    label,
                });
            }
        }
    }
    metric.denominator = 66;
    metric
}

/// An outcome, and its trace.
pub(crate) fn outcome(seed: u64) -> (Outcome, Vec<TraceRow>) {
    let scenario: Scenario = toml::from_str(SCENARIO).unwrap();
    let mut lot = Lot(ChaCha20Rng::seed_from_u64(seed));
    let mut available = metric(
        "availability",
        Unit::Share,
        "reads answered within their deadline",
        "authorised reads",
    );
    for _ in 0..6000 {
        let (at_us, party) = (some_time(&mut lot), u32::try_from(lot.below(7)).unwrap());
        let fails = match (cut(at_us), party < 3) {
            (true, true) => 0.9,
            (true, false) => 0.3,
            _ if (120 * H..126 * H).contains(&at_us) => 0.15,
            _ => 0.002,
        };
        let value = f64::from(u8::from(lot.share() >= fails));
        available.samples.push(Sample { at_us, value, censored: false, party, label: "" });
    }
    available.samples.sort_by_key(|sample| sample.at_us);
    available.denominator = 6000;
    let mut storage =
        metric("storage", Unit::Bytes, "sealed bytes on disk at the step's end", "parties");
    for step in 0..14 {
        for party in 0..9 {
            let value = lot
                .lognormal(3e6 * f64::from(step + 1) * if party > 6 { 4.0 } else { 1.0 }, 0.2)
                .round();
            let at_us = u64::try_from(step).unwrap() * 12 * H;
            storage.samples.push(Sample { at_us, value, censored: false, party, label: "" });
        }
    }
    storage.denominator = 9;
    let mut after = metric(
        "reads_after_revocation",
        Unit::Count,
        "reads that a revocation should have stopped",
        "reads",
    );
    after.samples = (0..7)
        .map(|n| Sample {
            at_us: 96 * H + n * H / 5,
            value: 1.0,
            censored: false,
            party: 4,
            label: "",
        })
        .collect();
    after.denominator = 6000;
    let minute = 60e6;
    let metrics = vec![
        available,
        latencies(&mut lot, "consent_latency", "requests to patients", &[("", 25.0 * minute)], 900),
        latencies(
            &mut lot,
            "delivery_latency",
            "messages",
            &[("consent", 8e4), ("backup", 6e5), ("record", 2e5)],
            4000,
        ),
        latencies(
            &mut lot,
            "revocation_delay",
            "holders told of a revocation",
            &[("online", 3e6), ("offline", 400.0 * minute)],
            400,
        ),
        after,
        amounts(&mut lot, "bytes", Unit::Bytes, "parties", 5e5),
        amounts(&mut lot, "messages", Unit::Count, "parties", 40.0),
        storage,
        metric(
            "recovery_time",
            Unit::Micros,
            "from a fault's end until reads work again",
            "faults that ended",
        ),
    ];
    let at_us = 97 * H + 123_456_789;
    let trace = trace(&mut lot, at_us);
    let outcome = Outcome {
        parties: parties(&scenario),
        scenario,
        seed,
        stand_ins: true,
        simulated_us: DAYS,
        stopped: false,
        tier: "core",
        trace_hash: blake3::hash(&seed.to_be_bytes()).to_hex().to_string(),
        trace_rows: trace.len() as u64,
        events: 1_234_567,
        metrics,
        faults: vec![
            Fired { fault: "lose_outcome", times: 211 },
            Fired { fault: "crash", times: 0 },
        ],
        marks: vec![
            Mark { what: "isolate north".into(), event: 0, from_us: 48 * H, until_us: 62 * H },
            Mark {
                what: "revoke 40 % of ward".into(),
                event: 1,
                from_us: 96 * H,
                until_us: 96 * H,
            },
            Mark { what: "destroy vault-1".into(), event: 2, from_us: 120 * H, until_us: 126 * H },
        ],
        violations: vec![Violation {
            checker: "plaintext-needs-a-grant",
            at_us,
            party: Some(4),
            what: "ward-2 held the plaintext of <an entry> 40 s after its permission had ended"
                .into(),
        }],
        expectations: vec![
            Expectation {
                what: "consent_latency.median below 2h".into(),
                came: Some(1.6e9),
                held: true,
            },
            Expectation {
                what: "availability.mean above 0.99".into(),
                came: Some(0.941),
                held: false,
            },
        ],
        cost: Cost {
            wall_s: 41.2,
            cpu_s: vec![("engine", 3.1), ("consent", 20.5), ("record", 14.2)],
        },
    };
    (outcome, trace)
}

fn trace(lot: &mut Lot, violated_us: u64) -> Vec<TraceRow> {
    let nothing = TraceRow {
        at_us: 0,
        kind: TraceKind::Sent,
        party: 0,
        other: NOBODY,
        what: "",
        id: 0,
        patient: 0,
        bytes: 0,
        end: "",
    };
    let mut rows = Vec::new();
    let whats = ["consent.ask", "record.pull", "revocation.state", "backup.deposit"];
    for step in 0..30_000_u64 {
        let at_us = step * (DAYS / 30_000);
        let what = whats[usize::try_from(lot.below(4)).unwrap()];
        let (party, other) =
            (u32::try_from(lot.below(7)).unwrap(), u32::try_from(7 + lot.below(9)).unwrap());
        let (id, patient, bytes) = (lot.0.next_u64(), lot.0.next_u64(), 300 + lot.below(4000));
        let sent = TraceRow {
            at_us,
            kind: TraceKind::Sent,
            party,
            other,
            what,
            id,
            patient,
            bytes,
            end: "",
        };
        rows.push(sent);
        let after_us = 40_000 + lot.below(400_000);
        let arrived = TraceRow {
            at_us: at_us + after_us,
            kind: TraceKind::Received,
            party: other,
            other: party,
            ..sent
        };
        if lot.share() < 0.9 {
            rows.push(arrived);
            let end = if lot.share() < 0.9 { "done" } else { "refused" };
            rows.push(TraceRow {
                at_us: at_us + 2 * after_us,
                kind: TraceKind::Concluded,
                end,
                ..sent
            });
        }
    }
    for (n, (party, other, what)) in [
        (12, 1, "revocation.state"),
        (1, 4, "record.pull"),
        (4, 1, "record.pull"),
        (7, 4, "backup.deposit"),
    ]
    .into_iter()
    .enumerate()
    {
        let at_us = violated_us - 4_000_000 + n as u64 * 900_000;
        let sent = TraceRow {
            at_us,
            kind: TraceKind::Sent,
            party,
            other,
            what,
            id: 7 + n as u64,
            patient: 5,
            bytes: 900,
            end: "",
        };
        rows.push(sent);
        rows.push(TraceRow {
            at_us: at_us + 700_000,
            kind: TraceKind::Received,
            party: other,
            other: party,
            ..sent
        });
    }
    rows.push(TraceRow {
        at_us: 48 * H,
        kind: TraceKind::Happened,
        what: "isolate north",
        ..nothing
    });
    rows.push(TraceRow {
        at_us: violated_us,
        kind: TraceKind::Violated,
        party: 4,
        what: "plaintext-needs-a-grant",
        ..nothing
    });
    rows.sort_by_key(|row| row.at_us);
    rows
}
