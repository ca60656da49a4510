//! Nothing readable on the disk: rows with a known marker, and a search for it in the file.

use std::fs;
use std::path::Path;

use chartmesh_protocol::store::{Table, Txn};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{StorageKey, Store, StoreOptions, accounts};

const TABLE: Table = Table::rows("table-of-Tanaka-Hanako");
const MARKER: &[u8] = b"Tanaka-Hanako";

/// A small row, one in the key, and one of many pages; enough of them for inner tree pages, whose
/// separators are keys.
fn rows() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = vec![(b"large".to_vec(), MARKER.repeat(20_000))];
    for i in 0..500u32 {
        rows.push(([MARKER, &i.to_be_bytes()].concat(), MARKER.repeat(3)));
    }
    rows
}

fn holds_marker(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    // Half of it is enough to be worth stealing.
    let half = &MARKER[..6];
    bytes.windows(half.len()).any(|window| window == half)
}

#[test]
fn the_file_holds_no_key_no_value_and_no_table_name_in_clear() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut rng = StdRng::seed_from_u64(5);
    let key = StorageKey::generate(&mut rng);
    // A small cache makes redb write pages out before the commit too.
    let options = StoreOptions { cache_bytes: 64 << 10, ..StoreOptions::default() };
    let store = Store::create_with(&path, &key, &mut rng, &options).unwrap();
    for chunk in rows().chunks(50) {
        let mut batch = store.batch().unwrap();
        let mut event = batch.event();
        for (key, value) in chunk {
            event.put(TABLE, key, value).unwrap();
        }
        let changes = event.into_changes();
        batch.merge(changes);
        batch.commit().unwrap();
        assert!(!holds_marker(&path));
    }
    drop(store);
    assert!(!holds_marker(&path));

    let clear = directory.path().join("clear");
    let database = redb::Database::create(&clear).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = transaction.open_table(accounts::definition(TABLE.name())).unwrap();
    for (key, value) in &rows() {
        table.insert(key.as_slice(), value.as_slice()).unwrap();
    }
    drop(table);
    transaction.commit().unwrap();
    drop(database);
    assert!(holds_marker(&clear), "the search itself is blind");
}

#[test]
fn the_store_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut rng = StdRng::seed_from_u64(6);
    Store::create(&path, &StorageKey::generate(&mut rng), &mut rng).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
