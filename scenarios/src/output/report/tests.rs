//! What a page must be, whatever it tells of.

use super::*;
use crate::metric::Unit;
use crate::output::{Formats, Leave, RunFolder, RunRead, fake};
use crate::result::TraceSink;
use crate::stats::{SweptFigure, SweptPoint, mean_interval, paired};
use std::path::PathBuf;

/// Where pages go: a folder that is removed, or one that `KEEP_PAGES` names, for people to look at.
fn folder(name: &str) -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let dir =
        std::env::var_os("KEEP_PAGES").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    (temporary, dir.join(name))
}

fn run(seed: u64, dir: &Path) -> RunRead {
    let (outcome, trace) = fake::outcome(seed);
    let parquet = Formats { csv: false, parquet: true };
    let leave = Leave { tables: parquet, trace: parquet, report: true, png: false };
    let mut folder = RunFolder::begin(dir, leave).unwrap();
    for row in &trace {
        folder.row(row);
    }
    folder.finish(&outcome, "chartmesh sim run north.toml --seed 1 --out run").unwrap();
    RunRead::read(dir).unwrap()
}

/// Needs no other file, runs nothing, holds nothing unescaped, and says in words what its drawings show.
fn stands_alone(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"));
    for outside in ["<script", "<link", "<img", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let links = page.matches("http").count();
    let named =
        page.matches("http://www.w3.org/2000/svg").count() + page.matches("http-equiv").count();
    assert_eq!(links, named, "only names of formats, no addresses");
    assert!(!page.contains("NaN") && !page.contains("inf "), "no figure that is none");
    for svg in page.split("<svg").skip(1) {
        let (head, after) = svg.split_once("><title>").expect("a drawing begins with its title");
        assert!(head.contains(r#"role="img""#));
        assert!(after.split_once("</title><desc>").is_some_and(|(title, _)| !title.is_empty()));
    }
    assert_eq!(page.matches("<h1>").count(), 1);
}

#[test]
fn a_report_stands_alone_and_says_what_came() {
    let (_temporary, dir) = folder("run");
    run(1, &dir);
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    stands_alone(&page);
    for said in [
        "north is &lt;cut off&gt;",
        "Did not hold",
        "stand-ins",
        "One seed proves little",
        "availability.mean above 0.99",
        "chartmesh sim run north.toml --seed 1 --out run",
        "of 6\u{202f}000 authorised reads",
        "isolate north",
        "Before it failed",
        "plaintext of &lt;an entry&gt;",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_run_that_held_and_one_that_was_stopped_say_so() {
    let (mut outcome, _) = fake::outcome(2);
    outcome.violations.clear();
    outcome.expectations.retain(|expectation| expectation.held);
    outcome.stand_ins = false;
    let page = report(&outcome, &[], "again");
    assert!(
        page.contains("✓ Held") && !page.contains("Did not hold") && !page.contains("stand-ins")
    );
    outcome.stopped = true;
    outcome.simulated_us /= 2;
    assert!(report(&outcome, &[], "again").contains("Stopped before its end"));
}

#[test]
fn a_run_without_any_value_still_has_a_report() {
    let (mut outcome, _) = fake::outcome(2);
    for metric in &mut outcome.metrics {
        metric.samples.clear();
        metric.denominator = 0;
    }
    (outcome.simulated_us, outcome.cost.wall_s) = (0, 0.0);
    stands_alone(&report(&outcome, &pictures::pictures(&outcome, None), "again"));
}

fn swept(name: &str, unit: Unit, values: &[(&str, Vec<f64>)]) -> SweptFigure {
    let points = values.iter().enumerate().map(|(at, (point, seeds))| SweptPoint {
        point: (*point).to_owned(),
        mean: mean_interval(seeds).unwrap(),
        at_least: at % 2,
        difference: (at > 0).then(|| {
            paired(&values[0].1.iter().copied().zip(seeds.iter().copied()).collect::<Vec<_>>())
                .unwrap()
        }),
    });
    SweptFigure { name: name.to_owned(), unit, points: points.collect() }
}

#[test]
fn a_sweep_is_drawn_against_what_was_varied() {
    let (_temporary, dir) = folder("sweep");
    let (outcome, _) = fake::outcome(1);
    let seeds = |base: f64, spread: f64| {
        (0..8).map(|seed| base + spread * f64::from(seed * 7 % 5)).collect::<Vec<_>>()
    };
    let figures = [
        swept(
            "consent_latency.median",
            Unit::Micros,
            &[
                ("policy.replicas=1", seeds(1.5e9, 1e8)),
                ("policy.replicas=2", seeds(1.52e9, 1e8)),
                ("policy.replicas=3", seeds(1.1e9, 1.2e8)),
            ],
        ),
        swept(
            "availability.mean",
            Unit::Share,
            &[
                ("policy.replicas=1", seeds(0.9, 0.01)),
                ("policy.replicas=2", seeds(0.95, 0.005)),
                ("policy.replicas=3", seeds(0.99, 0.001)),
            ],
        ),
        swept(
            "bytes.total",
            Unit::Bytes,
            &[
                ("policy.replicas=1", seeds(1e9, 1e7)),
                ("policy.replicas=2", seeds(1.6e9, 1e7)),
                ("policy.replicas=3", seeds(2.2e9, 1e7)),
            ],
        ),
    ];
    let sweep = SweepReport {
        scenario: &outcome.scenario,
        varied: "policy.replicas",
        figures: &figures,
        drawn: 2,
        failed: &[(
            "policy.replicas=1".into(),
            4,
            "availability.mean above 0.99: came 0.94".into(),
        )],
        runs: 24,
        stand_ins: true,
        stopped: false,
        again: "chartmesh sim sweep north.toml --vary policy.replicas=1,2,3 --seeds 8",
    };
    let files = write_sweep(&dir, &sweep, false).unwrap();
    assert!(files.iter().all(|file| file.exists()));
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    stands_alone(&page);
    assert!(
        page.contains("8 seeds")
            && page.contains("Consent latency, median: difference")
            && page.contains("in 1 of 24 runs")
    );
    assert_eq!(csv::Reader::from_path(dir.join("sweep.csv")).unwrap().into_records().count(), 9);
}

#[test]
fn two_runs_are_held_against_each_other() {
    let (_temporary, dir) = folder("compare");
    let (first, mut second) = (run(1, &dir.join("a")), run(2, &dir.join("b")));
    second.manifest.scenario.policy.replicas = 3;
    let figures = [swept(
        "consent_latency.median",
        Unit::Micros,
        &[("a", vec![1e9, 2e9, 3e9]), ("b", vec![1.2e9, 2.1e9, 3.3e9])],
    )];
    let compared = Comparison {
        names: ["a", "b"],
        runs: [&first, &second],
        paired: &figures,
        again: "chartmesh sim compare a b",
    };
    write_comparison(&dir, &compared, false).unwrap();
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    stands_alone(&page);
    assert!(
        page.contains("policy.replicas")
            && page.contains("The seeds differ")
            && page.contains("Differences over seeds")
    );
}

#[test]
fn tiers_side_by_side_say_which_medians_are_apart() {
    let (_temporary, dir) = folder("tiers");
    let (core, mut stack) = (run(1, &dir.join("a")), run(1, &dir.join("b")));
    stack.manifest.tier = "stack".into();
    let names = ["core".to_owned(), "stack".to_owned()];
    let write = |core: &RunRead, stack: &RunRead| {
        let runs = [core.clone(), stack.clone()];
        let again = "chartmesh sim compare a b --out tiers";
        write_tiers(&dir, &Tiers { names: &names, runs: &runs, again }, false).unwrap();
        std::fs::read_to_string(dir.join("report.html")).unwrap()
    };
    let page = write(&core, &stack);
    stands_alone(&page);
    assert!(page.contains("They agree") && page.contains("+0.0 %"), "a run is like itself");

    let slower = stack.samples.get_mut("consent_latency").unwrap();
    slower.iter_mut().for_each(|sample| sample.value *= 1.25);
    let rows = tier_rows(&[core.clone(), stack.clone()]);
    let row = rows.iter().find(|row| row.metric == "consent_latency" && row.label.is_empty());
    let row = row.unwrap();
    assert!((row.difference(0).unwrap() + 0.2).abs() < 1e-9 && !row.agrees(), "{row:?}");
    let page = write(&core, &stack);
    stands_alone(&page);
    assert!(page.contains("They differ") && page.contains("core by −20.0 %"));
}
