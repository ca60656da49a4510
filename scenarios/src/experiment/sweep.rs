//! Sweeps: a scenario at several values of its keys, each with the same seeds.
//!
//! Seeds are common random numbers: streams are keyed by seed, entity and purpose, so what two points share
//! happens alike in both, and the difference of a pair of runs is due to what was varied. Runs share
//! nothing: each has one thread, and a sweep has as many threads as jobs.

use super::runner::{Runner, Went};
use crate::result::{Failing, Outcome, Progress, Watcher};
use crate::scenario::Scenario;
use crate::stats::{BySeed, Figures};
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One run of a sweep.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The values that were varied, such as `policy.replicas=2`.
    pub point: &'a str,
    /// The scenario with them.
    pub scenario: &'a Scenario,
    /// The seed.
    pub seed: u64,
}

/// Where the runs of a sweep are kept, so that one that was broken off goes on.
pub trait Shelf: Sync {
    /// The figures of a run that is there whole, of this very scenario, seed and version.
    fn find(&self, job: &Job<'_>) -> Option<RunResult>;
    /// Keeps a run.
    ///
    /// # Errors
    /// What writing it ran into; the sweep ends.
    fn put(&self, job: &Job<'_>, outcome: &Outcome) -> io::Result<()>;
}

/// What is kept of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// Its figures.
    pub figures: Figures,
    /// Why it fails, if it does.
    pub failing: Option<String>,
}

impl RunResult {
    /// Of a run.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let failing = Failing::of(outcome).map(|failing| failing.to_string());
        Self { figures: Figures::of(outcome), failing }
    }
}

/// Is told how far a sweep is, and says whether to go on.
pub trait Overseer: Sync {
    /// A run ended.
    fn ended(&self, job: &Job<'_>, how: &Ended);
    /// Asked about ten times a second of each run.
    fn go_on(&self, job: &Job<'_>, progress: &Progress) -> bool;
}

/// How a run of a sweep ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// It was there already.
    Found(RunResult),
    /// It was run.
    Ran(RunResult),
    /// It could not be run, or panicked.
    Broke(String),
    /// It was stopped: nothing of it is kept.
    Stopped,
}

/// What a sweep gave.
#[derive(Debug)]
pub struct Swept {
    /// The figures by point, in the order of the points.
    pub points: Vec<(String, BySeed)>,
    /// What did not hold or could not be run: point, seed, why.
    pub failed: Vec<(String, u64, String)>,
    /// Whether somebody stopped it.
    pub stopped: bool,
}

/// Runs every point with every seed, `jobs` at a time.
///
/// # Errors
/// What [`Shelf::put`] ran into first; runs that were under way are kept.
pub fn sweep(
    points: &[(String, Scenario)],
    seeds: &[u64],
    jobs: usize,
    shelf: &dyn Shelf,
    run: &Runner<'_>,
    overseer: &dyn Overseer,
) -> io::Result<Swept> {
    // By seed first: stopped half-way, it has whole pairs.
    let plan: Vec<(usize, u64)> =
        seeds.iter().flat_map(|seed| (0..points.len()).map(|point| (point, *seed))).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let fault = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, plan.len().max(1)) {
            scope.spawn(|| {
                while let Some(&(at, seed)) = plan.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (point, scenario) = &points[at];
                    let job = Job { point, scenario, seed };
                    match one(&job, shelf, run, overseer) {
                        Ok(Ended::Stopped) => return,
                        Ok(ended) => {
                            overseer.ended(&job, &ended);
                            done.lock()
                                .expect("no thread panics with it")
                                .insert((at, seed), ended);
                        }
                        Err(error) => {
                            fault.lock().expect("no thread panics with it").get_or_insert(error);
                            next.store(plan.len(), Ordering::Relaxed);
                            return;
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = fault.into_inner().expect("all threads are done") {
        return Err(error);
    }
    let done = done.into_inner().expect("all threads are done");
    let stopped = done.len() < plan.len();
    let mut swept = Swept { points: Vec::new(), failed: Vec::new(), stopped };
    swept.points.extend(points.iter().map(|(point, _)| (point.clone(), BySeed::new())));
    for ((at, seed), ended) in done {
        let failed = match ended {
            Ended::Found(kept) | Ended::Ran(kept) => {
                swept.points[at].1.insert(seed, kept.figures);
                kept.failing
            }
            Ended::Broke(why) => Some(why),
            Ended::Stopped => None,
        };
        swept.failed.extend(failed.map(|why| (points[at].0.clone(), seed, why)));
    }
    Ok(swept)
}

/// One run: found, or run and kept.
fn one(
    job: &Job<'_>,
    shelf: &dyn Shelf,
    run: &Runner<'_>,
    overseer: &dyn Overseer,
) -> io::Result<Ended> {
    if let Some(kept) = shelf.find(job) {
        return Ok(Ended::Found(kept));
    }
    let mut watching = Watching { job, overseer, stopped: false };
    Ok(match Went::of(run, job.scenario, job.seed, &mut watching) {
        _ if watching.stopped => Ended::Stopped,
        Went::Through(outcome) => {
            shelf.put(job, &outcome)?;
            Ended::Ran(RunResult::of(&outcome))
        }
        Went::Not(error) => Ended::Broke(error.to_string()),
        Went::Panicked => Ended::Broke(Failing::Panic.to_string()),
    })
}

struct Watching<'a> {
    job: &'a Job<'a>,
    overseer: &'a dyn Overseer,
    stopped: bool,
}

impl Watcher for Watching<'_> {
    fn progress(&mut self, progress: &Progress) -> bool {
        self.stopped |= !self.overseer.go_on(self.job, progress);
        !self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake;
    use super::*;
    use crate::metric::Unit;
    use crate::result::{Metric, RunError, Sample, TraceSink};
    use crate::stats::side_by_side;
    use std::sync::atomic::AtomicBool;

    /// The latency is that of the seed, which all points share, and 10 for each replica.
    fn run(
        scenario: &Scenario,
        seed: u64,
        watcher: &mut dyn Watcher,
        trace: &mut dyn TraceSink,
    ) -> Result<Outcome, RunError> {
        let mut outcome = fake::run(scenario, seed, watcher, trace)?;
        let value = (seed * seed * 100) as f64 + f64::from(scenario.policy.replicas) * 10.0;
        let sample = Sample { at_us: 0, value, censored: seed == 2, party: 0, label: "" };
        outcome.metrics.push(Metric {
            name: "latency",
            unit: Unit::Micros,
            doc: "",
            of: "",
            denominator: 1,
            samples: vec![sample],
        });
        Ok(outcome)
    }

    fn points(replicas: &[u32]) -> Vec<(String, Scenario)> {
        let point = |replicas: &u32| {
            let mut scenario = fake::smallest();
            scenario.policy.replicas = *replicas;
            (format!("policy.replicas={replicas}"), scenario)
        };
        replicas.iter().map(point).collect()
    }

    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<(String, u64), RunResult>>);

    impl Shelf for Memory {
        fn find(&self, job: &Job<'_>) -> Option<RunResult> {
            self.0.lock().unwrap().get(&(job.point.to_owned(), job.seed)).cloned()
        }
        fn put(&self, job: &Job<'_>, outcome: &Outcome) -> io::Result<()> {
            let key = (job.point.to_owned(), job.seed);
            assert!(
                self.0.lock().unwrap().insert(key, RunResult::of(outcome)).is_none(),
                "{job:?} twice"
            );
            Ok(())
        }
    }

    /// Counts what was run, and stops everything after so many.
    #[derive(Default)]
    struct Counting {
        ran: AtomicUsize,
        found: AtomicUsize,
        stop_after: Option<usize>,
        over: AtomicBool,
    }

    impl Overseer for Counting {
        fn ended(&self, _: &Job<'_>, how: &Ended) {
            match how {
                Ended::Found(_) => self.found.fetch_add(1, Ordering::SeqCst),
                _ => self.ran.fetch_add(1, Ordering::SeqCst),
            };
            let ran = self.ran.load(Ordering::SeqCst);
            self.over.fetch_or(self.stop_after.is_some_and(|after| ran >= after), Ordering::SeqCst);
        }
        fn go_on(&self, _: &Job<'_>, _: &Progress) -> bool {
            !self.over.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn what_seeds_share_does_not_blur_the_difference_between_points() {
        let (shelf, overseer) = (Memory::default(), Counting::default());
        let swept = sweep(&points(&[1, 3]), &[1, 2, 3, 4, 5], 2, &shelf, &run, &overseer).unwrap();
        assert!(!swept.stopped && swept.failed.is_empty());
        let figures = side_by_side(&swept.points);
        let latency = figures.iter().find(|figure| figure.name == "latency.median").unwrap();
        let [one, three] = &latency.points[..] else { panic!("{latency:?}") };
        assert_eq!(one.difference, None);
        assert_eq!((one.mean.value, three.mean.value, one.at_least), (1110.0, 1130.0, 1));
        assert!(one.mean.high.unwrap() > three.mean.value, "the seeds differ more than the points");
        let difference = three.difference.unwrap();
        assert_eq!(
            (difference.value, difference.low, difference.high),
            (20.0, Some(20.0), Some(20.0))
        );
    }

    #[test]
    fn the_number_of_jobs_changes_nothing() {
        let points = points(&[1, 2, 3]);
        let with = |jobs| {
            let (shelf, overseer) = (Memory::default(), Counting::default());
            sweep(&points, &[1, 2, 3], jobs, &shelf, &run, &overseer).unwrap().points
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn a_sweep_that_was_broken_off_goes_on_where_it_was() {
        let (shelf, points) = (Memory::default(), points(&[1, 2]));
        let first = Counting { stop_after: Some(3), ..Counting::default() };
        let part = sweep(&points, &[1, 2, 3], 1, &shelf, &run, &first).unwrap();
        assert!(part.stopped);
        assert_eq!(part.points[0].1.len() + part.points[1].1.len(), 3, "what was run is told");
        let second = Counting::default();
        let whole = sweep(&points, &[1, 2, 3], 2, &shelf, &run, &second).unwrap();
        assert!(!whole.stopped);
        assert_eq!((second.found.into_inner(), second.ran.into_inner()), (3, 3));
        let fresh = sweep(&points, &[1, 2, 3], 2, &Memory::default(), &run, &Counting::default());
        assert_eq!(whole.points, fresh.unwrap().points);
    }

    #[test]
    fn runs_that_fail_or_break_are_named_and_the_others_go_on() {
        let planted: &Runner<'_> = &|scenario, seed, watcher, trace| {
            let mut outcome = run(scenario, seed, watcher, trace)?;
            match (scenario.policy.replicas, seed) {
                (2, 1) => outcome.violations.push(fake::violation("quotas-hold", 5)),
                (2, 2) => return Err(RunError::Setup("no".into())),
                (1, 3) => panic!("our own mistake"),
                _ => {}
            }
            Ok(outcome)
        };
        let (shelf, overseer) = (Memory::default(), Counting::default());
        let swept = sweep(&points(&[1, 2]), &[1, 2, 3], 2, &shelf, planted, &overseer).unwrap();
        let failed: Vec<_> =
            swept.failed.iter().map(|(p, s, why)| (&p[16..], *s, &why[..15])).collect();
        assert_eq!(
            failed,
            [("1", 3, "the program pan"), ("2", 1, "the checker `qu"), ("2", 2, "the federation ")]
        );
        assert_eq!(swept.points[0].1.len() + swept.points[1].1.len(), 4);
    }

    #[test]
    fn a_disk_that_takes_nothing_ends_the_sweep_with_its_reason() {
        struct Full;
        impl Shelf for Full {
            fn find(&self, _: &Job<'_>) -> Option<RunResult> {
                None
            }
            fn put(&self, _: &Job<'_>, _: &Outcome) -> io::Result<()> {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
        let swept = sweep(&points(&[1, 2]), &[1, 2, 3], 2, &Full, &run, &Counting::default());
        assert_eq!(swept.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
