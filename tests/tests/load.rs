//! `scripts/bench load` at a size of seconds, with resources that it makes itself: it must not rot between two releases.

use chartmesh_tests::load::{Options, run};

#[test]
fn the_benchmark_of_load_goes_its_whole_road_at_a_tiny_size() {
    let report = run(Options { size: 60, ..Options::default() }).unwrap();
    // One line for each figure that the README's table and curve are made of.
    assert!(report.lines() > 30, "{} lines", report.lines());
}
