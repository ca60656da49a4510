//! The recording: each party's rows go into a real encrypted store as well, on a disk that remembers.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use chartmesh_kit::{FaultyDisk, Loss};
use chartmesh_node::disk::AnyDisk;
use chartmesh_node::object_store::ObjectFolder;
use chartmesh_node::store::{StorageKey, Store, StoreFiles, StoreOptions};
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::peer::Peer;
use chartmesh_protocol::store::{Changes, Table};
use chartmesh_protocol::time::Timestamp;
use chartmesh_scenarios::{Party, Who, World};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::disk::{CrashDisk, Files, Op};
use super::state::{Rows, read};
use super::{Numbers, road};

/// Enough for a whole store of a short life; packs so small that it has many; and no clock, so that a life is the same
/// each time.
pub(super) const OPTIONS: StoreOptions = StoreOptions {
    cache_bytes: 8 << 20,
    pack_bytes: 96 << 10,
    groups_until_durable: 7,
    until_durable: Duration::MAX,
};
/// Where objects are on the disk for objects.
pub(super) const OBJECTS: &str = "/store";
/// Up to so many events share a transaction.
const EVENTS_MAX: u64 = 4;
/// Once in so many transactions a store is closed and opened again.
const CLOSED_EVERY: u64 = 50;
/// Once in so many its process is killed before it is through.
const KILLED_EVERY: u64 = 40;
/// Operations that a killed transaction was allowed, fewer than this.
const KILLED_WITHIN: u64 = 12;
/// After one transaction in so many the store tidies its packs, and after as many it erases what was deleted.
const TIDIED_EVERY: u64 = 2;

/// Whose stores are recorded, in the order in which they join the region.
pub const STORES: [&str; 4] = ["hospital-a", "hospital-b", "provider", "relay"];

/// One party's life.
#[derive(Clone)]
pub struct Recording {
    /// Whose: one of [`STORES`].
    pub name: &'static str,
    pub(super) key: StorageKey,
    pub(super) peer: Rc<Peer>,
    /// The disk at the beginning, durable.
    pub(super) start: Files,
    /// What happened to it then.
    pub(super) ops: Vec<Op>,
    pub(super) commits: Vec<Commit>,
    pub(super) tables: BTreeSet<Table>,
    /// The disk for objects as it was when the store's disk had seen so many operations.
    pub(super) objects: Vec<(usize, FaultyDisk)>,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Commit {
    pub(super) changes: Changes,
    /// How many operations the disk had seen when it was begun.
    pub(super) begun_at: usize,
    /// Whether neither it nor the one before was killed.
    pub(super) plain: bool,
    /// How many it had seen when it was acknowledged.
    pub(super) acknowledged_at: usize,
    pub(super) now: Timestamp,
}

impl Recording {
    /// The life of a whole region that follows from a seed, as each of [`STORES`] saw it.
    ///
    /// # Panics
    /// When a disk in memory fails, which it does not, or a step of the road is refused.
    #[must_use]
    pub fn of_a_region(seed: u64) -> Vec<Self> {
        let recorders: Rc<RefCell<Vec<Recorder>>> = Rc::default();
        let mut world = World::new(seed);
        let shared = Rc::clone(&recorders);
        world.keeper = Some(Box::new(move |who: Who, now, party: &Party, changes: &Changes| {
            let mut recorders = shared.borrow_mut();
            if recorders.len() == who.0 {
                recorders.push(Recorder::new(seed, who));
            }
            recorders[who.0].event(now, party, changes);
        }));
        let mut world = road::walk(world, seed);
        world.keeper = None;
        let recorders = std::mem::take(&mut *recorders.borrow_mut());
        let lives = recorders.into_iter().zip(core::mem::take(&mut world.parties)).zip(STORES);
        lives.map(|((recorder, party), name)| recorder.end(name, party.peer)).collect()
    }

    /// How many operations its disk saw.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.ops.len()
    }

    /// How many transactions were acknowledged.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.commits.len()
    }

    /// The tables that were written.
    #[must_use]
    pub const fn tables(&self) -> &BTreeSet<Table> {
        &self.tables
    }

    /// The positions of the syncs of a transaction: of a pack that is begun and of its name, of the group, and the one before
    /// the one byte that makes redb's own pages count. The one after that byte is left out: without it redb
    /// comes back as it was before, and the log has the rest. So are those of closing, opening and shrinking a store:
    /// nothing acknowledged hangs on them. None of a transaction that was killed, or follows one.
    ///
    /// # Panics
    /// When there is no such transaction.
    #[must_use]
    pub fn syncs_of(&self, commit: usize) -> Vec<usize> {
        let Commit { begun_at, acknowledged_at, plain, .. } = self.commits[commit];
        if !plain {
            return Vec::new();
        }
        let all = (begun_at..acknowledged_at).filter(|at| self.ops[*at].is_sync());
        let mut syncs: Vec<usize> = all.collect();
        if syncs.pop_if(|at| self.ops[*at].is_sync_of_redb()).is_some() {
            assert!(syncs.last().is_some_and(|at| self.ops[*at].is_sync_of_redb()), "two phases");
        }
        assert!(!syncs.is_empty(), "a transaction is synced");
        syncs
    }

    /// How many operations the disk had seen when a transaction was acknowledged.
    ///
    /// # Panics
    /// When there is no such transaction.
    #[must_use]
    pub fn acknowledged(&self, commit: usize) -> usize {
        self.commits[commit].acknowledged_at
    }

    /// How often redb's own pages were made durable by a transaction.
    #[must_use]
    pub fn durable(&self) -> usize {
        let durable = |commit: &&Commit| {
            self.ops[commit.begun_at..commit.acknowledged_at].iter().any(Op::is_sync_of_redb)
        };
        self.commits.iter().filter(durable).count()
    }

    /// How many packs were begun, and how many of them were taken away again.
    #[must_use]
    pub fn packs(&self) -> (usize, usize) {
        let count = |what: fn(&Op) -> bool| self.ops.iter().filter(|op| what(op)).count();
        (count(|op| matches!(op, Op::Create(_))), count(|op| matches!(op, Op::Remove(_))))
    }

    /// Where the next sync after a position is, or the end.
    #[must_use]
    pub fn sync_after(&self, position: usize) -> usize {
        let found = self.ops.iter().skip(position + 1).position(Op::is_sync);
        found.map_or(self.ops.len(), |at| position + 1 + at)
    }

    /// The same life with a driver that has an object in its folder only after the row that names it is
    /// written.
    #[must_use]
    pub fn with_objects_too_late(mut self) -> Self {
        let mut later = self.ops.len();
        for (from, _) in self.objects.iter_mut().rev() {
            std::mem::swap(from, &mut later);
        }
        self
    }

    /// The same life on a disk that says "done" to the syncs at these positions and does nothing.
    #[must_use]
    pub fn lying(mut self, lies: impl Fn(usize) -> bool) -> Self {
        for (at, op) in self.ops.iter_mut().enumerate() {
            if op.is_sync() && lies(at) {
                *op = Op::Lie;
            }
        }
        self
    }
}

struct Recorder {
    disk: CrashDisk,
    key: StorageKey,
    store: Option<Store>,
    start: Files,
    commits: Vec<Commit>,
    tables: BTreeSet<Table>,
    /// What was written and shares the next transaction.
    waiting: Changes,
    events: u64,
    /// What is acknowledged.
    rows: Rows,
    /// Whether the newest transaction was killed.
    killed: bool,
    numbers: Numbers,
    files: FaultyDisk,
    folder: ObjectFolder<FaultyDisk>,
    known: BTreeSet<ObjectId>,
    objects: Vec<(usize, FaultyDisk)>,
}

impl Recorder {
    fn new(seed: u64, who: Who) -> Self {
        let own = Numbers::keyed(&[seed, who.0 as u64]);
        let mut rng = ChaCha20Rng::seed_from_u64(own.clone().below(u64::MAX));
        let key = StorageKey::generate(&mut rng);
        let disk = CrashDisk::default();
        let store = Store::create_on(files_on(&disk), name(), &key, &mut rng, &OPTIONS)
            .expect("memory does not fail");
        // A store appears under its name when it is whole and on the disk.
        let start = disk.files();
        disk.remember(true);
        let files = FaultyDisk::new();
        let folder = ObjectFolder::open(files.clone(), Path::new(OBJECTS));
        Self {
            disk,
            key,
            store: Some(store),
            start,
            commits: Vec::new(),
            tables: BTreeSet::new(),
            waiting: Changes::default(),
            events: 0,
            rows: Rows::default(),
            killed: false,
            numbers: own,
            folder: folder.expect("memory does not fail"),
            files,
            known: BTreeSet::new(),
            objects: Vec::new(),
        }
    }

    /// As the node's driver: objects are in their folder before the row that names them is written,
    /// and events that come together share a transaction.
    fn event(&mut self, now: Timestamp, party: &Party, changes: &Changes) {
        self.keep_objects(party);
        self.tables.extend(changes.tables().map(|(table, _)| table));
        self.waiting.fold(changes.clone());
        self.events += 1;
        if self.events > self.numbers.below(EVENTS_MAX) {
            self.commit(now);
        }
    }

    fn keep_objects(&mut self, party: &Party) {
        let new: Vec<_> = party.objects.iter().filter(|(id, _)| !self.known.contains(id)).collect();
        if new.is_empty() && !self.objects.is_empty() {
            return;
        }
        for (id, bytes) in new {
            let mut writer = self.folder.writer();
            writer.push(bytes).expect("memory does not fail");
            writer.finish().expect("memory does not fail");
            self.known.insert(*id);
        }
        self.objects.push((self.disk.position(), self.files.restart(Loss::Nothing)));
    }

    fn commit(&mut self, now: Timestamp) {
        self.events = 0;
        let changes = std::mem::take(&mut self.waiting);
        if changes.is_empty() {
            return;
        }
        let begun_at = self.disk.position();
        let (mut done, after_killed) = (false, self.killed);
        self.killed = self.numbers.below(KILLED_EVERY) == 0;
        if self.killed {
            self.disk.set_power_for(self.numbers.below(KILLED_WITHIN));
            done = self.write(&changes);
            // What it wrote is in the system's memory, synced or not.
            self.disk.set_power(false);
            self.store = None;
            self.disk.set_power(true);
            self.open();
            done = done || self.has(&changes);
        }
        done = done || self.write(&changes);
        assert!(done, "memory does not fail");
        self.rows.change(&changes);
        let acknowledged_at = self.disk.position();
        let plain = !self.killed && !after_killed;
        self.commits.push(Commit { changes, begun_at, plain, acknowledged_at, now });
        let store = self.store.as_ref().expect("it is open between commits");
        if self.numbers.below(TIDIED_EVERY) == 0 {
            store.tidy().expect("memory does not fail");
        }
        if self.numbers.below(TIDIED_EVERY) == 0 {
            store.erase().expect("memory does not fail");
        }
        if self.numbers.below(CLOSED_EVERY) == 0 {
            self.store = None;
            self.open();
        }
    }

    /// Whether a transaction came through.
    fn write(&self, changes: &Changes) -> bool {
        let store = self.store.as_ref().expect("it is open between commits");
        let Ok(mut batch) = store.batch() else { return false };
        batch.merge(changes.clone());
        batch.commit().is_ok()
    }

    fn open(&mut self) {
        let again = Store::open_on(files_on(&self.disk), name(), &self.key, &OPTIONS);
        self.store = Some(again.expect("memory does not fail"));
    }

    /// Whether a transaction that was killed is there all the same.
    fn has(&self, changes: &Changes) -> bool {
        let store = self.store.as_ref().expect("it is open between commits");
        let found = read(store, &self.tables).expect("memory does not fail");
        let mut after = self.rows.clone();
        after.change(changes);
        assert!(after.are(&found) || self.rows.are(&found), "half a transaction is there");
        after.are(&found)
    }

    /// The store is not closed at the end: closing is one more thing that a power cut prevents.
    fn end(mut self, name: &'static str, peer: Peer) -> Recording {
        self.commit(self.commits.last().map_or(Timestamp(0), |last| last.now));
        let ops = self.disk.recall();
        self.disk.set_power(false);
        let Self { key, start, commits, tables, objects, .. } = self;
        Recording { name, key, peer: Rc::new(peer), start, ops, commits, tables, objects }
    }
}

/// The files of a store on this disk.
pub(super) fn files_on(disk: &CrashDisk) -> StoreFiles {
    StoreFiles {
        store: Box::new(disk.store()),
        disk: AnyDisk::new(disk.clone()),
        packs: "/packs".into(),
    }
}

/// What errors call a store here.
pub(super) fn name() -> &'static Path {
    Path::new("the image")
}
