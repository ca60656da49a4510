//! The recording: each party's rows go into a real encrypted store as well, on a disk that remembers.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use chartmesh_kit::{FaultyDisk, Loss};
use chartmesh_node::object_store::ObjectFolder;
use chartmesh_node::store::{StorageKey, Store, StoreOptions};
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::peer::Peer;
use chartmesh_protocol::store::{Changes, Table};
use chartmesh_protocol::time::Timestamp;
use chartmesh_scenarios::{Party, Who, World};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::disk::{CrashDisk, Op};
use super::{Numbers, road};

/// Enough for a whole store of a short life.
pub(super) const OPTIONS: StoreOptions = StoreOptions { cache_bytes: 8 << 20 };
/// Where objects are on the disk for objects.
pub(super) const OBJECTS: &str = "/store";
/// Up to so many events share a transaction.
const EVENTS_MAX: u64 = 4;
/// Once in so many transactions a store is closed and opened again.
const CLOSED_EVERY: u64 = 50;

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
    pub(super) start: Vec<u8>,
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
    /// How many operations the disk had seen when it was acknowledged.
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

    /// The positions of the two syncs of a transaction: before the one byte that makes it count, and
    /// after. Those of closing, opening and shrinking a store are others, and nothing acknowledged
    /// hangs on them.
    ///
    /// # Panics
    /// When there is no such transaction.
    #[must_use]
    pub fn syncs_of(&self, commit: usize) -> [usize; 2] {
        let before = &self.ops[..self.commits[commit].acknowledged_at];
        let ops = before.iter().enumerate();
        let mut syncs = ops.filter(|(_, op)| matches!(op, Op::Sync)).map(|(at, _)| at).rev();
        let mut next = || syncs.next().expect("a transaction has two");
        let after = next();
        [next(), after]
    }

    /// Where the next sync after a position is, or the end.
    #[must_use]
    pub fn sync_after(&self, position: usize) -> usize {
        let found = self.ops[position + 1..].iter().position(|op| matches!(op, Op::Sync));
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
            if matches!(op, Op::Sync) && lies(at) {
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
    start: Vec<u8>,
    commits: Vec<Commit>,
    tables: BTreeSet<Table>,
    /// What was written and shares the next transaction.
    waiting: Changes,
    events: u64,
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
        let store = Store::create_on(Box::new(disk.clone()), name(), &key, &mut rng, &OPTIONS)
            .expect("memory does not fail");
        // A store appears under its name when it is whole and on the disk.
        let start = disk.bytes();
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
        let store = self.store.as_ref().expect("it is open between commits");
        let mut batch = store.batch().expect("memory does not fail");
        batch.merge(changes.clone());
        batch.commit().expect("memory does not fail");
        let acknowledged_at = self.disk.position();
        self.commits.push(Commit { changes, acknowledged_at, now });
        if self.numbers.below(CLOSED_EVERY) == 0 {
            self.store = None;
            let again = Store::open_on(Box::new(self.disk.clone()), name(), &self.key, &OPTIONS);
            self.store = Some(again.expect("it was closed cleanly"));
        }
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

/// What errors call a store here.
pub(super) fn name() -> &'static Path {
    Path::new("the image")
}
