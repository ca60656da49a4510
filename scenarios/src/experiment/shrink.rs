//! Shrinking: the smallest scenario that still fails in the same way.
//!
//! It works on the file's shape, not on what the keys mean, so a feature that brings keys of its own
//! needs no line here. A candidate takes something out of the smallest failing scenario so far:
//! elements of a list (half of them, a quarter, one), a key, which then has its default, or part of a
//! number. Whatever still fails with the same seed is the new smallest; when nothing can be taken
//! out any more, no single thing in it is there in vain (it is 1-minimal, as delta debugging calls it).

use super::runner::{Runner, Went};
use crate::result::{Failing, Progress, RunError, Watcher};
use crate::scenario::{self, Rate, Scenario, Size, Span};
use std::collections::HashSet;
use std::path::Path;
use toml::{Table, Value};

/// A scenario made smaller.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest that was found.
    pub scenario: Scenario,
    /// As a file, without what has its default.
    pub file: String,
    /// In which way it fails, as the whole did.
    pub failing: Failing,
    /// Runs that it took.
    pub tried: u32,
    /// Whether nothing more can be taken out; not when it was stopped before.
    pub minimal: bool,
}

/// There is nothing to shrink.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// It cannot be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Nothing fails.
    #[error("everything holds in this scenario with seed {0}: there is no failure to keep")]
    Holds(u64),
    /// It was stopped before the first failure was seen.
    #[error("stopped before the first run ended")]
    Stopped,
}

/// How far shrinking is.
#[derive(Debug, Clone, Copy)]
pub struct Shrinking {
    /// Runs so far.
    pub tried: u32,
    /// Lines of the smallest file so far.
    pub lines: usize,
    /// Simulated time that it takes.
    pub duration: Span,
}

/// Makes a scenario that fails with a seed smaller. `go_on` is asked before each run and during it.
///
/// # Errors
/// [`ShrinkError`].
pub fn shrink(
    scenario: &Scenario,
    seed: u64,
    run: &Runner<'_>,
    go_on: &mut dyn FnMut(&Shrinking) -> bool,
) -> Result<Shrunk, ShrinkError> {
    let mut whole = scenario.clone();
    whole.sweep.clear();
    let table = Value::try_from(&whole).expect("a scenario is a table");
    let progress = Shrinking { tried: 1, lines: 0, duration: scenario.duration };
    let mut asking = Asking { go_on, progress, stopped: false };
    let went = Went::of(run, &whole, seed, &mut asking);
    if asking.stopped {
        return Err(ShrinkError::Stopped);
    }
    let failing = match went {
        Went::Not(error) => return Err(error.into()),
        Went::Panicked => Failing::Panic,
        Went::Through(outcome) => Failing::of(&outcome).ok_or(ShrinkError::Holds(seed))?,
    };
    let tried = HashSet::new();
    let mut search = Search { run, seed, failing, asking, tried, smallest: whole, table };
    search.shrink();
    let Search { smallest, table, failing, asking, .. } = search;
    Ok(Shrunk {
        scenario: smallest,
        file: as_file(&table),
        failing,
        tried: asking.progress.tried,
        minimal: !asking.stopped,
    })
}

/// Asks whether to go on, and remembers the answer.
struct Asking<'a> {
    go_on: &'a mut dyn FnMut(&Shrinking) -> bool,
    progress: Shrinking,
    stopped: bool,
}

impl Watcher for Asking<'_> {
    fn progress(&mut self, _: &Progress) -> bool {
        self.stopped |= !(self.go_on)(&self.progress);
        !self.stopped
    }
}

struct Search<'a> {
    run: &'a Runner<'a>,
    seed: u64,
    failing: Failing,
    asking: Asking<'a>,
    /// What did not fail, so that a later round does not run it again.
    tried: HashSet<String>,
    smallest: Scenario,
    /// The same as a file has it.
    table: Value,
}

/// Keys that stay: what it is called, and what it must hold to be failing.
const KEPT: [&str; 4] = ["schema", "name", "question", "expect"];

impl Search<'_> {
    fn shrink(&mut self) {
        // The shortest run first: it makes all others short.
        self.less(&[Step::Key("duration".into())]);
        loop {
            let before = self.table.clone();
            for path in self.paths(&|value| value.is_array()) {
                self.fewer(&path);
            }
            for path in self.paths(&|value| value.is_table()) {
                self.without(&path);
            }
            for path in self.paths(&|value| value.is_integer() || value.is_str()) {
                self.less(&path);
            }
            if self.asking.stopped || self.table == before {
                return;
            }
        }
    }

    /// Takes a candidate for the smallest if it fails in the same way.
    fn takes(&mut self, table: Value) -> bool {
        let Some(scenario) = read(&table) else { return false };
        // Only its default was written out.
        let same = scenario == self.smallest;
        if !same && !self.fails(&scenario, &table) {
            return false;
        }
        self.smallest = scenario;
        self.asking.progress.lines = as_file(&table).lines().count();
        self.asking.progress.duration = self.smallest.duration;
        self.table = table;
        true
    }

    fn fails(&mut self, scenario: &Scenario, table: &Value) -> bool {
        if self.asking.stopped || !self.tried.insert(as_file(table)) {
            return false;
        }
        self.asking.progress.tried += 1;
        let went = Went::of(self.run, scenario, self.seed, &mut self.asking);
        match went {
            Went::Through(outcome) => self.failing.is_in(&outcome),
            Went::Not(_) => false,
            Went::Panicked => self.failing == Failing::Panic,
        }
    }

    /// Takes elements out of a list: many at once, then fewer.
    fn fewer(&mut self, path: &[Step]) {
        let length = |table: &Value| at(table, path).and_then(Value::as_array).map_or(0, Vec::len);
        let mut chunk = length(&self.table);
        while chunk > 0 {
            let mut from = 0;
            while from < length(&self.table) {
                let mut candidate = self.table.clone();
                let Some(Value::Array(list)) = at_mut(&mut candidate, path) else { return };
                let until = (from + chunk).min(list.len());
                list.drain(from..until);
                if !self.takes(candidate) {
                    from += chunk;
                }
            }
            chunk /= 2;
        }
    }

    /// Takes keys out of a table: one, or two of which one without the other makes no sense.
    fn without(&mut self, path: &[Step]) {
        let Some(Value::Table(table)) = at(&self.table, path) else { return };
        let kept = |key: &&String| path.is_empty() && KEPT.contains(&key.as_str());
        let keys: Vec<String> = table.keys().filter(|key| !kept(key)).cloned().collect();
        for (number, one) in keys.iter().enumerate() {
            for other in &keys[number..] {
                let mut candidate = self.table.clone();
                let Some(Value::Table(table)) = at_mut(&mut candidate, path) else { return };
                let before = table.len();
                table.remove(one);
                table.remove(other);
                if before - table.len() == 1 + usize::from(one != other) {
                    self.takes(candidate);
                }
            }
        }
    }

    /// Makes a number smaller: as small as it can be by halving the range, as if every number above a
    /// failing one failed. Where that is not so it is still a failing one that is found.
    fn less(&mut self, path: &[Step]) {
        let Some(amount) = at(&self.table, path).and_then(|value| Amount::read(path, value)) else {
            return;
        };
        let (mut low, mut high) = (0, amount.number);
        while low < high && !self.asking.stopped {
            let middle = low + (high - low) / 2;
            let mut candidate = self.table.clone();
            let Some(value) = at_mut(&mut candidate, path) else { return };
            *value = (amount.write)(middle);
            if self.takes(candidate) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
    }

    /// The paths to all values of a sort, as they are now. Of what must hold, only the list.
    fn paths(&self, wanted: &dyn Fn(&Value) -> bool) -> Vec<Vec<Step>> {
        fn look(
            value: &Value,
            path: &mut Vec<Step>,
            wanted: &dyn Fn(&Value) -> bool,
            found: &mut Vec<Vec<Step>>,
        ) {
            if wanted(value) {
                found.push(path.clone());
            }
            let steps: Vec<(Step, &Value)> = match value {
                _ if matches!(&path[..], [Step::Key(key)] if KEPT.contains(&key.as_str())) => {
                    return;
                }
                Value::Table(table) => {
                    table.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect()
                }
                Value::Array(list) => {
                    list.iter().enumerate().map(|(at, value)| (Step::Element(at), value)).collect()
                }
                _ => return,
            };
            for (step, value) in steps {
                path.push(step);
                look(value, path, wanted, found);
                path.pop();
            }
        }
        let mut found = Vec::new();
        look(&self.table, &mut Vec::new(), wanted, &mut found);
        found
    }
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Element(usize),
}

fn at<'a>(whole: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(whole, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Element(at) => value.get(at),
    })
}

fn at_mut<'a>(whole: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(whole, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Element(at) => value.get_mut(at),
    })
}

/// A value that says how much of something there is, in units that a person would choose.
struct Amount {
    number: u64,
    /// Writes another number as the value was written.
    write: Box<dyn Fn(u64) -> Value>,
}

impl Amount {
    fn read(path: &[Step], value: &Value) -> Option<Self> {
        if let Some(number) = value.as_integer() {
            let write = |n| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
            return Some(Self { number: u64::try_from(number).ok()?, write: Box::new(write) });
        }
        let (Step::Key(key), text) = (path.last()?, value.as_str()?.to_owned()) else {
            return None;
        };
        match key.as_str() {
            "duration" | "warmup" | "at" | "for" => {
                let micros = Span::try_from(text).ok()?.micros();
                let unit = coarse(micros, &[3_600_000_000, 60_000_000, 1_000_000]);
                let write = move |n| String::from(Span::from_micros(n * unit)).into();
                Some(Self { number: micros.div_ceil(unit), write: Box::new(write) })
            }
            "size" => {
                let bytes = Size::try_from(text).ok()?.bytes();
                let unit = coarse(bytes, &[1 << 20, 1 << 10, 1]);
                let write = move |n| String::from(Size::from_bytes(n * unit)).into();
                Some(Self { number: bytes.div_ceil(unit), write: Box::new(write) })
            }
            "rate" => {
                let a_day = Rate::try_from(text).ok()?.per_day().ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a rate is in 0..1e14"
                )]
                let number = a_day as u64;
                Some(Self { number, write: Box::new(|n| format!("{n}/d").into()) })
            }
            _ => None,
        }
    }
}

/// The largest unit of which there are at least eight; the last otherwise.
fn coarse(value: u64, units: &[u64]) -> u64 {
    let fits = units.iter().find(|unit| value / **unit >= 8);
    *fits.or(units.last()).expect("there is a unit")
}

/// A candidate as a scenario, if it is one.
fn read(table: &Value) -> Option<Scenario> {
    scenario::parse(&as_file(table), "candidate", Path::new("")).ok()
}

/// A table as a person writes a scenario: what it is first, then who takes part, then what happens.
fn as_file(table: &Value) -> String {
    let table = table.as_table().expect("a scenario is a table");
    const FIRST: [&str; 5] = ["schema", "name", "question", "duration", "warmup"];
    const THEN: [&str; 5] = ["region", "link", "hospitals", "providers", "relays"];
    let place = |key: &str| {
        let within = |keys: &[&str]| keys.iter().position(|known| *known == key);
        within(&FIRST).or(within(&THEN).map(|at| at + 5)).unwrap_or(10)
    };
    let one = |key: &String| {
        let alone = Table::from_iter([(key.clone(), table[key].clone())]);
        (place(key), toml::to_string(&alone).expect("a table can be written"))
    };
    let mut parts: Vec<(usize, String)> = table.keys().map(one).collect();
    // What has no head of its own would belong to the head above it.
    parts.sort_by_key(|(place, text)| (text.starts_with('['), *place));
    let gap = |text: &str| if text.starts_with('[') { "\n" } else { "" };
    parts.into_iter().map(|(_, text)| format!("{}{text}", gap(&text))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use crate::result::{Outcome, TraceSink, Unwatched};
    use crate::scenario::Happening;

    const WHOLE: &str = r#"
        schema = "chartmesh-sim/1"
        name = "whole"
        duration = "21d"
        warmup = "1d"
        [[region]]
        id = "north"
        [[region]]
        id = "south"
        [[link]]
        between = ["north", "south"]
        latency = { dist = "lognormal", median = "38ms", sigma = 0.4 }
        loss = { p = 0.001, r = 0.3 }
        [[hospitals]]
        id = "clinic"
        region = "north"
        count = 12
        patients = 300
        relays = "phone"
        nat = { open = 0.1, cone = 0.6, symmetric = 0.3 }
        [[hospitals]]
        id = "ward"
        region = "south"
        [[providers]]
        id = "vault"
        region = "south"
        count = 3
        [[relays]]
        id = "phone"
        up = "2h"
        down = "1h"
        [[work]]
        do = "import"
        rate = "40/d"
        [[work]]
        do = "download"
        by = "clinic"
        rate = "3/h"
        [faults]
        crash = 0.01
        lose_outcome = 0.02
        [[hostile]]
        party = "vault-2"
        does = "withhold"
        [[expect]]
        metric = "availability.mean"
        above = 0.9
        [[expect]]
        metric = "consent_latency.median"
        below = "2h"
    "#;

    /// Twelve events, of which the eighth, on day 8, is the guilty one.
    fn twelve() -> Scenario {
        let mut scenario = fake::read(WHOLE);
        let event = |day: u64| {
            let guilty = day == 8;
            let text = format!(
                "at = '{day}d'\ndo = '{}'\ntarget = 'vault-1'\nfor = '6h'",
                if guilty { "destroy" } else { "stop" },
            );
            toml::from_str(&text).unwrap()
        };
        scenario.events = (1..=12).map(event).collect();
        scenario
    }

    /// Loses what was acknowledged if a provider is destroyed while there are at least seven patients and
    /// the disk crashes at times.
    fn planted(
        scenario: &Scenario,
        seed: u64,
        watcher: &mut dyn Watcher,
        trace: &mut dyn TraceSink,
    ) -> Result<Outcome, RunError> {
        let mut outcome = fake::run(scenario, seed, watcher, trace)?;
        let patients: u32 = scenario.hospitals.iter().map(|h| h.count * h.patients).sum();
        let destroyed = scenario.events.iter().find(|e| e.what == Happening::Destroy);
        if let Some(event) = destroyed.filter(|e| e.at <= scenario.duration)
            && patients >= 7
            && scenario.faults.crash.get() > 0.0
        {
            outcome.violations.push(fake::violation("nothing-lost", event.at.micros()));
        }
        Ok(outcome)
    }

    #[test]
    fn the_guilty_one_of_twelve_events_is_found_with_what_it_needs_and_nothing_else() {
        let shrunk = shrink(&twelve(), 7, &planted, &mut |_| true).unwrap();
        assert_eq!(shrunk.failing, Failing::Checker("nothing-lost".into()));
        assert!(shrunk.minimal);
        let small = &shrunk.scenario;
        assert_eq!(small.events.len(), 1, "{}", shrunk.file);
        assert_eq!(small.events[0].what, Happening::Destroy);
        assert_eq!(small.events[0].lasts, None);
        assert_eq!(small.hospitals.len(), 1);
        assert_eq!((small.hospitals[0].count, small.hospitals[0].patients), (2, 4));
        assert_eq!(small.relays[0].machine, Default::default());
        assert_eq!(small.hospitals[0].machine, Default::default());
        assert_eq!((small.faults.crash.get(), small.faults.lose_outcome.get()), (0.01, 0.0));
        assert!(small.work.is_empty() && small.hostile.is_empty() && small.expect.is_empty());
        assert_eq!((small.regions.len(), small.providers[0].count), (2, 1));
        assert!(!shrunk.file.contains("link"), "{}", shrunk.file);
        assert!(small.duration <= Span::from_secs(1), "{}", shrunk.file);
        assert!(shrunk.tried < 200, "{} runs", shrunk.tried);
    }

    #[test]
    fn the_smaller_file_is_the_smaller_scenario() {
        let shrunk = shrink(&twelve(), 7, &planted, &mut |_| true).unwrap();
        assert_eq!(fake::read(&shrunk.file), shrunk.scenario, "{}", shrunk.file);
        assert!(!shrunk.file.contains("warmup"), "a default is written out:\n{}", shrunk.file);
        assert!(shrunk.file.starts_with("schema"));
    }

    #[test]
    fn a_failed_expectation_stays_and_the_others_go() {
        let run: &Runner<'_> = &|scenario, seed, watcher, trace| {
            let mut outcome = fake::run(scenario, seed, watcher, trace)?;
            let late = |e: &scenario::Expect| e.metric.starts_with("consent");
            if scenario.expect.iter().any(late) {
                outcome
                    .expectations
                    .push(fake::expectation("consent_latency.median below 2h", false));
            }
            Ok(outcome)
        };
        let shrunk = shrink(&twelve(), 7, run, &mut |_| true).unwrap();
        assert_eq!(shrunk.scenario.expect.len(), 1);
        assert_eq!(shrunk.scenario.expect[0].metric, "consent_latency.median");
        assert!(shrunk.scenario.events.is_empty());
    }

    #[test]
    fn a_scenario_in_which_nothing_is_measured_does_not_fail_alike() {
        let run: &Runner<'_> = &|scenario, seed, watcher, trace| {
            let mut outcome = fake::run(scenario, seed, watcher, trace)?;
            let mut late = fake::expectation("availability.mean above 0.9", false);
            late.came = scenario.hospitals.iter().any(|h| h.patients > 2).then_some(0.5);
            outcome.expectations.push(late);
            Ok(outcome)
        };
        let shrunk = shrink(&twelve(), 7, run, &mut |_| true).unwrap();
        assert_eq!(shrunk.scenario.hospitals[0].patients, 3, "{}", shrunk.file);
    }

    #[test]
    fn another_failure_is_not_taken_for_the_same_one() {
        let run: &Runner<'_> = &|scenario, seed, watcher, trace| {
            let mut outcome = planted(scenario, seed, watcher, trace)?;
            // Something else goes wrong in every scenario without work.
            if scenario.work.is_empty() {
                outcome.violations = vec![fake::violation("queues-bounded", 1)];
            }
            Ok(outcome)
        };
        let shrunk = shrink(&twelve(), 7, run, &mut |_| true).unwrap();
        assert_eq!(shrunk.failing, Failing::Checker("nothing-lost".into()));
        assert_eq!(shrunk.scenario.work.len(), 1);
    }

    #[test]
    fn a_panic_is_a_failure_too() {
        let run: &Runner<'_> = &|scenario, seed, watcher, trace| {
            assert!(scenario.events.len() < 3, "three at once");
            fake::run(scenario, seed, watcher, trace)
        };
        let shrunk = shrink(&twelve(), 7, run, &mut |_| true).unwrap();
        assert_eq!((shrunk.failing, shrunk.scenario.events.len()), (Failing::Panic, 3));
    }

    #[test]
    fn what_holds_is_not_shrunk() {
        let held = shrink(&twelve(), 7, &fake::run, &mut |_| true);
        assert!(matches!(held, Err(ShrinkError::Holds(7))), "{held:?}");
    }

    #[test]
    fn stopped_early_it_gives_the_smallest_so_far() {
        let mut asked = 0;
        let mut ten = |_: &Shrinking| {
            asked += 1;
            asked <= 10
        };
        let shrunk = shrink(&twelve(), 7, &planted, &mut ten).unwrap();
        assert!(!shrunk.minimal);
        assert!(shrunk.scenario.duration < Span::from_secs(21 * 24 * 3600));
        let still = planted(&shrunk.scenario, 7, &mut Unwatched, &mut Unwatched);
        assert!(shrunk.failing.is_in(&still.unwrap()));
    }
}
