//! How fast the simulator is: a whole run of a scenario against an empty loop of the same queue, and what
//! the run's events cost.
//!
//! `cargo bench -p chartmesh-scenarios --bench rate [--features stand-ins] -- [FILE [SEED [KEY=VALUE ...]]]`
//!
//! Without a file: the day of a thousand peers, `scenarios/files/thousand.toml`. Where within the peers the time
//! goes is asked of a profiler: `scripts/bench where`.

use chartmesh_protocol::STAND_INS;
use chartmesh_scenarios::empty_events;
use chartmesh_scenarios::result::{Outcome, Progress, TraceKind, Watcher};
use chartmesh_scenarios::scenario::{Change, Document, Scenario, Vary};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Runs of the empty loop, of which the middle one counts.
const TIMES: usize = 3;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let thousand = || Path::new(env!("CARGO_MANIFEST_DIR")).join("files/thousand.toml");
    let file = args.next().map_or_else(thousand, PathBuf::from);
    let seed = args.next().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let changes: Vec<String> = args.collect();
    let scenario = load(&file, &changes);
    println!("{}", if STAND_INS { "stand-ins" } else { "real cryptography" });
    println!("{} h of simulated time, seed {seed}", scenario.duration.micros() / 3_600_000_000);

    let (mut phases, mut counts) = (Phases::default(), Counts::default());
    let outcome = chartmesh_scenarios::run(&scenario, seed, &mut phases, &mut counts);
    let outcome = outcome.expect("the scenario runs");
    phases.ends();
    phases.print();
    let running = phases.cpu_of("running");
    print_outcome(&outcome, &counts, running);

    let depth = 2 * outcome.parties.len();
    let mut empty: Vec<f64> = (0..TIMES)
        .map(|_| {
            let begun = cpu_s();
            let taken = empty_events(outcome.events.max(5_000_000), depth);
            taken as f64 / (cpu_s() - begun).max(1e-9)
        })
        .collect();
    empty.sort_by(f64::total_cmp);
    let (empty, full) = (empty[TIMES / 2], outcome.events as f64 / running);
    println!("an empty loop with {depth} events waiting: {empty:.0} events per CPU second");
    println!("this run: {full:.0} events per CPU second");
    println!("one event of this run costs as much as {:.0} empty ones", empty / full);
}

fn load(file: &Path, changes: &[String]) -> Scenario {
    let changes = changes.iter().map(|change| change.parse::<Vary>().expect("KEY=VALUE"));
    let changes: Vec<Change> = changes.flat_map(|one| one.changes().collect::<Vec<_>>()).collect();
    let document = Document::read(file).expect("a scenario");
    document.with(&changes).expect("a scenario")
}

fn print_outcome(outcome: &Outcome, counts: &Counts, running: f64) {
    let parties = outcome.parties.len() as f64;
    let days = outcome.simulated_us as f64 / 86_400e6;
    let rows = |kind: TraceKind| counts.0[kind as usize];
    let sent = rows(TraceKind::Sent);
    println!(
        "{} events; {} rows, trace {}",
        outcome.events, outcome.trace_rows, outcome.trace_hash
    );
    println!(
        "{sent} messages, each answered by a signed outcome, and {} greetings: {:.1} signed messages sent \
         or answered by a peer each day",
        rows(TraceKind::Greeted),
        2.0 * sent as f64 / parties / days
    );
    println!(
        "{:.0} times faster than time passes, once set up",
        outcome.simulated_us as f64 / 1e6 / running
    );
    // Measured by the wall's clock, so on a busy machine only their shares say something.
    let handled: f64 = outcome.cost.cpu_s.iter().map(|(_, s)| s).sum();
    println!("of what peers do:");
    for (feature, s) in &outcome.cost.cpu_s {
        println!("  {feature:12} {:5.1} %", 100.0 * s / handled);
    }
    println!("{} violations", outcome.violations.len());
    for violation in outcome.violations.iter().take(3) {
        println!("  {}: {}", violation.checker, violation.what);
    }
    println!(
        "{:.2} GiB of memory at most, {:.0} kB for each party",
        peak_kb() / 1048576.0,
        peak_kb() / parties
    );
}

/// Processor time by what went on.
#[derive(Default)]
struct Phases {
    phases: Vec<(&'static str, f64)>,
    last: Option<Instant>,
}

impl Watcher for Phases {
    fn progress(&mut self, progress: &Progress) -> bool {
        let now = cpu_s();
        match self.phases.last_mut() {
            Some((phase, _)) if *phase == progress.phase => {}
            Some((_, from)) => {
                *from = now - *from;
                self.phases.push((progress.phase, now));
            }
            None => self.phases.push((progress.phase, now)),
        }
        // Long runs say how far they are.
        if self.last.is_none_or(|last| last.elapsed().as_secs() >= 30) {
            self.last = Some(Instant::now());
            eprintln!(
                "{} {:.1} % {now:.0} s",
                progress.phase,
                100.0 * progress.simulated_us as f64 / progress.duration_us as f64
            );
        }
        if progress.simulated_us == progress.duration_us {
            self.over(now);
        }
        true
    }
}

impl Phases {
    /// What comes after the last step of time: everything heals, and checkers look.
    fn over(&mut self, now: f64) {
        if let Some((_, from)) = self.phases.last_mut() {
            *from = now - *from;
            self.phases.push(("checking", now));
        }
    }

    fn ends(&mut self) {
        if let Some((_, from)) = self.phases.last_mut() {
            *from = cpu_s() - *from;
        }
    }

    fn cpu_of(&self, phase: &str) -> f64 {
        self.phases.iter().filter(|(name, _)| *name == phase).map(|(_, s)| s).sum()
    }

    fn print(&self) {
        for (phase, s) in &self.phases {
            println!("{phase:12} {s:8.2} CPU s");
        }
        println!("{:12} {:8.2} CPU s", "in all", cpu_s());
    }
}

/// Rows of the trace by kind.
#[derive(Default)]
struct Counts([u64; 32]);

impl chartmesh_scenarios::result::TraceSink for Counts {
    fn row(&mut self, row: &chartmesh_scenarios::result::TraceRow) {
        self.0[row.kind as usize] += 1;
    }
}

/// Processor time of this process so far.
fn cpu_s() -> f64 {
    // Fields 14 and 15 of proc(5), in hundredths; the name before them may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, after) = stat.rsplit_once(')').expect("a name in parentheses");
    let fields = after.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// Most memory that the process ever had, in kibibytes.
fn peak_kb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("Linux");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}
