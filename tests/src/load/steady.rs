//! One small entry after another, all along, beside a write that is synced: the longest that either takes is the longest
//! time in which nothing commits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::against::Control;
use super::client::Client;
use super::report::{Aim, Report, Times, ms, shown};
use crate::within;

/// Between two entries: some tens a second leave the machine to what is measured.
const PAUSE: Duration = Duration::from_millis(20);
/// How much longer than a write and its sync the longest wait may be, in milliseconds.
const BEYOND_CONTROL: f64 = 50.0;

/// Records all along, in a thread of its own.
#[derive(Debug)]
pub struct Steady {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Held>,
}

/// What was seen.
#[derive(Debug)]
pub struct Held {
    entries: Times,
    control: Times,
    refused: Vec<String>,
}

impl Steady {
    /// Records into one chart of the node with this data directory.
    #[must_use]
    pub fn start(dir: &Path, subject: &str, resource: String) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, dir, subject) = (Arc::clone(&over), dir.to_owned(), subject.to_owned());
        let thread = std::thread::spawn(move || hold(&ended, &dir, &subject, resource.as_bytes()));
        Self { over, thread }
    }

    /// Ends it.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn end(self) -> Held {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread that records")
    }
}

fn hold(over: &AtomicBool, dir: &Path, subject: &str, resource: &[u8]) -> Held {
    let mut control = Control::new(dir.parent().unwrap_or(dir));
    let mut client = Client::of(dir);
    let (mut entries, mut writes, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        writes.push(control.write());
        let begun = Instant::now();
        match client.record(subject, resource) {
            Ok(_) => entries.push(begun.elapsed()),
            Err(why) => refused.push(why),
        }
        within(PAUSE, || over.load(Ordering::Relaxed).then_some(()));
    }
    Held { entries: Times::of(entries), control: Times::of(writes), refused }
}

impl Held {
    /// Reports the longest time in which nothing committed.
    pub fn say(&self, report: &mut Report, during: &str) {
        let what = format!("longest without a commit while {during}");
        if let Some(why) = self.refused.first() {
            let (refused, all) = (self.refused.len(), self.entries.count() + self.refused.len());
            let why = format!("{refused} of {all} entries were refused: {why}");
            return report.failed(&what, "charting never waits", &why);
        }
        let (longest, control) = (self.entries.longest(), self.control.longest());
        let aim = Aim::at_most(longest, control + BEYOND_CONTROL, " ms");
        let with = format!(
            "write and sync longest {} ms, p50 {} ms; {} entries at p50 {} ms",
            shown(control),
            shown(self.control.p50()),
            self.entries.count(),
            shown(self.entries.p50())
        );
        report.say(&what, &format!("{} ms", shown(longest)), Some(aim), &with);
    }
}

/// Looks at a node's status all along: the longest that a transaction took from being asked for to being durable.
#[derive(Debug)]
pub struct Lag {
    over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Lag {
    /// Of the node with this data directory.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, dir) = (Arc::clone(&over), dir.to_owned());
        let thread = std::thread::spawn(move || {
            let (mut client, mut longest) = (Client::of(&dir), 0);
            while !ended.load(Ordering::Relaxed) {
                let status = client.get("/v1/status").unwrap_or_default();
                longest = longest.max(status["queue"]["lag_us"].as_u64().unwrap_or(0));
                within(PAUSE, || ended.load(Ordering::Relaxed).then_some(()));
            }
            longest
        });
        Self { over, thread }
    }

    /// Ends it; gives the longest in milliseconds.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        ms(&Duration::from_micros(self.thread.join().expect("the thread that looks")))
    }
}
