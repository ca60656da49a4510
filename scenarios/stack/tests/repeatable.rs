//! The same seed gives the same bytes at the same times: between two processes, since what differs from
//! run to run (hash tables, addresses in memory, the machine's clock) does so between processes.

use std::process::Command;

fn day(seed: u64) -> (String, String) {
    let words = ["hospitals=3", "providers=1", "relays=6", "entries=5", "hours=1"];
    let mut run = Command::new(env!("CARGO_BIN_EXE_day"));
    let run = run.args(words).arg(format!("seed={seed}")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).unwrap();
    let line = |of: &str| text.lines().find(|line| line.starts_with(of)).unwrap().to_owned();
    assert_eq!(line("failed:"), "failed: 0", "{text}");
    (line("trace:"), line("delivery:"))
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_the_same_times_in_another_process() {
    let first = day(1);
    assert_eq!(day(1), first);
    assert_ne!(day(2).0, first.0, "another seed gives other bytes");
}
