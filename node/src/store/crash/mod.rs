//! Power cuts: a run of commits on a disk that remembers everything, then every kind of image
//! that a cut could have left, opened again and compared with what had been acknowledged.
//!
//! A few hundred images in every test run; `CHARTMESH_CRASH_IMAGES=20000 cargo test -p
//! chartmesh-node crash` makes a long one.

mod disk;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::env;
use std::ops::RangeInclusive;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use chartmesh_protocol::store::{ReadTxn, Table, Txn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{StorageKey, Store, StoreOptions};
use disk::{History, RecordingDisk};

const TABLES: [Table; 2] = [Table("entries"), Table("outbox")];
const OPTIONS: StoreOptions = StoreOptions { cache_bytes: 1 << 20 };

/// All rows of all tables.
type State = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A recorded run of commits.
struct Run {
    key: StorageKey,
    history: History,
    /// The state after each commit, the empty one first.
    states: Vec<State>,
    /// For each commit, how many disk operations had happened when it was acknowledged.
    acknowledged_at: Vec<usize>,
}

impl Run {
    /// Runs `commits` batches of a few events each; one event in four is refused and dropped.
    fn record(commits: usize, rng: &mut StdRng) -> Self {
        let key = StorageKey::generate(rng);
        let disk = RecordingDisk::default();
        let store = Store::create_on(disk.clone(), &key, rng, &OPTIONS).unwrap();
        let start = disk.bytes();
        let from = disk.position();
        let mut states = vec![State::new()];
        let mut acknowledged_at = Vec::new();
        for _ in 0..commits {
            let mut batch = store.batch().unwrap();
            let mut state = states.last().unwrap().clone();
            for _ in 0..rng.random_range(1..5) {
                let mut event = batch.event();
                let mut after = state.clone();
                write_some_rows(&mut event, &mut after, rng);
                if rng.random_range(0..4) != 0 {
                    let changes = event.into_changes();
                    batch.merge(changes);
                    state = after;
                }
            }
            batch.commit().unwrap();
            states.push(state);
            acknowledged_at.push(disk.position() - from);
        }
        let history = disk.history_since(&start, from);
        // The store is not closed: closing is one more thing that a power cut prevents.
        std::mem::forget(store);
        Self { key, history, states, acknowledged_at }
    }

    /// The states that may be found after a cut: the last acknowledged, or the one under way.
    fn allowed(&self, cut: usize) -> &[State] {
        let acknowledged = self.acknowledged_at.partition_point(|at| *at <= cut);
        let under_way = (acknowledged + 1).min(self.states.len() - 1);
        &self.states[acknowledged..=under_way]
    }

    /// Opens the image, and says what is wrong with it. Opening is itself recorded.
    fn check(&self, disk: &RecordingDisk, cut: usize) -> Result<(), String> {
        let opened = quietly(|| {
            let store = Store::open_on(disk.clone(), &self.key, &OPTIONS)
                .map_err(|error| format!("does not open: {error}"))?;
            let found = state_of(&store)?;
            if !self.allowed(cut).contains(&found) {
                return Err("is neither the acknowledged state nor the next".to_owned());
            }
            Ok(store)
        });
        let store = opened.unwrap_or_else(|| Err("panics".to_owned()))?;
        // Not closed, so that a second cut can hit the repaired store.
        std::mem::forget(store);
        Ok(())
    }

    /// As [`Run::check`], and the store must be sound in every page and take a further commit.
    fn check_use(&self, disk: &RecordingDisk, cut: usize) -> Result<(), String> {
        self.check(disk, cut)?;
        let used = quietly(|| {
            let mut store = Store::open_on(disk.clone(), &self.key, &OPTIONS).unwrap();
            if !store.verify().map_err(|error| error.to_string())? {
                return Err("is not sound after its repair".to_owned());
            }
            let mut expected = state_of(&store)?;
            let mut batch = store.batch().unwrap();
            let mut event = batch.event();
            write_some_rows(&mut event, &mut expected, &mut StdRng::seed_from_u64(1));
            let changes = event.into_changes();
            batch.merge(changes);
            batch.commit().unwrap();
            drop(store);
            let store = Store::open_on(disk.clone(), &self.key, &OPTIONS).unwrap();
            match state_of(&store)? == expected {
                true => Ok(()),
                false => Err("does not keep what is committed after its repair".to_owned()),
            }
        });
        used.unwrap_or_else(|| Err("panics in further use".to_owned()))
    }
}

fn write_some_rows(event: &mut dyn Txn, state: &mut State, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..5) {
        let table = TABLES[rng.random_range(0..TABLES.len())];
        let key = rng.random_range(0..200u16).to_be_bytes();
        if rng.random_range(0..5) == 0 {
            event.delete(table, &key).unwrap();
            state.remove(&(table, key.to_vec()));
        } else {
            // Most rows share a page; a few need pages of their own, and make the file grow.
            let len = match rng.random_range(0..12) {
                0 => rng.random_range(0..60_000),
                _ => rng.random_range(0..600),
            };
            let value = vec![rng.random(); len];
            event.put(table, &key, &value).unwrap();
            state.insert((table, key.to_vec()), value);
        }
    }
}

fn state_of(store: &Store) -> Result<State, String> {
    let read = store.begin_read().map_err(|error| error.to_string())?;
    let mut state = State::new();
    for table in TABLES {
        let rows = read.page(table, &[], &[], usize::MAX);
        for (key, value) in rows.map_err(|error| error.to_string())? {
            state.insert((table, key), value);
        }
    }
    Ok(state)
}

/// None when `work` panics, without the message and backtrace that would fill the test's output:
/// on the images of a lying disk redb panics by the hundred.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    thread_local! { static QUIET: Cell<bool> = const { Cell::new(false) }; }
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    result.ok()
}

/// Spreads `total` over `cuts`, evenly and exactly.
fn share(total: usize, cuts: usize, cut: usize) -> usize {
    (cut + 1) * total / cuts - cut * total / cuts
}

/// How many of `total` images of `history`, spread over `cuts`, are not as they should be.
fn failures(
    run: &Run,
    history: &History,
    cuts: RangeInclusive<usize>,
    total: usize,
    rng: &mut StdRng,
) -> usize {
    let mut failures = 0;
    let images = |cut| match cuts.contains(&cut) {
        true => share(total, cuts.end() - cuts.start() + 1, cut - cuts.start()),
        false => 0,
    };
    history.crashes(rng, images, |cut, _, image, _| {
        let checked = run.check(&RecordingDisk::holding(image), cut);
        failures += usize::from(checked.is_err());
    });
    failures
}

fn images_wanted() -> usize {
    let wanted = env::var("CHARTMESH_CRASH_IMAGES").ok();
    wanted.map_or(400, |count| count.parse().expect("a number of images"))
}

#[test]
fn no_power_cut_loses_or_halves_what_was_acknowledged() {
    let mut left = images_wanted();
    let (mut seed, mut images, mut second_cuts) = (0, 0, 0);
    while left > 0 {
        let total = left.min(1000);
        left -= total;
        seed += 1;
        let mut rng = StdRng::seed_from_u64(seed);
        let run = Run::record(30, &mut rng);
        let cuts = run.history.len() + 1;
        let spread = |cut| share(total, cuts, cut);
        run.history.crashes(&mut rng, spread, |cut, fate, image, rng| {
            images += 1;
            let disk = RecordingDisk::holding(image.clone());
            let check = match images % 16 {
                0 => run.check_use(&disk, cut),
                _ => run.check(&disk, cut),
            };
            let which = format!("seed {seed}, cut {cut}, {fate:?}");
            if let Err(why) = check {
                panic!("the image {why} ({which})");
            }
            if images % 4 != 1 {
                return;
            }
            // The power fails again, somewhere in the repair.
            let repair = disk.history_since(&image, 0);
            let again = rng.random_range(0..=repair.len());
            let once = |at| usize::from(at == again);
            repair.crashes(rng, once, |_, fate, image, _| {
                second_cuts += 1;
                if let Err(why) = run.check(&RecordingDisk::holding(image), cut) {
                    panic!("after a second cut at {again}, {fate:?}, it {why} ({which})");
                }
            });
        });
    }
    println!("{images} images and {second_cuts} second cuts, all sound");
}

#[test]
fn a_disk_that_lies_about_every_sync_is_caught() {
    let mut rng = StdRng::seed_from_u64(100);
    let run = Run::record(10, &mut rng);
    let lying = run.history.lying(|_| true);
    let found = failures(&run, &lying, 0..=lying.len(), 60, &mut rng);
    assert!(found > 20, "only {found} of 60 images failed");
}

/// Every sync matters: without any one of them some image is wrong.
#[test]
fn a_disk_that_lies_about_any_single_sync_is_caught() {
    let mut rng = StdRng::seed_from_u64(101);
    let run = Run::record(6, &mut rng);
    let syncs = run.history.syncs();
    assert!(syncs.len() >= 10, "two for each commit: {syncs:?}");
    for (i, sync) in syncs.iter().enumerate() {
        let lying = run.history.lying(|at| at == *sync);
        let next = syncs.get(i + 1).copied().unwrap_or(lying.len());
        let found = failures(&run, &lying, sync + 1..=next, 32, &mut rng);
        assert!(found > 0, "sync {i} of {} was not missed", syncs.len());
    }
}
