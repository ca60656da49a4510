//! What the transport costs: `cargo run --bin costs -- latency=20 rate=0 loss=0`
//!
//! `latency` in milliseconds one way, `rate` in bytes a second (0: no limit), `loss` in percent.

use std::time::Duration;

use chartmesh_protocol::record::Kind;
use chartmesh_stack::{Delivered, Federation, Link, Links, Patient, Sizes, Stack, Who, measure};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, or: u64| {
        let prefix = format!("{name}=");
        let found = given.iter().find_map(|word| word.strip_prefix(&prefix));
        found.map_or(or, |value| value.parse().expect("a number"))
    };
    let latency = Duration::from_millis(number("latency", 20));
    let rate = number("rate", 0);
    let link = Link {
        latency,
        bytes_per_second: (rate > 0).then_some(rate),
        loss: number("loss", 0) as f64 / 100.0,
    };
    println!("| what | ms | one-way latencies | bytes out | bytes back |");
    println!("|---|--:|--:|--:|--:|");
    for cost in measure(link) {
        let (out, back) = cost.bytes;
        println!(
            "| {} | {} | {:.2} | {out} | {back} |",
            cost.what,
            cost.took.as_millis(),
            cost.hops
        );
    }
    println!();
    nodes(link);
}

/// What whole nodes exchange: a message and its outcome, a start, a message that finds nobody.
fn nodes(link: Link) {
    let sizes = Sizes { hospitals: 2, providers: 0, relays: 1, regions: 1 };
    let mut federation = Federation::found(1, Links::all(link), sizes);
    let patient = federation.patients[0];
    let (hospital, relay) = (patient.hospital, patient.relay);
    let stack = &mut federation.stack;
    // Whatever the enrolment set off is over.
    stack.advance(Duration::from_secs(30));

    tell(stack, patient, "on an open connection");
    // Long enough for the connection to be closed.
    stack.advance(Duration::from_secs(400));
    tell(stack, patient, "without a connection");

    stack.switch_off(relay);
    stack.advance(Duration::from_secs(1));
    let (begin, flow) = (stack.now(), flows(stack, relay, hospital));
    stack.switch_on(relay);
    let greeted = loop {
        stack.advance(Duration::from_millis(1));
        if stack.events()["welcome"] > 0 && stack.connections(relay) > 0 {
            break stack.now();
        }
    };
    stack.advance(Duration::from_secs(2));
    let after = flows(stack, relay, hospital);
    println!(
        "a relay starts: connected after {} ms; dial, hello, welcome, identify, pings: {} bytes out, {} back",
        greeted.since(begin),
        after.0 - flow.0,
        after.1 - flow.1
    );

    let before = stack.failures().len();
    stack.cut_power(relay);
    let begin = stack.now();
    while stack.is_connected(hospital, relay) {
        stack.advance(Duration::from_millis(100));
    }
    let gone = stack.now().since(begin);
    println!("a relay without power is noticed after {:.1} s", gone as f64 / 1000.0);
    let begin = stack.now();
    record(stack, patient);
    stack.advance(Duration::from_secs(3600));
    let tries: Vec<_> = stack.failures()[before..]
        .iter()
        .filter(|(by, at)| *by == hospital.0 && *at >= begin)
        .map(|(_, at)| format!("{:.1}", at.since(begin) as f64 / 1000.0))
        .collect();
    println!("tries to deliver to it failed after seconds: {}", tries.join(" "));
}

/// Has the relay told of an entry, and prints what that took.
fn tell(stack: &mut Stack, patient: Patient, how: &str) {
    let (hospital, relay) = (patient.hospital, patient.relay);
    let (before, flow) = (stack.deliveries().len(), flows(stack, hospital, relay));
    record(stack, patient);
    stack.advance(Duration::from_secs(2));
    let after = flows(stack, hospital, relay);
    for Delivered { by, latency_ms, bytes, .. } in &stack.deliveries()[before..] {
        println!("{how}: a message of {bytes} bytes, handled by node {by} after {latency_ms} ms");
    }
    println!("{how}: {} bytes out, {} back in all", after.0 - flow.0, after.1 - flow.1);
}

fn record(stack: &mut Stack, patient: Patient) {
    let draft: (&str, Kind, &[&[u8]]) = ("a finding", Kind::Reports, &[b"a finding"]);
    stack.record(patient.hospital, patient.id, &[draft]).expect("a hospital records");
}

fn flows(stack: &Stack, one: Who, other: Who) -> (u64, u64) {
    (stack.flow(one, other), stack.flow(other, one))
}
