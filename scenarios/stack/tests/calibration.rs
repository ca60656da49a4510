//! The same scenario on both tiers: what peers alone over modelled links tell is what whole nodes do.

use std::path::Path;

use chartmesh_scenarios::output::{RunRead, TierRow, tier_rows};
use chartmesh_scenarios::result::Unwatched;
use chartmesh_scenarios::scenario::{Change, Document, Scenario, Vary};
use chartmesh_stack::tier;

fn file() -> Document {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../files/calibration.toml");
    Document::read(&path).unwrap()
}

fn changes(words: &[&str]) -> Vec<Change> {
    let changes = |word: &&str| word.parse::<Vary>().unwrap().changes().collect::<Vec<_>>();
    words.iter().flat_map(changes).collect()
}

/// The calibration with 40 nodes and two hours.
fn smaller() -> Scenario {
    let smaller = [
        "duration=2h",
        "hospitals.east.count=3",
        "hospitals.east.patients=10",
        "hospitals.west.count=1",
        "hospitals.west.patients=4",
    ];
    file().with(&changes(&smaller)).unwrap()
}

/// The whole scenario agrees within about a tenth (`docs/calibration.md`); with a ninth of its samples a
/// median may lie further off, by chance alone.
const WITHIN: f64 = 0.15;

/// Measures of which 40 nodes have enough in two hours.
const MEASURES: [&str; 6] = [
    "consent_latency",
    "read_latency",
    "revocation_delay",
    "delivery_latency",
    "messages",
    "bytes",
];

#[test]
fn peers_alone_tell_what_whole_nodes_do() {
    let scenario = smaller();
    let core = chartmesh_scenarios::run(&scenario, 1, &mut Unwatched, &mut Unwatched).unwrap();
    let stack = tier::run(&scenario, 1, &mut Unwatched, &mut Unwatched).unwrap();
    assert_eq!((core.tier, stack.tier), ("core", "stack"));
    let rows = tier_rows(&[RunRead::of(&core), RunRead::of(&stack)]);
    for measure in MEASURES {
        let row = rows.iter().find(|row| row.metric == measure && row.label.is_empty());
        let row: &TierRow = row.unwrap_or_else(|| panic!("{measure} was not measured"));
        assert!(row.tiers.iter().all(|tier| tier.count >= 4), "{measure}: {row:?}");
        let by = row.difference(0).unwrap();
        assert!(by.abs() <= WITHIN, "{measure} is off by {by:+.3}: {row:?}");
    }
}

#[test]
fn what_whole_nodes_cannot_do_is_refused_by_name() {
    let change = ["faults.crash=0.01", "policy.idle=10min", "relays.phone.clock_skew=1s"];
    let scenario = file().with(&changes(&change)).unwrap();
    let refused = tier::run(&scenario, 1, &mut Unwatched, &mut Unwatched).unwrap_err().to_string();
    for key in ["faults.crash", "policy.idle", "relays.phone.clock_skew"] {
        assert!(refused.contains(key), "{refused}");
    }
}
