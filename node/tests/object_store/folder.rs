//! What the folder does when nothing fails, and when the disk is full.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use chartmesh_kit::FaultyDisk;
use chartmesh_node::disk::{Disk, DiskFile as _, RealDisk};
use chartmesh_node::object_store::tree::GROUP;
use chartmesh_node::object_store::{BATCH, ObjectError, ObjectFolder, Verifier};
use chartmesh_protocol::id::ObjectId;

use crate::{ROOT, TRANSFER, feed_one, id_of, object, pairs_for};

fn write<D: Disk>(folder: &ObjectFolder<D>, data: &[u8], step: usize) -> ObjectId {
    let mut writer = folder.writer();
    data.chunks(step).for_each(|bytes| writer.push(bytes).unwrap());
    let written = writer.finish().unwrap();
    assert_eq!((written.id, written.len), (id_of(data), data.len() as u64));
    written.id
}

fn object_path(id: ObjectId) -> PathBuf {
    let id = id.to_string();
    Path::new(ROOT).join("objects").join(&id[..2]).join(id)
}

fn outboard_path(id: ObjectId) -> PathBuf {
    object_path(id).with_extension("obao4")
}

#[test]
fn objects_of_every_shape_are_written_read_and_scrubbed_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let folder = ObjectFolder::open(RealDisk, &dir.path().join("store")).unwrap();
    let batch = BATCH as usize;
    for len in [0, 1, 16_384, 16_385, 32_768, batch, batch + 1, 3 * batch, 3 * batch + 20_000] {
        let data = object(len, 1);
        let id = write(&folder, &data, 10_007);
        let reader = folder.open_object(id).unwrap();
        let mut read = vec![0; reader.len() as usize];
        reader.read_at(&mut read, 0).unwrap();
        assert!(read == data, "{len}");
        folder.scrub(id).unwrap();
    }
    assert!(RealDisk.list(&dir.path().join("store/incoming")).unwrap().is_empty());
}

#[test]
fn an_outboard_is_kept_only_beside_an_object_of_several_groups() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open(disk.clone(), Path::new(ROOT)).unwrap();
    for (len, kept) in [(16_384, false), (16_385, true)] {
        let id = write(&folder, &object(len, 0), len);
        assert_eq!(disk.exists(&outboard_path(id)).unwrap(), kept);
    }
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_and_a_second_copy_is_kept_once() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open(disk.clone(), Path::new(ROOT)).unwrap();
    let mut writer = folder.writer();
    writer.push(&object(2 * BATCH as usize, 0)).unwrap();
    drop(writer);
    let data = object(50_000, 3);
    assert_eq!(write(&folder, &data, 999), write(&folder, &data, 50_000));
    assert!(disk.list(&Path::new(ROOT).join("incoming")).unwrap().is_empty());
}

#[test]
fn a_changed_bit_anywhere_in_object_or_outboard_is_found_by_a_scrub() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open(disk.clone(), Path::new(ROOT)).unwrap();
    let id = write(&folder, &object(70_000, 3), 70_000);
    folder.scrub(id).unwrap();
    for path in [object_path(id), outboard_path(id)] {
        let file = disk.open_rw(&path).unwrap();
        for at in (0..file.len().unwrap()).step_by(97) {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_at(&[byte[0] ^ 4], at).unwrap();
            assert!(matches!(folder.scrub(id), Err(ObjectError::Damaged { .. })), "{at}");
            file.write_at(&byte, at).unwrap();
        }
    }
    folder.scrub(id).unwrap();
    assert!(folder.remove(id).unwrap());
    assert!(!folder.remove(id).unwrap());
    assert!(matches!(folder.scrub(id), Err(ObjectError::Missing(_))));
}

#[test]
fn a_partial_object_takes_only_what_comes_next_and_one_owner_at_a_time() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open(disk, Path::new(ROOT)).unwrap();
    let data = object(60_000, 5);
    let len = data.len() as u64;
    let mut partial = folder.partial(TRANSFER, id_of(&data), len).unwrap();
    assert!(matches!(
        folder.partial(TRANSFER, id_of(&data), len),
        Err(ObjectError::Busy(TRANSFER))
    ));
    feed_one(&mut partial, &data).unwrap();
    let mut late = Verifier::new(id_of(&data), len, 2 * GROUP);
    let late = late.check(&pairs_for(&data, 2 * GROUP, 2 * GROUP), &data[2 * GROUP as usize..]);
    let out_of_step = partial.accept(&late.unwrap());
    assert!(matches!(out_of_step, Err(ObjectError::OutOfStep { expected: GROUP, .. })));
    assert_eq!((partial.next_offset(), partial.durable_offset()), (GROUP, 0));
    partial.checkpoint().unwrap();
    assert_eq!(partial.durable_offset(), GROUP);
    assert!(matches!(partial.finish(), Err(ObjectError::Unfinished { have: GROUP, .. })));

    // Taken up for another object, the transfer begins anew.
    let other = object(60_000, 6);
    assert_eq!(folder.partial(TRANSFER, id_of(&other), len).unwrap().next_offset(), 0);
}

#[test]
fn an_empty_object_is_received_only_under_its_own_id() {
    let folder = ObjectFolder::open(FaultyDisk::new(), Path::new(ROOT)).unwrap();
    let false_id = folder.partial(TRANSFER, ObjectId([1; 32]), 0).unwrap();
    assert!(matches!(false_id.finish(), Err(ObjectError::Damaged { .. })));
    folder.partial(TRANSFER, id_of(&[]), 0).unwrap().finish().unwrap();
    folder.scrub(id_of(&[])).unwrap();
}

#[test]
fn a_full_disk_is_reported_and_work_goes_on_when_there_is_room() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open_with(disk.clone(), Path::new(ROOT), GROUP).unwrap();
    let data = object(100_000, 5);
    let full = |outcome: Result<(), ObjectError>| match outcome {
        Err(ObjectError::Disk { source, .. }) => source.kind() == io::ErrorKind::StorageFull,
        _ => false,
    };
    disk.limit_space(Some(60_000));
    let mut writer = folder.writer();
    writer.push(&data).unwrap();
    assert!(full(writer.finish().map(drop)));

    let mut partial = folder.partial(TRANSFER, id_of(&data), 100_000).unwrap();
    let mut outcome = Ok(());
    while outcome.is_ok() {
        outcome = feed_one(&mut partial, &data);
    }
    assert!(full(outcome));
    drop(partial);
    disk.limit_space(None);
    let mut partial = folder.partial(TRANSFER, id_of(&data), 100_000).unwrap();
    assert_eq!(partial.next_offset(), 3 * GROUP);
    while partial.next_offset() < 100_000 {
        feed_one(&mut partial, &data).unwrap();
    }
    partial.finish().unwrap();
    folder.scrub(id_of(&data)).unwrap();
    assert_eq!(disk.list(&Path::new(ROOT).join("incoming")).unwrap(), Vec::<String>::new());
}

#[test]
fn a_sweep_takes_junk_and_unwanted_transfers_and_leaves_what_is_in_use() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open(disk.clone(), Path::new(ROOT)).unwrap();
    let data = object(60_000, 5);
    let mut partial = folder.partial(TRANSFER, id_of(&data), 60_000).unwrap();
    feed_one(&mut partial, &data).unwrap();
    partial.checkpoint().unwrap();
    let mut writer = folder.writer();
    writer.push(&object(2 * BATCH as usize, 0)).unwrap();
    assert_eq!(folder.sweep(|_| false).unwrap(), 0);
    drop(partial);
    assert_eq!(folder.sweep(|transfer| transfer == TRANSFER).unwrap(), 0);
    assert_eq!(folder.sweep(|_| false).unwrap(), 3);
    let id = writer.finish().unwrap().id;
    disk.remove(&object_path(id)).unwrap();
    assert_eq!(folder.sweep(|_| false).unwrap(), 1);
    assert!(!disk.exists(&outboard_path(id)).unwrap());
}

#[test]
fn a_flipped_bit_anywhere_in_pairs_or_bytes_is_not_the_object() {
    let data = object(5 * GROUP as usize + 100, 5);
    let len = data.len() as u64;
    let starts: BTreeSet<u64> = (0..6).map(|group| group * GROUP).collect();
    for start in starts {
        let pairs = pairs_for(&data, start, start);
        let rest = data[start as usize..].to_vec();
        let check = |pairs: &[u8], rest: &[u8]| {
            Verifier::new(id_of(&data), len, start).check(pairs, rest).map(|verified| {
                assert_eq!(verified.end(), len);
            })
        };
        check(&pairs, &rest).unwrap();
        for at in 0..pairs.len() {
            let mut bad = pairs.clone();
            bad[at] ^= 1;
            check(&bad, &rest).unwrap_err();
        }
        for at in (0..rest.len()).step_by(501) {
            let mut bad = rest.clone();
            bad[at] ^= 1;
            let found = check(&pairs, &bad).unwrap_err();
            assert_eq!(found.offset, (start + at as u64) / GROUP * GROUP);
        }
    }
}

#[test]
fn a_damaged_object_is_set_aside_and_a_good_one_takes_its_place() {
    let disk = FaultyDisk::new();
    let folder = ObjectFolder::open(disk.clone(), Path::new(ROOT)).unwrap();
    let data = object(100_000, 1);
    let id = write(&folder, &data, 10_007);
    disk.open_rw(&object_path(id)).unwrap().write_at(&[0xff], 50_000).unwrap();
    assert!(matches!(folder.scrub(id), Err(ObjectError::Damaged { .. })));
    assert!(folder.set_aside(id).unwrap());
    assert!(!folder.set_aside(id).unwrap(), "it is there no more");
    assert!(matches!(folder.open_object(id), Err(ObjectError::Missing(_))));
    assert_eq!(folder.list_set_aside().unwrap(), [id]);
    assert_eq!(folder.sweep(|_| false).unwrap(), 0, "no outboard was left behind");

    assert_eq!(write(&folder, &data, 10_007), id);
    folder.scrub(id).unwrap();
    folder.remove(id).unwrap();
    assert!(folder.list_set_aside().unwrap().is_empty(), "what is deleted is deleted whole");
}
