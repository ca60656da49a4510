//! Power cuts at every operation, and the proof that every sync is needed.
//!
//! A LIFE is a process using the folder on a [`FaultyDisk`], noting what it was promised. It is
//! cut short at each of its operations, the disk loses what was not synced in several ways, and a
//! new process must find every promise kept and no half object. Then each single sync is turned
//! into a lie, and some cut must break a promise: a sync whose absence nobody notices would be
//! one too many, or a check too few.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chartmesh_protocol::id::{ObjectId, TransferId};

use super::tests::{feed_one, id_of, object, pairs_for};
use super::tree::GROUP;
use super::{ObjectError, ObjectFolder, Verifier};
use crate::disk::faulty::{FaultyDisk, Loss};
use crate::disk::Disk as _;

const ROOT: &str = "/store";
/// Promise something every two groups.
const CHECKPOINT: u64 = 2 * GROUP;
const TRANSFER: TransferId = TransferId([9; 16]);
/// Ways to lose some of what was not synced.
const SEEDS: u64 = 24;

/// What the lives before a power cut may rely on after it.
#[derive(Clone, Default)]
struct Promises {
    kept: BTreeSet<ObjectId>,
    removed: BTreeSet<ObjectId>,
    /// By length of the object: how much of it is durable.
    partial: BTreeMap<u64, u64>,
}

type Life = fn(&ObjectFolder<FaultyDisk>, &mut Promises) -> Result<(), ObjectError>;

fn small() -> Vec<u8> {
    object(700, 1)
}

fn large() -> Vec<u8> {
    object(5 * GROUP as usize + 900, 2)
}

fn write(
    folder: &ObjectFolder<FaultyDisk>,
    promises: &mut Promises,
    data: &[u8],
) -> Result<(), ObjectError> {
    promises.removed.remove(&id_of(data));
    let mut writer = folder.writer();
    writer.push(data)?;
    promises.kept.insert(writer.finish()?.id);
    Ok(())
}

fn receive(
    folder: &ObjectFolder<FaultyDisk>,
    promises: &mut Promises,
    data: &[u8],
) -> Result<(), ObjectError> {
    let len = data.len() as u64;
    promises.removed.remove(&id_of(data));
    let mut partial = folder.partial(TRANSFER, id_of(data), len)?;
    while partial.next_offset() < len {
        feed_one(&mut partial, data)?;
        if partial.durable_offset() > 0 {
            promises.partial.insert(len, partial.durable_offset());
        }
    }
    partial.finish()?;
    promises.partial.remove(&len);
    promises.kept.insert(id_of(data));
    Ok(())
}

fn remove(
    folder: &ObjectFolder<FaultyDisk>,
    promises: &mut Promises,
    data: &[u8],
) -> Result<(), ObjectError> {
    promises.kept.remove(&id_of(data));
    folder.remove(id_of(data))?;
    promises.removed.insert(id_of(data));
    Ok(())
}

const LIVES: [(&str, Life); 6] = [
    ("write a small object", |f, p| write(f, p, &small())),
    ("write a large object", |f, p| write(f, p, &large())),
    ("receive a small object", |f, p| receive(f, p, &small())),
    ("receive a large object", |f, p| receive(f, p, &large())),
    ("write and remove a small object", |f, p| {
        write(f, p, &small())?;
        remove(f, p, &small())
    }),
    ("receive and remove a large object", |f, p| {
        receive(f, p, &large())?;
        remove(f, p, &large())
    }),
];

fn live(disk: &FaultyDisk, life: Life, promises: &mut Promises) -> Result<(), ObjectError> {
    let folder = ObjectFolder::open_with(disk.clone(), Path::new(ROOT), CHECKPOINT)?;
    life(&folder, promises)
}

/// What a process after the cut sees; an error names the broken promise.
fn examine(disk: &FaultyDisk, promises: &Promises) -> Result<(), String> {
    let say = |e: ObjectError| e.to_string();
    let folder =
        ObjectFolder::open_with(disk.clone(), Path::new(ROOT), CHECKPOINT).map_err(say)?;
    folder.sweep(|transfer| transfer == TRANSFER).map_err(say)?;
    for data in [small(), large()] {
        let (id, len) = (id_of(&data), data.len() as u64);
        let there = folder.has(id).map_err(say)?;
        if there {
            folder.scrub(id).map_err(|e| format!("half object: {e}"))?;
        }
        if !there && promises.kept.contains(&id) {
            return Err(format!("lost an object of {len} bytes"));
        }
        if there && promises.removed.contains(&id) {
            return Err(format!("a removed object of {len} bytes came back"));
        }
        if let Some(durable) = promises.partial.get(&len) {
            let mut partial = folder.partial(TRANSFER, id, len).map_err(say)?;
            if partial.next_offset() < *durable {
                return Err(format!("promised {durable} bytes, has {}", partial.next_offset()));
            }
            while partial.next_offset() < len {
                feed_one(&mut partial, &data).map_err(say)?;
            }
            partial.finish().map_err(say)?;
            folder.scrub(id).map_err(|e| format!("received something else: {e}"))?;
        }
    }
    folder.sweep(|_| false).map_err(say)?;
    let left = disk.list(&Path::new(ROOT).join("incoming")).map_err(|e| e.to_string())?;
    if left.is_empty() { Ok(()) } else { Err(format!("junk stayed: {left:?}")) }
}

fn losses() -> impl Iterator<Item = Loss> {
    [Loss::Everything, Loss::Names, Loss::Bytes, Loss::Nothing]
        .into_iter()
        .chain((0..SEEDS).map(|seed| Loss::Some { seed }))
}

/// Lives on `disk` with a cut at each operation and after the last; the first broken promise.
fn first_broken_promise(
    disk: &FaultyDisk,
    life: Life,
    before: &Promises,
    skip: Option<usize>,
) -> Option<String> {
    for cut in 0.. {
        let disk = disk.restart(Loss::Nothing);
        disk.crash_at(cut);
        if let Some(number) = skip {
            disk.skip_sync(number);
        }
        let mut promises = before.clone();
        let done = live(&disk, life, &mut promises).is_ok();
        for loss in losses() {
            if let Err(broken) = examine(&disk.restart(loss), &promises) {
                return Some(format!("{broken} (cut at {cut}, {loss:?})"));
            }
        }
        if done {
            return None;
        }
    }
    None
}

fn syncs_of(disk: &FaultyDisk, life: Life) -> Vec<String> {
    let disk = disk.restart(Loss::Nothing);
    live(&disk, life, &mut Promises::default()).unwrap();
    disk.syncs()
}

#[test]
fn a_cut_at_any_operation_breaks_no_promise_and_shows_no_half_object() {
    for (name, life) in LIVES {
        let broken = first_broken_promise(&FaultyDisk::new(), life, &Promises::default(), None);
        assert_eq!(broken, None, "{name}");
    }
}

#[test]
fn leaving_out_any_one_sync_breaks_a_promise() {
    for (name, life) in LIVES {
        let disk = FaultyDisk::new();
        let syncs = syncs_of(&disk, life);
        for (number, path) in syncs.iter().enumerate() {
            let broken = first_broken_promise(&disk, life, &Promises::default(), Some(number));
            assert!(broken.is_some(), "{name}: nobody misses sync {number}, of {path}: {syncs:?}");
        }
    }
}

/// A process is killed, so that nothing is lost and nothing is synced; the next one goes on with
/// what it sees; then the power is cut.
#[test]
fn a_kill_at_any_operation_and_then_a_cut_at_any_operation_breaks_no_promise() {
    let pairs: [(usize, usize); 5] = [(1, 3), (3, 3), (3, 1), (4, 2), (5, 3)];
    for (first, second) in pairs {
        for kill in 0.. {
            let disk = FaultyDisk::new();
            disk.crash_at(kill);
            let mut promises = Promises::default();
            let done = live(&disk, LIVES[first].1, &mut promises).is_ok();
            let disk = disk.restart(Loss::Nothing);
            let broken = first_broken_promise(&disk, LIVES[second].1, &promises, None);
            let names = (LIVES[first].0, LIVES[second].0);
            assert_eq!(broken, None, "killed at {kill}: {names:?}");
            if done {
                break;
            }
        }
    }
}

/// The syncs that matter only because an earlier process was killed before its own.
#[test]
fn what_a_killed_process_did_not_sync_is_synced_by_the_next() {
    let small_shard = format!("{ROOT}/objects/{}", &id_of(&small()).to_string()[..2]);
    let write_small: Life = LIVES[0].1;
    let receive_small: Life = LIVES[2].1;
    let remove_small: Life = |f, p| remove(f, p, &small());
    let again_large: Life = |f, p| {
        // The same transfer begins anew after its first object was removed.
        remove(f, p, &large())?;
        receive(f, p, &large())
    };
    let cases: [(Life, Life, &str); 6] = [
        (write_small, write_small, "/"),
        (write_small, write_small, ROOT),
        (write_small, receive_small, "/store/objects"),
        (write_small, receive_small, &small_shard),
        (LIVES[4].1, remove_small, &small_shard),
        (LIVES[3].1, again_large, "/store/incoming"),
    ];
    for (first, second, path) in cases {
        let missed = (0..).map_while(|kill| {
            let disk = FaultyDisk::new();
            disk.crash_at(kill);
            let mut promises = Promises::default();
            let done = live(&disk, first, &mut promises).is_ok() && disk.operations() < kill;
            (!done).then(|| (disk.restart(Loss::Nothing), promises))
        });
        let noticed = missed.into_iter().any(|(disk, promises)| {
            let syncs = syncs_of(&disk, second);
            let number = syncs.iter().position(|synced| synced == path);
            let skip = number.expect("the second life syncs it");
            first_broken_promise(&disk, second, &promises, Some(skip)).is_some()
        });
        assert!(noticed, "nobody misses the sync of {path}");
    }
}

#[test]
fn a_write_that_tears_between_groups_leaves_only_what_was_verified() {
    let disk = FaultyDisk::new();
    let data = large();
    let folder = ObjectFolder::open_with(disk.clone(), Path::new(ROOT), CHECKPOINT).unwrap();
    let mut partial = folder.partial(TRANSFER, id_of(&data), data.len() as u64).unwrap();
    let mut verifier = Verifier::new(partial.id(), partial.len(), 0);
    disk.crash_at(disk.operations());
    let verified = verifier.check(&pairs_for(&data, 0, 0), &data).unwrap();
    partial.accept(&verified).unwrap_err();
    assert_eq!(partial.next_offset(), 0);
}
