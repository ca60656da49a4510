//! Opening an image with the node's own store code, and saying what is wrong with it.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use chartmesh_kit::{FaultyDisk, Loss};
use chartmesh_node::object_store::ObjectFolder;
use chartmesh_node::store::Store;
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::peer::Peer;
use chartmesh_protocol::store::{Changes, Overlay, ReadTxn, Txn, merge};
use chartmesh_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::disk::CrashDisk;
use super::record::{OBJECTS, OPTIONS, Recording, files_on, name};
use super::state::{Rows, read};

/// What may be found after a cut: the rows as last acknowledged, or those under way.
pub(super) struct Allowed<'a> {
    pub(super) acknowledged: &'a Rows,
    /// None at the end, and where the one above was seen already and must stay.
    pub(super) under_way: Option<&'a Rows>,
}

impl Recording {
    /// Opens the image on the disk and gives what it holds, or what is wrong with it. The power is
    /// off afterwards.
    pub(super) fn open<'a>(
        &self,
        disk: &CrashDisk,
        allowed: &Allowed<'a>,
    ) -> Result<&'a Rows, String> {
        let held = quietly(|| {
            let store = self.store_on(disk)?;
            let held = self.held(&store, allowed);
            disk.set_power(false);
            held
        });
        disk.set_power(true);
        held.unwrap_or_else(|| Err("panics".to_owned()))
    }

    fn store_on(&self, disk: &CrashDisk) -> Result<Store, String> {
        Store::open_on(files_on(disk), name(), &self.key, &OPTIONS)
            .map_err(|error| format!("does not open: {error}"))
    }

    fn held<'a>(&self, store: &Store, allowed: &Allowed<'a>) -> Result<&'a Rows, String> {
        let found = read(store, &self.tables).map_err(|error| error.to_string())?;
        if allowed.acknowledged.are(&found) {
            return Ok(allowed.acknowledged);
        }
        let under_way = allowed.under_way.filter(|rows| rows.are(&found));
        under_way.ok_or_else(|| self.name_state(&found))
    }

    /// Whose state was found instead.
    fn name_state(&self, found: &super::state::Found) -> String {
        let mut rows = Rows::default();
        if rows.are(found) {
            return "holds nothing".to_owned();
        }
        for (number, commit) in self.commits.iter().enumerate() {
            rows.change(&commit.changes);
            if rows.are(found) {
                return format!("holds what there was after commit {number}, and no more");
            }
        }
        "holds what there was after no commit".to_owned()
    }

    /// As [`Recording::open`], and its peer starts and resumes on it as on the same rows in memory; the
    /// store is sound in every page, and is closed and opened again. The objects that its rows name
    /// are in their folder, whole.
    pub(super) fn live_on(
        &self,
        disk: &CrashDisk,
        allowed: &Allowed<'_>,
        now: Timestamp,
        objects: Option<&FaultyDisk>,
    ) -> Result<(), String> {
        let lived = quietly(|| {
            let mut store = self.store_on(disk)?;
            let held = self.held(&store, allowed)?;
            let mut memory = held.to_memory().map_err(|error| error.to_string())?;
            let mut batch = store.batch().map_err(|error| error.to_string())?;
            let changes = start(&self.peer, &batch, now)?;
            batch.merge(changes.clone());
            batch.commit().map_err(|error| error.to_string())?;
            let snapshot = store.begin_read().map_err(|error| error.to_string())?;
            let begun = start(&self.peer, &memory, now)?;
            merge(begun, &mut memory).map_err(|error| error.to_string())?;
            if resume(&self.peer, &snapshot, now)? != resume(&self.peer, &memory, now)? {
                return Err("has its peer resume otherwise than the rows say".to_owned());
            }
            if let Some(objects) = objects {
                self.compare_objects(&snapshot, objects)?;
            }
            drop(snapshot);
            if !store.verify().map_err(|error| error.to_string())? {
                return Err("is not sound after its repair".to_owned());
            }
            drop(store);
            let mut after = held.clone();
            after.change(&changes);
            let store = self.store_on(disk)?;
            let found = read(&store, &self.tables).map_err(|error| error.to_string())?;
            disk.set_power(false);
            match after.are(&found) {
                true => Ok(()),
                false => Err("does not keep what is committed after its repair".to_owned()),
            }
        });
        disk.set_power(true);
        lived.unwrap_or_else(|| Err("panics when its peer goes on".to_owned()))
    }

    fn compare_objects(&self, rows: &dyn ReadTxn, disk: &FaultyDisk) -> Result<(), String> {
        let folder = ObjectFolder::open(disk.clone(), Path::new(OBJECTS));
        let folder = folder.map_err(|error| error.to_string())?;
        let held = self.peer.held_objects(rows, None, None, usize::MAX);
        for item in held.map_err(|error| error.to_string())? {
            if item.length > SMALL_OBJECT_BYTES_MAX as u64 {
                folder.scrub(item.object).map_err(|error| {
                    format!("names the object {}, and {error}", item.object.short())
                })?;
            }
        }
        Ok(())
    }
}

/// The disk for objects, as a power cut left it.
pub(super) fn cut(disk: &FaultyDisk, choice: u64) -> FaultyDisk {
    disk.restart(match choice % 4 {
        0 => Loss::Everything,
        1 => Loss::Names,
        2 => Loss::Bytes,
        _ => Loss::Some { seed: choice },
    })
}

fn start(peer: &Peer, rows: &impl ReadTxn, now: Timestamp) -> Result<Changes, String> {
    let mut overlay = Overlay::new(rows);
    let txn: &mut dyn Txn = &mut overlay;
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    peer.start(txn, now, &mut rng)
        .map_err(|error| format!("has a peer that does not start: {error}"))?;
    Ok(overlay.into_changes())
}

fn resume(peer: &Peer, rows: &dyn ReadTxn, now: Timestamp) -> Result<String, String> {
    let effects = peer.resume(rows, now);
    let effects = effects.map_err(|error| format!("has a peer that does not resume: {error}"))?;
    Ok(format!("{effects:?}"))
}

/// None when `work` panics, without the message and backtrace that would fill the output: on the
/// images of a lying disk redb panics by the hundred.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    thread_local! { static QUIET: Cell<bool> = const { Cell::new(false) }; }
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    result.ok()
}
