//! Small acknowledged entries a second: each in a commit of its own, against group commits of 256.
//!
//! Prints the median of several rounds and the ratio. Absolute figures are those of this disk's
//! sync; the ratio is what lasts. `CHARTMESH_BENCH_DIR` puts the store on another disk than the
//! temporary folder's.

use std::env;
use std::path::PathBuf;
use std::time::Instant;

use chartmesh_node::store::{StorageKey, Store};
use chartmesh_protocol::store::{Table, Txn};
use rand_core::{CryptoRng, UnwrapErr};

const ENTRIES: Table = Table::rows("entries");
const ROW_LEN: usize = 1024;
const GROUP: usize = 256;
const ROUNDS: usize = 9;
/// Rows of one round.
const ROWS: usize = 2 * GROUP;

fn main() {
    let directory = env::var_os("CHARTMESH_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let directory = directory.join(format!("chartmesh-bench-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("the folder takes another");
    let path = directory.join("store");
    let mut rng = UnwrapErr(rand::rngs::SysRng);
    let key = StorageKey::generate(&mut rng);
    let store = Store::create(&path, &key, &mut rng).expect("the folder takes a store");

    let mut single = Vec::new();
    let mut grouped = Vec::new();
    let mut number = 0;
    // Turn by turn, so that both meet the same disk and the same size of store.
    for _ in 0..ROUNDS {
        single.push(rows_per_s(&store, 1, &mut number, &mut rng));
        grouped.push(rows_per_s(&store, GROUP, &mut number, &mut rng));
    }
    let used = store.usage();
    drop(store);
    std::fs::remove_dir_all(&directory).expect("the store can be removed");

    let (single, grouped) = (median(single), median(grouped));
    println!("acknowledged rows of {ROW_LEN} bytes, median of {ROUNDS} rounds of {ROWS}:");
    println!("  one commit each            {single:8.0} rows/s");
    println!("  group commit of {GROUP:3}        {grouped:8.0} rows/s");
    println!("  ratio                      {:8.1}", grouped / single);
    let each = |count: u64| count as f64 / used.groups as f64;
    println!(
        "  syncs of the log a group   {:8.2}, of redb's pages {:.2}",
        1.0,
        2.0 * each(used.durable)
    );
    println!("  bytes of the log a row     {:8.0}", used.log_bytes as f64 / number as f64);
}

/// Writes [`ROWS`] rows, `group` to a commit, each as an event of its own.
fn rows_per_s(store: &Store, group: usize, number: &mut u64, rng: &mut impl CryptoRng) -> f64 {
    let mut row = [0; ROW_LEN];
    let start = Instant::now();
    for _ in 0..ROWS / group {
        let mut batch = store.batch().expect("the disk works");
        for _ in 0..group {
            rng.fill_bytes(&mut row);
            *number += 1;
            let mut event = batch.event();
            event.put(ENTRIES, &number.to_be_bytes(), &row).expect("an overlay is memory");
            let changes = event.into_changes();
            batch.merge(changes);
        }
        batch.commit().expect("the disk works");
    }
    ROWS as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
