//! The log and the packs: what a crash, a full disk, deleting and damage make of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chartmesh_kit::{FaultyDisk, Loss};
use chartmesh_node::disk::{AnyDisk, Disk as _, DiskFile as _};
use chartmesh_node::store::{
    Erasure, OpenError, STORAGE_KEY_LEN, StorageBackend, StorageKey, Store, StoreFiles,
    StoreOptions, StoreUse,
};
use chartmesh_protocol::store::{Changes, ReadTxn, StoreError, Table};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use zeroize::Zeroizing;

const ROWS: Table = Table::rows("rows");
const BODIES: Table = Table::bodies("bodies");
const FOLDER: &str = "/store.packs";

/// redb's file, which loses on request what was not synced.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Bytes>>);

#[derive(Clone, Debug, Default)]
struct Bytes {
    seen: Vec<u8>,
    synced: Vec<u8>,
}

impl Memory {
    fn with<T>(&self, work: impl FnOnce(&mut Bytes) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn after_a_cut(&self) -> Self {
        let synced = self.with(|bytes| bytes.synced.clone());
        Self(Arc::new(Mutex::new(Bytes { seen: synced.clone(), synced })))
    }
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|bytes| bytes.seen.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|bytes| out.copy_from_slice(&bytes.seen[at(offset)..][..out.len()]));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|bytes| bytes.seen.resize(at(len), 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(|bytes| bytes.synced = bytes.seen.clone());
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(|bytes| bytes.seen[at(offset)..][..data.len()].copy_from_slice(data));
        Ok(())
    }
}

/// A store on disks in memory.
struct World {
    file: Memory,
    disk: FaultyDisk,
    options: StoreOptions,
}

impl World {
    fn new(options: StoreOptions) -> (Self, Store) {
        let world = Self { file: Memory::default(), disk: FaultyDisk::new(), options };
        let mut rng = StdRng::seed_from_u64(1);
        let store =
            Store::create_on(world.files(), Path::new("memory"), &key(), &mut rng, &options);
        (world, store.unwrap())
    }

    fn files(&self) -> StoreFiles {
        StoreFiles {
            store: Box::new(self.file.clone()),
            disk: AnyDisk::new(self.disk.clone()),
            packs: FOLDER.into(),
        }
    }

    fn open(&self) -> Result<Store, OpenError> {
        Store::open_on(self.files(), Path::new("memory"), &key(), &self.options)
    }

    /// What a power cut leaves: of the packs what was synced, of redb's file what was.
    fn after_a_cut(&self) -> Self {
        let disk = self.disk.restart(Loss::Everything);
        Self { file: self.file.after_a_cut(), disk, options: self.options }
    }

    fn packs(&self) -> Vec<PathBuf> {
        let mut names = self.disk.list(Path::new(FOLDER)).unwrap();
        names.sort();
        names.iter().map(|name| Path::new(FOLDER).join(name)).collect()
    }

    fn bytes(&self, pack: &Path) -> Vec<u8> {
        let file = self.disk.open(pack).unwrap();
        let mut bytes = vec![0; at(file.len().unwrap())];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    fn flip(&self, pack: &Path, at: usize) {
        let byte = self.bytes(pack)[at] ^ 1;
        self.disk.open(pack).unwrap().write_at(&[byte], at as u64).unwrap();
    }
}

fn key() -> StorageKey {
    StorageKey::from_bytes(Zeroizing::new([9; STORAGE_KEY_LEN]))
}

fn small_packs() -> StoreOptions {
    StoreOptions { pack_bytes: 64 << 10, groups_until_durable: 8, ..StoreOptions::default() }
}

/// Redb's pages are made durable by nothing but closing.
fn log_only() -> StoreOptions {
    let until_durable = std::time::Duration::MAX;
    StoreOptions { groups_until_durable: u64::MAX, until_durable, ..StoreOptions::default() }
}

fn value(number: u32) -> Vec<u8> {
    let mut value = vec![0; 1500];
    rand::Rng::fill_bytes(&mut StdRng::seed_from_u64(number.into()), &mut value);
    value
}

fn set(store: &Store, table: Table, rows: impl IntoIterator<Item = (u32, Option<Vec<u8>>)>) {
    let mut changes = Changes::default();
    for (number, value) in rows {
        changes.set(table, &number.to_be_bytes(), value.as_deref());
    }
    let mut batch = store.batch().unwrap();
    batch.merge(changes);
    batch.commit().unwrap();
}

fn get(store: &Store, table: Table, number: u32) -> Option<Vec<u8>> {
    store.begin_read().unwrap().get(table, &number.to_be_bytes()).unwrap()
}

fn tidy(store: &Store) {
    for _ in 0..10_000 {
        if !store.tidy().unwrap() {
            return;
        }
    }
    panic!("there is always more to do");
}

fn erase(store: &Store) {
    for _ in 0..10_000 {
        if store.erase().unwrap() == Erasure::Done {
            return;
        }
    }
    panic!("something is never erased");
}

#[test]
fn what_was_acknowledged_is_read_from_the_log_after_a_cut_and_after_a_cut_while_that_goes_on() {
    let (mut world, mut store) = World::new(log_only());
    for round in 0..4u32 {
        for number in round * 10..round * 10 + 10 {
            set(&store, BODIES, [(number, Some(value(number)))]);
            set(&store, ROWS, [(number, Some(vec![7])), (number / 2, None)]);
        }
        world = world.after_a_cut();
        drop(store);
        store = world.open().unwrap();
        for number in 0..round * 10 + 10 {
            assert_eq!(get(&store, BODIES, number), Some(value(number)));
        }
        assert_eq!(get(&store, ROWS, round * 10 + 9), Some(vec![7]));
        assert_eq!(get(&store, ROWS, round), None);
    }
    assert_eq!(world.packs().len(), 4, "each opening begins a pack, once something is written");
    assert!(store.verify().unwrap());
}

#[test]
fn one_sync_makes_a_group_durable_and_redb_is_seldom() {
    let (world, store) = World::new(StoreOptions::default());
    set(&store, ROWS, [(0, Some(vec![1]))]);
    let before = world.disk.syncs().len();
    for number in 0..200 {
        set(&store, ROWS, [(number, Some(vec![1]))]);
    }
    assert_eq!(world.disk.syncs().len() - before, 200);
    let StoreUse { groups, durable, .. } = store.usage();
    assert_eq!(groups, 201);
    assert!(durable <= 201 / 64 + 2, "{durable}");
}

#[test]
fn packs_that_are_mostly_dead_are_emptied_and_go_and_nobody_who_reads_notices() {
    let (world, store) = World::new(small_packs());
    for number in (0..400).step_by(4) {
        set(&store, BODIES, (number..number + 4).map(|number| (number, Some(value(number)))));
    }
    let full = store.usage();
    assert!(full.packs > 8 && full.live_bytes * 10 > full.pack_bytes * 7, "{full:?}");
    let before = store.begin_read().unwrap();
    for number in 0..400 {
        if number % 4 > 0 {
            set(&store, BODIES, [(number, None)]);
        }
    }
    tidy(&store);
    // All that was there before is there for whoever began to read before.
    for number in 0..400u32 {
        assert_eq!(before.get(BODIES, &number.to_be_bytes()).unwrap(), Some(value(number)));
    }
    drop(before);
    for number in 0..80 {
        set(&store, ROWS, [(number, Some(vec![1]))]);
        tidy(&store);
    }
    let small = store.usage();
    assert!(small.pack_bytes < full.pack_bytes / 2, "{small:?}");
    assert_eq!(world.packs().len() as u64, small.packs);
    let check = |store: &Store| {
        for number in 0..400 {
            let expected = (number % 4 == 0).then(|| value(number));
            assert_eq!(get(store, BODIES, number), expected, "{number}");
        }
    };
    check(&store);
    let world = world.after_a_cut();
    let mut store = world.open().unwrap();
    check(&store);
    assert!(store.verify().unwrap());
}

#[test]
fn the_bytes_of_a_deleted_value_are_in_no_pack_once_it_says_so_and_the_others_are() {
    let (world, store) = World::new(small_packs());
    set(&store, BODIES, (0..30).map(|number| (number, Some(value(number)))));
    set(&store, ROWS, [(0, Some(vec![1]))]);
    let raw = world.bytes(&world.packs()[0]);
    assert!(store.is_erased().unwrap());
    let reader = store.begin_read().unwrap();
    set(&store, BODIES, (0..30).filter(|number| number % 3 == 0).map(|number| (number, None)));
    assert!(!store.is_erased().unwrap());
    while store.erase().unwrap() != Erasure::Waits {
        assert!(!store.is_erased().unwrap(), "somebody reads");
    }
    assert_eq!(reader.get(BODIES, &0u32.to_be_bytes()).unwrap(), Some(value(0)));
    drop(reader);
    erase(&store);
    assert!(store.is_erased().unwrap());
    let now: Vec<Vec<u8>> = world.packs().iter().map(|pack| world.bytes(pack)).collect();
    let is_there = |piece: &[u8]| {
        now.iter().any(|pack| pack.windows(piece.len()).any(|window| window == piece))
    };
    // Where the values lie in the first group: each record is as long as its neighbours.
    let record = 5 + 4 + "bodies".len() + 4 + 4 + 1500 + 16;
    let first = 4096 + 5 + 12 + 16;
    for number in 0..30 {
        let begin = first + number * record + 5;
        let pieces = raw[begin..begin + record - 5].chunks_exact(16);
        let left = pieces.filter(|piece| is_there(piece)).count();
        assert_eq!(left > 0, number % 3 > 0, "{left} pieces of {number}");
    }
    let world = world.after_a_cut();
    let mut store = world.open().unwrap();
    assert_eq!(get(&store, BODIES, 1), Some(value(1)));
    assert_eq!(get(&store, BODIES, 0), None);
    assert!(store.verify().unwrap());
}

#[test]
fn a_small_row_that_is_deleted_is_not_in_the_log_after_erasing() {
    for closed in [false, true] {
        let (world, store) = World::new(log_only());
        set(&store, ROWS, [(1, Some(b"key of the month".to_vec()))]);
        let raw = world.bytes(&world.packs()[0]);
        set(&store, ROWS, [(1, None)]);
        let store = if closed {
            drop(store);
            world.open().unwrap()
        } else {
            store
        };
        set(&store, ROWS, [(2, Some(vec![1]))]);
        // In a pack that groups do not go to any more, without being asked.
        if closed {
            tidy(&store)
        } else {
            erase(&store)
        }
        let rows = &raw[4096 + 33 + 5..];
        let now = world.bytes(&world.packs()[0]);
        let pieces = rows.chunks_exact(16);
        let left = pieces.filter(|piece| now.windows(16).any(|window| window == *piece)).count();
        assert_eq!((left, rows.len() > 48), (0, true), "{closed}");
        let world = world.after_a_cut();
        drop(store);
        let store = world.open().unwrap();
        assert_eq!((get(&store, ROWS, 1), get(&store, ROWS, 2)), (None, Some(vec![1])));
    }
}

#[test]
fn a_value_that_is_replaced_is_erased_like_one_that_is_deleted() {
    let (_, store) = World::new(small_packs());
    set(&store, BODIES, [(1, Some(value(1)))]);
    set(&store, BODIES, [(1, Some(value(2)))]);
    assert!(!store.is_erased().unwrap());
    erase(&store);
    assert_eq!(get(&store, BODIES, 1), Some(value(2)));
}

#[test]
fn damage_before_the_last_group_is_told_and_a_last_one_that_is_not_whole_is_cut_off() {
    let (world, store) = World::new(log_only());
    for number in 0..5 {
        set(&store, BODIES, [(number, Some(value(number)))]);
    }
    let world = world.after_a_cut();
    drop(store);
    let pack = &world.packs()[0];
    let last = (world.bytes(pack).len() - 100) / 4096 * 4096;
    let torn = world.after_a_cut();
    torn.flip(pack, last + 50);
    let store = torn.open().unwrap();
    assert_eq!((get(&store, BODIES, 3), get(&store, BODIES, 4)), (Some(value(3)), None));
    // It goes on, and what was cut off does not come back.
    set(&store, BODIES, [(9, Some(value(9)))]);
    assert!(torn.bytes(pack)[last..].iter().all(|byte| *byte == 0));
    let torn = torn.after_a_cut();
    drop(store);
    let store = torn.open().unwrap();
    assert_eq!((get(&store, BODIES, 9), get(&store, BODIES, 4)), (Some(value(9)), None));
    drop(store);
    for place in [8192 + 3, 8192 + 700, last - 4096 + 40] {
        let damaged = world.after_a_cut();
        damaged.flip(pack, place);
        let error = damaged.open().unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{place}: {error}");
        assert!(error.to_string().contains("pack 1 is damaged"), "{error}");
    }
    let gone = world.after_a_cut();
    gone.disk.remove(pack).unwrap();
    let error = gone.open().unwrap_err();
    assert!(error.to_string().contains("pack 1 is damaged: it is not there"), "{error}");
}

#[test]
fn a_pack_that_is_missing_altered_or_anothers_is_told() {
    let (world, store) = World::new(small_packs());
    for number in 0..200 {
        set(&store, BODIES, [(number, Some(value(number)))]);
    }
    drop(store);
    let packs = world.packs();
    assert!(packs.len() > 3);
    let told = |harm: &dyn Fn(&World)| {
        let world = world.after_a_cut();
        harm(&world);
        let error = world.open().unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    };
    told(&|world| world.disk.remove(&packs[1]).unwrap());
    told(&|world| world.disk.remove(packs.last().unwrap()).unwrap());
    told(&|world| world.flip(&packs[1], 40));
    told(&|world| world.disk.rename(&packs[0], &packs[1]).unwrap());
}

#[test]
fn an_altered_value_is_told_as_damage_and_the_others_are_read() {
    let (world, store) = World::new(small_packs());
    set(&store, BODIES, (0..3).map(|number| (number, Some(value(number)))));
    world.flip(&world.packs()[0], 4096 + 33 + 700);
    let error = store.begin_read().unwrap().get(BODIES, &0u32.to_be_bytes()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "bodies", .. }), "{error}");
    assert_eq!(get(&store, BODIES, 1), Some(value(1)));
}

#[test]
fn a_full_disk_fails_a_batch_and_the_store_opens_anew_with_all_before_it() {
    let (world, store) = World::new(log_only());
    set(&store, BODIES, [(1, Some(value(1)))]);
    world.disk.limit_space(Some(16_000));
    let mut batch = store.batch().unwrap();
    let mut changes = Changes::default();
    (2..20u32).for_each(|number| changes.set(BODIES, &number.to_be_bytes(), Some(&value(number))));
    batch.merge(changes);
    batch.commit().unwrap_err();
    assert!(store.batch().is_err(), "nobody knows what is on the disk");
    assert_eq!(get(&store, BODIES, 1), Some(value(1)), "and it is read from");
    drop(store);
    // It opens on the full disk, and is read from.
    let store = world.open().unwrap();
    assert_eq!((get(&store, BODIES, 1), get(&store, BODIES, 2)), (Some(value(1)), None));
    world.disk.limit_space(None);
    set(&store, BODIES, [(3, Some(value(3)))]);
    assert_eq!(get(&store, BODIES, 3), Some(value(3)));
}

#[test]
fn packs_of_a_store_that_is_gone_are_set_aside() {
    let (mut world, store) = World::new(small_packs());
    set(&store, BODIES, [(1, Some(value(1)))]);
    drop(store);
    world.file = Memory::default();
    let mut rng = StdRng::seed_from_u64(2);
    let store =
        Store::create_on(world.files(), Path::new("memory"), &key(), &mut rng, &world.options);
    let store = store.unwrap();
    assert_eq!(get(&store, BODIES, 1), None);
    set(&store, BODIES, [(1, Some(value(2)))]);
    drop(store);
    assert_eq!(get(&world.open().unwrap(), BODIES, 1), Some(value(2)));
    let names = world.disk.list(Path::new(FOLDER)).unwrap();
    assert!(names.contains(&"00000001.pack.lost".to_owned()), "{names:?}");
}

#[test]
fn whatever_is_done_in_whatever_order_the_store_reads_as_a_map_does() {
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut world, mut store) = World::new(small_packs());
        let mut map = std::collections::BTreeMap::new();
        for step in 0..250u32 {
            match rng.random_range(0..20) {
                0 => tidy(&store),
                1 => assert!(store.erase().is_ok()),
                2 => {
                    world = world.after_a_cut();
                    drop(store);
                    store = world.open().unwrap();
                }
                3 => {
                    drop(store);
                    store = world.open().unwrap();
                }
                _ => {
                    let number = rng.random_range(0..60);
                    let new = (rng.random_range(0..3) > 0).then(|| value(step));
                    set(&store, BODIES, [(number, new.clone())]);
                    match new {
                        Some(new) => map.insert(number, new),
                        None => map.remove(&number),
                    };
                }
            }
        }
        let read = store.begin_read().unwrap();
        let rows = read.page(BODIES, &[], &[], usize::MAX).unwrap();
        let expected = map.iter().map(|(key, value)| (key.to_be_bytes().to_vec(), value.clone()));
        assert_eq!(rows, expected.collect::<Vec<_>>());
        drop(read);
        assert!(store.verify().unwrap());
    }
}
