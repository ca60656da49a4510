//! Power cuts: images of the stores of a region at work, made at every operation of their disks, opened
//! again and compared with what had been acknowledged. `scripts/crash-images` looks at a million.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use chartmesh_protocol::store::Table;
use chartmesh_tests::images::{CUTS_MAX, Campaign, Fate, Recording, STORES, Seen, replay};

/// Images in every test run.
const IMAGES: u64 = 2000;

/// Those of some images of cuts at these positions that are wrong.
fn failures(life: &Recording, store: usize, images: usize, at: RangeInclusive<usize>) -> Vec<Seen> {
    let mut failed = Vec::new();
    let each = images.div_ceil(at.clone().count()) as u64;
    let wanted = |cut| if at.contains(&cut) { each } else { 0 };
    life.cut_everywhere((SEED, store), wanted, |seen| {
        if seen.fault.is_some() {
            failed.push(seen);
        }
    });
    failed
}

/// Of the lives that liars are shown to fail on.
const SEED: u64 = 100;

#[test]
fn no_power_cut_at_any_operation_of_a_regions_stores_loses_or_halves_what_was_acknowledged() {
    let tally = Campaign { images: IMAGES, seed: 1, threads: 2 }.run(|_, _| {});
    let failures: Vec<_> = tally.failures.iter().map(|(id, why)| format!("{id} {why}")).collect();
    assert!(failures.is_empty(), "scripts/crash-images --replay IMAGE: {failures:#?}");
    assert!(tally.lived_on > IMAGES / 50, "{tally:?}");
    for cuts in 1..=CUTS_MAX {
        for fate in Fate::ALL {
            assert!(tally.images.contains_key(&(cuts, fate)), "none {fate:?} after cut {cuts}");
        }
    }
    println!("{} images, all sound: {tally:?}", tally.total());
}

#[test]
fn a_disk_that_lies_about_every_sync_is_caught_on_every_store() {
    for (store, recording) in Recording::of_a_region(SEED).into_iter().enumerate() {
        let lying = recording.lying(|_| true);
        let end = lying.operations();
        let found = failures(&lying, store, 21, end / 2..=end / 2 + 20).len();
        assert!(found > 5, "only {found} images of {} failed", STORES[store]);
    }
}

/// What the images are of: a log, packs that come and go, and redb's pages made durable only now and then.
#[test]
fn the_lives_have_packs_that_come_and_go_and_most_transactions_are_durable_in_the_log_alone() {
    let (mut begun, mut gone) = (0, 0);
    for recording in Recording::of_a_region(SEED) {
        let (durable, commits) = (recording.durable(), recording.commits());
        assert!(durable > 2 && durable * 3 < commits, "{durable} of {commits}");
        let packs = recording.packs();
        (begun, gone) = (begun + packs.0, gone + packs.1);
    }
    assert!(begun > 20 && gone > 4, "{begun} packs, {gone} gone");
}

/// Every sync of a transaction matters: without any one of them some image is wrong.
#[test]
fn a_disk_that_lies_about_any_single_sync_is_caught() {
    for (store, recording) in Recording::of_a_region(SEED).iter().enumerate() {
        // All would take minutes.
        for commit in (store..recording.commits()).step_by(9) {
            for sync in recording.syncs_of(commit) {
                let lying = recording.clone().lying(|at| at == sync);
                let end = recording.sync_after(recording.acknowledged(commit));
                let found = failures(&lying, store, 120, sync + 1..=end);
                let name = STORES[store];
                assert!(!found.is_empty(), "sync {sync} of {name} was not missed");
            }
        }
    }
}

#[test]
fn an_object_that_comes_to_its_folder_after_its_row_is_caught() {
    let hospital = Recording::of_a_region(SEED).remove(0);
    let end = hospital.operations();
    assert!(failures(&hospital, 0, 1, end / 2..=end).is_empty());
    let found = failures(&hospital.with_objects_too_late(), 0, 1, end / 2..=end);
    let named =
        |seen: &Seen| seen.fault.as_ref().is_some_and(|why| why.contains("names the object"));
    assert!(!found.is_empty() && found.iter().all(named), "{}", found.len());
}

/// Tables that no step of the road writes: of streams without number, of long lists, of news that is missed, of
/// outboxes that are full, of members that lie, come back without their store, or rotate; of old news of revocations, and of
/// limits that an operator sets.
const ELSEWHERE: [&str; 26] = [
    "federation_fork",
    "federation_held",
    "federation_followed",
    "federation_how_far",
    "federation_rotated",
    "inbox_floor",
    "catalogue_sent_again",
    "catalogue_inner",
    "federation_asked",
    "record_unannounced",
    "news_asked",
    "quota_limit",
    // A store that was put back: `scenarios/tests/put_back.rs`.
    "consent_again",
    "copied",
    "copied_heard",
    // An enrolment that was undone: `scenarios/tests/undone.rs` and `tests/tests/undo.rs`.
    "misfiled",
    "misfiled_said",
    "misfiled_unseen",
    "misfiled_untold",
    "misfiled_to_seal",
    "misfiled_sealed",
    // A grant that was refused for its key: `scenarios/tests/grant_keys.rs`.
    "consent_lacked",
    // Words on where others listen, that proved wrong: `protocol/src/facts/directory/hints.rs`.
    "node_told",
    "log_collected_volume",
    "custody_brought",
    "custody_sought",
];

#[test]
fn the_stores_hold_rows_of_all_our_tables() {
    let mut written: BTreeSet<&str> = ELSEWHERE.into();
    for seed in 1..4 {
        let tables = Recording::of_a_region(seed);
        written.extend(tables.iter().flat_map(Recording::tables).map(Table::name));
    }
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("protocol/src");
    let declared = declared_in(&protocol);
    assert!(declared.len() > 60, "the tables were not found");
    let missing: Vec<_> = declared.iter().filter(|name| !written.contains(&***name)).collect();
    assert!(missing.is_empty(), "no step writes {missing:?}");
}

/// The tables that the sources in a folder declare as public within the crate or to their module.
fn declared_in(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.is_dir() {
            names.extend(declared_in(&file));
        } else {
            let source = fs::read_to_string(file).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            let constants = source.split(": Table = Table::").skip(1);
            names.extend(constants.filter_map(|rest| Some(rest.split('"').nth(1)?.to_owned())));
        }
    }
    // A table of the tests of the map in memory.
    names.remove("t");
    names
}

#[test]
fn an_image_is_made_again_from_its_name() {
    let mut named = Vec::new();
    let life = Recording::of_a_region(SEED);
    let middle = life[3].operations() / 2;
    let wanted = |cut| if cut == middle { 6 } else { 0 };
    life[3].cut_everywhere((SEED, 3), wanted, |seen| named.push(seen));
    assert!(!named.is_empty());
    for seen in named {
        let again = replay(seen.id.to_string().parse().unwrap()).unwrap();
        assert_eq!((again.fates, again.lived_on), (seen.fates, seen.lived_on));
    }
}
