//! Many lives, many cuts, on a few threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::cuts::{ImageId, Seen};
use super::fate::Fate;
use super::record::Recording;

/// How many images are made of one life at most: some for every operation of its disks.
const IMAGES_OF_A_LIFE: u64 = 10_000;
/// After so many failures nobody reads on.
const FAILURES_MAX: usize = 10;

/// What is to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Images, those that further cuts make not among them.
    pub images: u64,
    /// The first life's seed; each life takes the next.
    pub seed: u64,
    /// Threads.
    pub threads: u64,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Images by how many cuts led there (from 1) and what the last of them did.
    pub images: BTreeMap<(usize, Fate), u64>,
    /// Images on which the peer started and went on.
    pub lived_on: u64,
    /// Lives that were recorded: stores, transactions, operations of their disks.
    pub stores: u64,
    /// See `stores`.
    pub commits: u64,
    /// See `stores`.
    pub operations: u64,
    /// What was wrong with which image.
    pub failures: Vec<(ImageId, String)>,
}

impl Tally {
    /// All images.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.images.values().sum()
    }

    /// Images after so many cuts.
    #[must_use]
    pub fn after_cuts(&self, cuts: usize) -> u64 {
        let these = self.images.iter().filter(|((after, _), _)| *after == cuts);
        these.map(|(_, count)| count).sum()
    }

    fn record(&mut self, life: &[Recording]) {
        for recording in life {
            self.stores += 1;
            self.commits += recording.commits() as u64;
            self.operations += recording.operations() as u64;
        }
    }

    fn see(&mut self, seen: Seen) {
        for (before, fate) in seen.fates.into_iter().enumerate() {
            *self.images.entry((before + 1, fate)).or_default() += 1;
        }
        self.lived_on += u64::from(seen.lived_on);
        self.failures.extend(seen.fault.map(|fault| (seen.id, fault)));
    }

    fn add(&mut self, other: Self) {
        for (kind, count) in other.images {
            *self.images.entry(kind).or_default() += count;
        }
        self.lived_on += other.lived_on;
        self.stores += other.stores;
        self.commits += other.commits;
        self.operations += other.operations;
        self.failures.extend(other.failures);
    }
}

impl Campaign {
    /// Looks at all of it, and tells `progress` after each life how many of the images
    /// that it was asked for were seen. Ends early
    /// when much is wrong.
    pub fn run(&self, progress: impl Fn(u64, u64) + Sync) -> Tally {
        // Each thread has something to do, and the lives share the images evenly.
        let lives = self.images.div_ceil(IMAGES_OF_A_LIFE).next_multiple_of(self.threads.max(1));
        let next = AtomicU64::new(0);
        let tally = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    loop {
                        let life = next.fetch_add(1, Ordering::Relaxed);
                        let enough = |tally: &Tally| tally.failures.len() >= FAILURES_MAX;
                        let lock = || tally.lock().unwrap_or_else(PoisonError::into_inner);
                        if life >= lives || enough(&lock()) {
                            return;
                        }
                        let seen = a_life(self.seed + life, share(self.images, lives, life));
                        let mut tally = lock();
                        tally.add(seen);
                        progress(tally.after_cuts(1), self.images);
                    }
                });
            }
        });
        tally.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at so many images of the life that follows from a seed.
fn a_life(seed: u64, images: u64) -> Tally {
    let mut tally = Tally::default();
    let life = Recording::of_a_region(seed);
    tally.record(&life);
    let cuts: usize = life.iter().map(|recording| recording.operations() + 1).sum();
    let mut before = 0;
    for (store, recording) in life.iter().enumerate() {
        let wanted = |cut| share(images, cuts as u64, (before + cut) as u64);
        recording.cut_everywhere((seed, store), wanted, |seen| tally.see(seen));
        before += recording.operations() + 1;
    }
    tally
}

/// Looks at one image again, and says what became of it.
#[must_use]
pub fn replay(id: ImageId) -> Option<Seen> {
    Recording::of_a_region(id.seed).get(id.store)?.look_again(id)
}

/// Spreads `total` over `parts`, evenly and exactly.
const fn share(total: u64, parts: u64, part: u64) -> u64 {
    (part + 1) * total / parts - part * total / parts
}
