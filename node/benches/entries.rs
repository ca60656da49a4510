//! Acknowledged small entries a second through the whole node: one at a time, each in a commit of its
//! own, against many at once in group commits.
//!
//! The entries are sealed before the clock starts (sealing runs on a pool in a node, too), so what is
//! compared is being handled, committed and synced. `CHARTMESH_BENCH_DIR` puts the node's data on
//! another disk than the temporary folder's.

use chartmesh_node::config::{Config, Flags, Settings, UnlockWith};
use chartmesh_node::driver::Handle;
use chartmesh_node::run;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::record::{self, ContentKey, Draft, Kind, SealedContent, SealedEntry};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::time::Timestamp;
use rand_core::UnwrapErr;
use std::path::PathBuf;
use std::time::Instant;

const ROUNDS: usize = 5;
/// Entries of one round that go one at a time.
const SINGLE: usize = 128;
/// Entries of one round that go at once.
const GROUPED: usize = 1024;

fn main() {
    let runtime = run::runtime().expect("the system gives threads");
    runtime.block_on(bench());
}

async fn bench() {
    let base =
        std::env::var_os("CHARTMESH_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = base.join(format!("chartmesh-bench-entries-{}", std::process::id()));
    let settings = Settings {
        listen: Some(vec!["/ip4/127.0.0.1/tcp/0".into()]),
        mdns: Some(false),
        unlock: Some(UnlockWith::KeyFile(dir.join("key"))),
        ..Settings::default()
    };
    let flags = Flags { dir: Some(dir.clone()), config: None, settings };
    let config = Config::load(flags).expect("a good configuration");
    let unlock: chartmesh_node::keystore::Unlock = config
        .unlock(|| unreachable!("a key file asks for nothing"))
        .unwrap_or_else(|error: chartmesh_node::keystore::UnlockError| panic!("{error}"));
    run::init(&config, &unlock, Role::Hospital, "Bench").expect("a node can be made");
    let node = run::run(config, unlock).await.expect("it starts");
    let handle = node.handle();
    let chart = record::command::NewChart { name: "Bench".into(), identifiers: vec![] };
    let chart = handle.command(chart, None).await.expect("a chart can be opened");

    let (mut single, mut grouped) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let entries = sealed(&handle, chart.subject, SINGLE).await;
        let start = Instant::now();
        for entry in entries {
            keep(&handle, chart.subject, entry).await;
        }
        single.push(SINGLE as f64 / start.elapsed().as_secs_f64());

        let entries = sealed(&handle, chart.subject, GROUPED).await;
        let start = Instant::now();
        let all = entries.into_iter().map(|entry| keep(&handle, chart.subject, entry));
        futures::future::join_all(all).await;
        grouped.push(GROUPED as f64 / start.elapsed().as_secs_f64());
    }
    node.shutdown().await;
    std::fs::remove_dir_all(&dir).expect("the folder can be removed");
    let (single, grouped) = (median(single), median(grouped));
    println!("acknowledged entries of 1 KiB, median of {ROUNDS} rounds:");
    println!("  one commit each     {single:8.0} entries/s");
    println!("  group commit        {grouped:8.0} entries/s");
    println!("  ratio               {:8.1}", grouped / single);
}

async fn keep(handle: &Handle, subject: PartyId, entry: SealedEntry) {
    let command = record::command::Record { subject, chart: None, entries: vec![entry] };
    handle.command(command, None).await.expect("an entry is kept");
}

async fn sealed(handle: &Handle, subject: PartyId, count: usize) -> Vec<SealedEntry> {
    handle
        .read_on_pool::<_, Failure>(move |peer, txn, now| {
            let mut rng = UnwrapErr(rand::rngs::SysRng);
            let drafts = (0..count).map(|_| draft(&mut rng, now)).collect();
            peer.seal_entries(txn, now, subject, drafts, &mut rng)
        })
        .await
        .expect("entries can be sealed")
}

fn draft(rng: &mut UnwrapErr<rand::rngs::SysRng>, now: Timestamp) -> Draft {
    let key = DataKey::generate(rng);
    let (file, sealed) = seal_small(&key, &fresh_salt(rng), &[7; 1024]).expect("it is small");
    let content = ContentKey {
        object: sealed.id,
        length: sealed.file_len,
        plaintext_length: sealed.plaintext_len,
        key: *key.expose(),
        media_type: "application/fhir+json".into(),
        name: "Observation".into(),
    };
    Draft {
        kind: Kind::VitalSigns,
        title: "Heart rate".into(),
        effective: now,
        user: "Dr. Bench".into(),
        terms: Vec::new(),
        adds_to: None,
        contents: vec![SealedContent { key: content, small: Some(file) }],
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
