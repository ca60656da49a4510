//! The costs that README.md tells and the other tier works with.

use std::time::Duration;

use chartmesh_stack::{Link, measure};

#[test]
fn waiting_costs_as_many_latencies_as_the_other_tier_takes_it_to() {
    let costs = measure(Link::of(Duration::from_millis(30)));
    let hops = |what: &str| {
        let found = costs.iter().find(|cost| cost.what.starts_with(what));
        found.unwrap_or_else(|| panic!("{what} was not measured")).hops
    };
    for (what, expected) in [
        ("dial, Noise and Yamux", 4.0),
        ("the same and a `hello`, until it is at the far side", 7.0),
        ("the same, until its answer", 8.0),
        ("`hello` of 200 bytes on an open connection", 4.0),
        ("control of 1024 bytes, until it is at the far side", 3.0),
        ("control of 1024 bytes, until its answer", 4.0),
        ("control of 65536 bytes, until it is at the far side", 7.0),
        ("a bulk stream, until it may be used", 2.0),
        ("a pull of an object of 1 KiB", 4.0),
        ("a pull of an object of 1024 KiB", 16.0),
        ("until a connection that nobody uses is closed", 10_000.0),
    ] {
        assert!((hops(what) - expected).abs() < 0.01, "{what}: {} latencies", hops(what));
    }
}
