//! Power cuts at every operation, and the proof that every sync is needed.
//!
//! A LIFE is a process using the folder on a [`FaultyDisk`], noting what it was promised. It is
//! cut short at each of its operations, the disk loses what was not synced in several ways, and a
//! new process must find every promise kept and no half object. Then each single sync is turned
//! into a lie, and some cut must break a promise: a sync whose absence nobody notices would be
//! one too many, or a check too few.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use chartmesh_kit::{FaultyDisk, Loss};
use chartmesh_node::disk::Disk as _;
use chartmesh_node::object_store::tree::GROUP;
use chartmesh_node::object_store::{ObjectError, ObjectFolder, Verifier};
use chartmesh_protocol::id::ObjectId;

use crate::{ROOT, TRANSFER, feed_one, id_of, object, pairs_for};

/// Promise something every two groups.
const CHECKPOINT: u64 = 2 * GROUP;
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

static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| object(700, 1));
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| object(5 * GROUP as usize + 900, 2));

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

const NOTHING: Life = |_, _| Ok(());
const WRITE_SMALL: Life = |f, p| write(f, p, &SMALL);
const WRITE_LARGE: Life = |f, p| write(f, p, &LARGE);
const RECEIVE_SMALL: Life = |f, p| receive(f, p, &SMALL);
const RECEIVE_LARGE: Life = |f, p| receive(f, p, &LARGE);
const REMOVE_SMALL: Life = |f, p| remove(f, p, &SMALL);
const REMOVE_LARGE: Life = |f, p| remove(f, p, &LARGE);

/// What a process before did and had the time to sync, and the life that is looked at.
const LIVES: [(&str, Life, Life); 6] = [
    ("write a small object", NOTHING, WRITE_SMALL),
    ("write a large object", NOTHING, WRITE_LARGE),
    ("receive a small object", NOTHING, RECEIVE_SMALL),
    ("receive a large object", NOTHING, RECEIVE_LARGE),
    ("remove a small object", WRITE_SMALL, REMOVE_SMALL),
    ("remove a large object", RECEIVE_LARGE, REMOVE_LARGE),
];

fn live(disk: &FaultyDisk, life: Life, promises: &mut Promises) -> Result<(), ObjectError> {
    let folder = ObjectFolder::open_with(disk.clone(), Path::new(ROOT), CHECKPOINT)?;
    life(&folder, promises)
}

/// What a process after the cut sees; an error names the broken promise.
fn examine(disk: &FaultyDisk, promises: &Promises) -> Result<(), String> {
    let say = |e: ObjectError| e.to_string();
    let folder = ObjectFolder::open_with(disk.clone(), Path::new(ROOT), CHECKPOINT).map_err(say)?;
    folder.sweep(|transfer| transfer == TRANSFER).map_err(say)?;
    for data in [&*SMALL, &*LARGE] {
        let (id, len) = (id_of(data), data.len() as u64);
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
                feed_one(&mut partial, data).map_err(say)?;
            }
            partial.finish().map_err(say)?;
            folder.scrub(id).map_err(|e| format!("received something else: {e}"))?;
        }
    }
    folder.sweep(|_| false).map_err(say)?;
    let left = disk.list(&Path::new(ROOT).join("incoming")).map_err(|e| e.to_string())?;
    if left.is_empty() { Ok(()) } else { Err(format!("junk stayed: {left:?}")) }
}

fn losses(seeds: u64) -> impl Iterator<Item = Loss> {
    [Loss::Everything, Loss::Names, Loss::Bytes, Loss::Nothing]
        .into_iter()
        .chain((0..seeds).map(|seed| Loss::Some { seed }))
}

/// Lives on `disk` with a cut at each operation and after the last; the first broken promise.
fn first_broken_promise(
    disk: &FaultyDisk,
    life: Life,
    before: &Promises,
    skip: Option<usize>,
    seeds: u64,
) -> Option<String> {
    for cut in 0.. {
        let disk = disk.restart(Loss::Nothing);
        disk.crash_at(cut);
        if let Some(number) = skip {
            disk.skip_sync(number);
        }
        let mut promises = before.clone();
        let done = live(&disk, life, &mut promises).is_ok();
        for loss in losses(seeds) {
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

/// A disk on which a life has passed, from the making of the folder on.
fn after(life: Life) -> (FaultyDisk, Promises) {
    let (disk, mut promises) = (FaultyDisk::new(), Promises::default());
    live(&disk, life, &mut promises).unwrap();
    (disk.restart(Loss::Everything), promises)
}

#[test]
fn a_cut_at_any_operation_breaks_no_promise_and_shows_no_half_object() {
    for (name, before, life) in LIVES {
        let (disk, promises) = after(before);
        let broken = first_broken_promise(&disk, life, &promises, None, SEEDS);
        assert_eq!(broken, None, "{name}");
    }
    for (name, _, life) in &LIVES[..4] {
        let disk = FaultyDisk::new();
        let broken = first_broken_promise(&disk, *life, &Promises::default(), None, SEEDS);
        assert_eq!(broken, None, "{name}, in a new folder");
    }
}

#[test]
fn leaving_out_any_one_sync_breaks_a_promise() {
    for (name, before, life) in &LIVES[4..] {
        let (disk, promises) = after(*before);
        // Opening a folder that is durable syncs it in vain; a new one is looked at below.
        let opening = syncs_of(&disk, NOTHING).len();
        let syncs = syncs_of(&disk, *life);
        for number in opening..syncs.len() {
            let broken = first_broken_promise(&disk, *life, &promises, Some(number), SEEDS);
            assert!(broken.is_some(), "{name}: nobody misses sync {number} of {syncs:?}");
        }
    }
    for (name, _, life) in &LIVES[..4] {
        let disk = FaultyDisk::new();
        let syncs = syncs_of(&disk, *life);
        for number in 0..syncs.len() {
            let promises = Promises::default();
            let broken = first_broken_promise(&disk, *life, &promises, Some(number), SEEDS);
            assert!(broken.is_some(), "{name}: nobody misses sync {number} of {syncs:?}");
        }
    }
}

/// A process is killed, so that nothing is lost and nothing is synced; the next one goes on with
/// what it sees; then the power is cut.
#[test]
fn a_kill_at_any_operation_and_then_a_cut_at_any_operation_breaks_no_promise() {
    let cases = [(WRITE_LARGE, RECEIVE_LARGE), (RECEIVE_LARGE, WRITE_LARGE)];
    for (case, (first, second)) in cases.into_iter().enumerate() {
        for kill in 0.. {
            let disk = FaultyDisk::new();
            disk.crash_at(kill);
            let mut promises = Promises::default();
            let done = live(&disk, first, &mut promises).is_ok();
            let disk = disk.restart(Loss::Nothing);
            let broken = first_broken_promise(&disk, second, &promises, None, 1);
            assert_eq!(broken, None, "case {case} killed at {kill}");
            if done {
                break;
            }
        }
    }
}

/// The syncs that matter only because an earlier process was killed before its own.
#[test]
fn what_a_killed_process_did_not_sync_is_synced_by_the_next() {
    let small_shard = format!("{ROOT}/objects/{}", &id_of(&SMALL).to_string()[..2]);
    let again_large: Life = |f, p| {
        // The same transfer begins anew after its first object was removed.
        remove(f, p, &LARGE)?;
        receive(f, p, &LARGE)
    };
    let write_and_remove: Life = |f, p| {
        write(f, p, &SMALL)?;
        remove(f, p, &SMALL)
    };
    let cases: [(Life, Life, &str); 6] = [
        (WRITE_SMALL, WRITE_SMALL, "/"),
        (WRITE_SMALL, WRITE_SMALL, ROOT),
        (WRITE_SMALL, RECEIVE_SMALL, "/store/objects"),
        (WRITE_SMALL, RECEIVE_SMALL, &small_shard),
        (write_and_remove, REMOVE_SMALL, &small_shard),
        (RECEIVE_LARGE, again_large, "/store/incoming"),
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
            let skip = syncs.iter().position(|synced| synced == path);
            // Killed early, the first life may have left nothing to sync.
            skip.is_some() && first_broken_promise(&disk, second, &promises, skip, SEEDS).is_some()
        });
        assert!(noticed, "nobody misses the sync of {path}");
    }
}

#[test]
fn a_write_that_tears_between_groups_leaves_only_what_was_verified() {
    let disk = FaultyDisk::new();
    let data = &*LARGE;
    let folder = ObjectFolder::open_with(disk.clone(), Path::new(ROOT), CHECKPOINT).unwrap();
    let mut partial = folder.partial(TRANSFER, id_of(data), data.len() as u64).unwrap();
    let mut verifier = Verifier::new(partial.id(), partial.len(), 0);
    disk.crash_at(disk.operations());
    let verified = verifier.check(&pairs_for(data, 0, 0), data).unwrap();
    partial.accept(&verified).unwrap_err();
    assert_eq!(partial.next_offset(), 0);
}
