//! A day of a federation of whole nodes: how long things take, and what it costs to simulate.
//!
//! `cargo run --bin day -- hospitals=10 providers=2 relays=188 entries=40 hours=24 seed=1 within=10
//! between=38`, the last two the milliseconds of latency within a region and between the two.

use std::time::{Duration, Instant};

use chartmesh_stack::{Federation, Link, Links, Load, Region, Sizes, Who, chance};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, or: u64| {
        let prefix = format!("{name}=");
        let found = given.iter().find_map(|word| word.strip_prefix(&prefix));
        found.map_or(or, |value| value.parse().expect("a number"))
    };
    let size = |name: &str, or: u64| usize::try_from(number(name, or)).expect("it fits");
    let sizes = Sizes {
        hospitals: size("hospitals", 10),
        providers: size("providers", 2),
        relays: size("relays", 188),
        regions: 2,
    };
    let latency = |name: &str, or: u64| Link::of(Duration::from_millis(number(name, or)));
    let links =
        Links::all(latency("within", 10)).with(Region(0), Region(1), latency("between", 38));
    let entries = u32::try_from(number("entries", 40)).expect("it fits");
    let length = Duration::from_secs(number("hours", 24) * 3600);
    let load = Load { entries, referrals: number("referrals", 1) == 1, length };
    let seed = number("seed", 1);

    let wall = Instant::now();
    let mut federation = Federation::found(seed, links, sizes);
    let begin = federation.stack.now();
    let founded = (wall.elapsed(), cpu(), federation.stack.deliveries().len());
    let took = federation.begin_day(seed, load);
    let hours = length.as_secs() / 3600;
    for hour in 1..=hours {
        federation.stack.advance(Duration::from_secs(3600));
        eprintln!("{hour} of {hours} h, {:.0} CPU s", cpu());
    }

    let stack = &federation.stack;
    let nodes = sizes.hospitals + sizes.providers + sizes.relays;
    println!("nodes {nodes} seed {seed}");
    println!(
        "founded: {:.1} simulated min, {:.1} s, {:.1} CPU s, {} messages",
        begin.since(chartmesh_stack::EPOCH) as f64 / 60_000.0,
        founded.0.as_secs_f64(),
        founded.1,
        founded.2
    );
    let took = took.lock().expect("nobody panicked");
    let all = stack.deliveries();
    let day = || all.iter().filter(|message| message.at >= begin);
    print("delivery", day().map(|message| message.latency_ms).collect());
    print("consent", took.consent.clone());
    print("read", took.read.clone());
    print("revocation", took.revocation.clone());
    println!("failed: {}", took.failed.len());
    for reason in took.failed.iter().take(5) {
        println!("  {reason}");
    }
    let (spent, passed) = (cpu() - founded.1, (wall.elapsed() - founded.0).as_secs_f64());
    println!(
        "day: {passed:.1} s, {spent:.1} CPU s, {:.0} x real time",
        length.as_secs_f64() / passed
    );
    println!("events: {:?}", stack.events());
    let open: usize = (0..nodes).map(|node| stack.connections(Who(node))).sum();
    println!("{:?}, {} ends of connections open at the end", stack.traffic(), open);
    println!("stores: {} MiB; resident: {} MiB", stack.store_bytes() >> 20, resident() >> 20);
    println!("chance asked: {}", chance::calls());
    println!("trace: {}", stack.trace_hash());
}

fn print(what: &str, mut took: Vec<u64>) {
    took.sort_unstable();
    let at = |share: f64| {
        let last = took.len().saturating_sub(1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index below the length"
        )]
        took.get((last * share).round() as usize).copied().unwrap_or_default()
    };
    println!(
        "{what}: {} of them, median {} ms, p95 {} ms, most {} ms",
        took.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
}

/// CPU seconds of this process, user and system.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> =
        after.split_whitespace().skip(11).take(2).filter_map(|f| f.parse().ok()).collect();
    fields.iter().sum::<f64>() / 100.0
}

/// Bytes of memory in use.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
