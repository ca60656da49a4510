use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use chartmesh_protocol::store::{Overlay, ReadTxn, Row, Table, Txn};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use super::*;
use crate::disk::AnyDisk;

const A: Table = Table::rows("a");
const B: Table = Table::bodies("b");

fn key(byte: u8) -> StorageKey {
    StorageKey::from_bytes(Zeroizing::new([byte; STORAGE_KEY_LEN]))
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// redb's file in memory, packs in a folder.
fn in_memory(directory: &tempfile::TempDir) -> StoreFiles {
    StoreFiles {
        store: Box::new(redb::backends::InMemoryBackend::new()),
        disk: AnyDisk::default(),
        packs: directory.path().join("packs"),
    }
}

fn new_store(directory: &tempfile::TempDir) -> (PathBuf, Store) {
    let path = directory.path().join("store");
    let store = Store::create(&path, &key(1), &mut rng()).unwrap();
    (path, store)
}

fn commit(store: &Store, write: impl FnOnce(&mut Overlay<'_, Batch>)) {
    let mut batch = store.batch().unwrap();
    let mut event = batch.event();
    write(&mut event);
    let changes = event.into_changes();
    batch.merge(changes);
    batch.commit().unwrap();
}

#[test]
fn what_is_committed_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let (path, store) = new_store(&directory);
    let large = vec![7; 100_000];
    commit(&store, |event| {
        event.put(A, b"k", b"v").unwrap();
        event.put(B, b"", &large).unwrap();
    });
    drop(store);

    let mut store = Store::open(&path, &key(1)).unwrap();
    let read = store.begin_read().unwrap();
    assert_eq!(read.get(A, b"k").unwrap().unwrap(), b"v");
    assert_eq!(read.get(B, b"").unwrap().unwrap(), large);
    assert_eq!(read.get(Table::rows("never written"), b"k").unwrap(), None);
    drop(read);
    assert!(store.verify().unwrap());
}

#[test]
fn a_wrong_key_is_told_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = new_store(&directory);
    let error = Store::open(&path, &key(2)).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error}");
    Store::open(&path, &key(1)).unwrap();
}

#[test]
fn a_store_is_opened_by_one_node_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let (path, store) = new_store(&directory);
    let error = Store::open(&path, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(store);
    let store = Store::open(&path, &key(1)).unwrap();
    let error = Store::open(&path, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(store);
}

#[test]
fn a_missing_store_is_not_made_by_opening_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let error = Store::open(&path, &key(1)).unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn creating_never_touches_a_store_that_exists() {
    let directory = tempfile::tempdir().unwrap();
    let (path, store) = new_store(&directory);
    drop(store);
    let before = fs::read(&path).unwrap();
    let error = Store::create(&path, &key(1), &mut rng()).unwrap_err();
    assert!(matches!(error, CreateError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_a_crash_left_of_an_unfinished_store_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("store.new"), vec![1; 10_000]).unwrap();
    let (path, store) = new_store(&directory);
    drop(store);
    Store::open(&path, &key(1)).unwrap();
    assert!(!directory.path().join("store.new").exists());
}

#[test]
fn a_file_that_is_cut_or_altered_or_no_store_is_refused_without_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let (path, store) = new_store(&directory);
    drop(store);
    let whole = fs::read(&path).unwrap();
    let opened = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Store::open(&path, &key(1)).unwrap_err()
    };
    for len in [0, 1, 4095, 4096, 4097, 8192, whole.len() - 1, whole.len() - 4096] {
        let error = opened(&whole[..len]);
        assert!(matches!(error, OpenError::Damaged { .. }), "{len}: {error}");
    }
    let mut newer = whole.clone();
    newer[9] = 3;
    let error = opened(&newer);
    assert!(matches!(error, OpenError::Version { version: 3, .. }), "{error}");
    let mut altered = whole.clone();
    altered[20] ^= 1;
    let error = opened(&altered);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let error = opened(&vec![b'x'; 1 << 20]);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn a_dropped_event_and_a_dropped_batch_leave_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let (_, store) = new_store(&directory);
    commit(&store, |event| event.put(A, b"old", b"1").unwrap());

    let mut batch = store.batch().unwrap();
    let mut refused = batch.event();
    refused.put(A, b"new", b"2").unwrap();
    refused.delete(A, b"old").unwrap();
    assert_eq!(refused.get(A, b"old").unwrap(), None);
    drop(refused);
    let mut event = batch.event();
    assert_eq!(event.get(A, b"new").unwrap(), None);
    assert_eq!(event.get(A, b"old").unwrap().unwrap(), b"1");
    event.put(A, b"kept", b"3").unwrap();
    let changes = event.into_changes();
    batch.merge(changes);
    assert_eq!(batch.event().get(A, b"kept").unwrap().unwrap(), b"3");
    assert_eq!(batch.bytes(), 5);
    drop(batch);

    let rows = store.begin_read().unwrap().page(A, b"", b"", 10).unwrap();
    assert_eq!(rows, [(b"old".to_vec(), b"1".to_vec())]);
}

#[test]
fn a_snapshot_does_not_see_later_commits() {
    let directory = tempfile::tempdir().unwrap();
    let (_, store) = new_store(&directory);
    let before = store.begin_read().unwrap();
    commit(&store, |event| event.put(A, b"k", b"v").unwrap());
    assert_eq!(before.get(A, b"k").unwrap(), None);
    assert!(store.begin_read().unwrap().get(A, b"k").unwrap().is_some());
}

#[test]
fn snapshots_and_batches_can_go_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Store>();
    is_send::<Snapshot>();
    is_send::<Batch>();
}

#[test]
fn a_page_with_a_reversed_or_empty_range_or_no_limit_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let (_, store) = new_store(&directory);
    commit(&store, |event| event.put(A, b"m", b"1").unwrap());
    let batch = store.batch().unwrap();
    let mut event = batch.event();
    event.put(A, b"n", b"2").unwrap();
    assert_eq!(event.page(A, b"z", b"a", 10).unwrap(), []);
    assert_eq!(event.page(A, b"m", b"m", 10).unwrap(), []);
    assert_eq!(event.page(A, b"", b"", 0).unwrap(), []);
    assert_eq!(event.page(A, b"", b"", usize::MAX).unwrap().len(), 2);
}

/// Whoever changes redb's pages so that a row points to another's value.
#[test]
fn a_value_is_never_taken_for_anothers() {
    let directory = tempfile::tempdir().unwrap();
    let (_, store) = new_store(&directory);
    commit(&store, |event| {
        event.put(B, b"one", &[1; 500]).unwrap();
        event.put(B, b"two", &[2; 500]).unwrap();
    });
    let place = store.begin_read().unwrap().stored("b", b"one").unwrap().unwrap();
    let transaction = store.database.begin_write().unwrap();
    let mut table = transaction.open_table(accounts::definition("b")).unwrap();
    table.insert(&b"two"[..], &place[..]).unwrap();
    drop(table);
    transaction.commit().unwrap();
    let read = store.begin_read().unwrap();
    assert_eq!(read.get(B, b"one").unwrap().unwrap(), [1; 500]);
    let error = read.get(B, b"two").unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "b", .. }), "{error}");
}

/// What a table says of its rows is a hint: whoever declares it otherwise reads the same.
#[test]
fn a_table_reads_the_same_whatever_shape_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let (_, store) = new_store(&directory);
    commit(&store, |event| {
        event.put(A, b"k", &[7; 500]).unwrap();
        event.put(B, b"k", &[8; 500]).unwrap();
    });
    let read = store.begin_read().unwrap();
    assert_eq!(read.get(Table::bodies("a"), b"k").unwrap().unwrap(), [7; 500]);
    assert_eq!(read.get(Table::marks("b"), b"k").unwrap().unwrap(), [8; 500]);
}

/// One event of the model: its writes (None deletes), and whether it is merged.
type Event = (Vec<(bool, u8, Option<u8>)>, bool);

fn events() -> impl Strategy<Value = Vec<Event>> {
    let write = (any::<bool>(), 0..24u8, any::<Option<u8>>());
    let event = (proptest::collection::vec(write, 0..8), any::<bool>());
    proptest::collection::vec(event, 0..4)
}

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

fn model_page(model: &Model, table: Table, from: &[u8], to: &[u8], limit: usize) -> Vec<Row> {
    model
        .iter()
        .filter(|((t, key), _)| {
            *t == table && key.as_slice() >= from && (to.is_empty() || key.as_slice() < to)
        })
        .take(limit)
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect()
}

fn agree(
    read: &dyn ReadTxn,
    model: &Model,
    (from, to, limit): (u8, u8, usize),
) -> Result<(), TestCaseError> {
    for table in [A, B] {
        for to in [&[to][..], &[]] {
            prop_assert_eq!(
                read.page(table, &[from], to, limit).unwrap(),
                model_page(model, table, &[from], to, limit)
            );
            let mut down = model_page(model, table, &[from], to, usize::MAX);
            down.reverse();
            down.truncate(limit);
            prop_assert_eq!(read.page_down(table, &[from], to, limit).unwrap(), down);
        }
        for key in 0..24 {
            let expected = model.get(&(table, vec![key])).cloned();
            prop_assert_eq!(read.get(table, &[key]).unwrap(), expected);
        }
        let keys: Vec<_> = (0..24).rev().map(|key| [key]).collect();
        let keys: Vec<&[u8]> = keys.iter().map(<[u8; 1]>::as_slice).collect();
        let many: Vec<_> =
            keys.iter().map(|key| model.get(&(table, key.to_vec())).cloned()).collect();
        prop_assert_eq!(read.get_many(table, &keys).unwrap(), many);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_reads_as_a_plain_map_at_every_step(
        batches in proptest::collection::vec((events(), any::<bool>()), 1..5),
        query in (0..26u8, 0..26u8, 0..30usize),
    ) {
        let options = StoreOptions::default();
        let name = Path::new("memory");
        let directory = tempfile::tempdir().unwrap();
        let store = Store::create_on(in_memory(&directory), name, &key(1), &mut rng(), &options).unwrap();
        let mut committed = Model::new();
        for (events, commit) in batches {
            let mut batch = store.batch().unwrap();
            let mut in_batch = committed.clone();
            for (writes, merge) in events {
                let mut event = batch.event();
                let mut in_event = in_batch.clone();
                for (in_a, key, value) in writes {
                    let table = if in_a { A } else { B };
                    match value {
                        Some(value) => {
                            // Long enough for a pack where the table has bodies, or too short.
                            let value = vec![value; usize::from(value)];
                            event.put(table, &[key], &value).unwrap();
                            in_event.insert((table, vec![key]), value);
                        }
                        None => {
                            event.delete(table, &[key]).unwrap();
                            in_event.remove(&(table, vec![key]));
                        }
                    }
                }
                agree(&event, &in_event, query)?;
                if merge {
                    let changes = event.into_changes();
                    batch.merge(changes);
                    in_batch = in_event;
                }
            }
            agree(&batch, &in_batch, query)?;
            if commit {
                batch.commit().unwrap();
                committed = in_batch;
            }
            agree(&store.begin_read().unwrap(), &committed, query)?;
        }
    }
}

/// Bit rot, or someone with a hex editor: the store opens, or says that it is damaged.
#[test]
fn noise_in_any_page_never_makes_opening_panic() {
    let directory = tempfile::tempdir().unwrap();
    let (path, store) = new_store(&directory);
    for i in 0..40u32 {
        commit(&store, |event| {
            event.put(A, &i.to_be_bytes(), &[7; 900]).unwrap();
        });
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    let written = whole.chunks(4096).enumerate().filter(|(_, page)| page != &[0; 4096]);
    let mut refused = 0;
    for (page, _) in written {
        let mut altered = whole.clone();
        altered[page * 4096 + 70] ^= 1;
        fs::write(&path, &altered).unwrap();
        match Store::open(&path, &key(1)) {
            Ok(_) => {}
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("page {page}: {other}"),
        }
    }
    assert!(refused > 0);
}
