//! How far a simulation is: a bar on a terminal, else a line from time to time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chartmesh_scenarios::experiment::{Ended, Job, Overseer, length};
use chartmesh_scenarios::output::format;
use chartmesh_scenarios::result::{Progress, Watcher};
use indicatif::ProgressBar;

use crate::output::Output;

/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// Watches one run.
pub(super) struct Watch<'a> {
    out: Output,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    told: Instant,
    /// Real seconds that passed before simulated time began to run.
    before_s: Option<f64>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(out: Output, stop: &'a AtomicBool) -> Self {
        Self { out, stop, bar: out.steps(0), told: Instant::now(), before_s: None }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for Watch<'_> {
    fn progress(&mut self, progress: &Progress) -> bool {
        let text = if progress.phase == "running" {
            let before_s = *self.before_s.get_or_insert(progress.wall_s);
            running(progress, before_s)
        } else {
            format!("{} for {:.0} s", progress.phase, progress.wall_s)
        };
        self.bar.set_length(progress.duration_us);
        self.bar.set_position(progress.simulated_us);
        if self.out.tells_progress() && self.told.elapsed() >= LINE {
            self.told = Instant::now();
            self.out.note(&text);
        }
        self.bar.set_message(text);
        !self.stop.load(Ordering::Relaxed)
    }
}

fn running(progress: &Progress, before_s: f64) -> String {
    let wall_s = progress.wall_s - before_s;
    let simulated_s = progress.simulated_us as f64 / 1e6;
    let of = length(progress.duration_us);
    let so_far = format!("simulated {} of {of}", length(progress.simulated_us));
    if wall_s < 0.2 { so_far } else { format!("{so_far}, {}", faster(simulated_s, wall_s)) }
}

/// How much faster than real time.
pub(super) fn faster(simulated_s: f64, wall_s: f64) -> String {
    format!("{} times real time", format::count((simulated_s / wall_s.max(1e-3)).round()))
}

/// Watches a sweep.
pub(super) struct Sweeping<'a> {
    out: Output,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    runs: usize,
    /// Runs that ended, and those of them that were there already.
    ended: Mutex<(usize, usize)>,
}

impl<'a> Sweeping<'a> {
    pub(super) fn new(out: Output, stop: &'a AtomicBool, runs: usize) -> Self {
        let bar = out.steps(runs as u64).with_message(format!("0 of {runs} runs"));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { out, stop, bar, runs, ended: Mutex::new((0, 0)) }
    }

    /// Runs that were there already.
    pub(super) fn end(self) -> usize {
        self.bar.finish_and_clear();
        self.ended.into_inner().expect("nothing panics with it").1
    }
}

impl Overseer for Sweeping<'_> {
    fn ended(&self, job: &Job<'_>, how: &Ended) {
        let mut ended = self.ended.lock().expect("nothing panics with it");
        ended.0 += 1;
        let what = match how {
            Ended::Found(_) => {
                ended.1 += 1;
                "is there already".to_owned()
            }
            Ended::Ran(kept) => kept.failing.clone().unwrap_or_else(|| "held".to_owned()),
            Ended::Broke(why) => why.clone(),
            Ended::Stopped => "stopped".to_owned(),
        };
        self.bar.set_position(ended.0 as u64);
        self.bar.set_message(format!("{} of {} runs", ended.0, self.runs));
        if self.out.tells_progress() {
            let Job { point, seed, .. } = job;
            let point = if point.is_empty() { String::new() } else { format!("{point}, ") };
            self.out.note(format!("{} of {}: {point}seed {seed}: {what}", ended.0, self.runs));
        }
    }

    fn go_on(&self, _: &Job<'_>, _: &Progress) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}
