//! How names change under `objects`: the order of these steps is what keeps half objects from
//! being seen (see the table in the parent module).

use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use chartmesh_protocol::id::{ObjectId, TransferId};

use super::{ObjectError, ObjectFolder, cannot};
use crate::disk::Disk;

/// The files that belong to one name under `incoming`.
const SUFFIXES: [&str; 3] = [PROGRESS, "", ".obao4"];
const PROGRESS: &str = ".progress";

impl<D: Disk> ObjectFolder<D> {
    /// Moves the synced files `incoming/<name>` and, if there is one, its outboard to where the
    /// object belongs. Durable when this returns. An object that is there already stays.
    pub(super) fn publish(
        &self,
        name: &str,
        id: ObjectId,
        has_outboard: bool,
    ) -> Result<(), ObjectError> {
        let disk = &self.inner.disk;
        let names = self.names_of(id.as_bytes()[0]);
        self.make_shard(id)?;
        let shard = self.shard_path(id);
        let to = self.object_path(id);
        if !disk.exists(&to).map_err(cannot("look for", &to))? {
            if has_outboard {
                let from = self.incoming_path(&format!("{name}.obao4"));
                disk.rename(&from, &self.outboard_path(id)).map_err(cannot("rename", &from))?;
                disk.sync_dir(&shard).map_err(cannot("sync directory", &shard))?;
            }
            let from = self.incoming_path(name);
            disk.rename(&from, &to).map_err(cannot("rename", &from))?;
        }
        disk.sync_dir(&shard).map_err(cannot("sync directory", &shard))?;
        drop(names);
        self.remove_incoming(name)
    }

    /// Acknowledges an object that is there already: makes sure that its name is durable, which
    /// it need not be when whoever renamed it died before syncing.
    pub(super) fn confirm(&self, id: ObjectId) -> Result<(), ObjectError> {
        self.make_shard(id)?;
        let shard = self.shard_path(id);
        self.inner.disk.sync_dir(&shard).map_err(cannot("sync directory", &shard))
    }

    /// Removes an object; `false` when it was not there. Durable when this returns.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn remove(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let disk = &self.inner.disk;
        let _names = self.names_of(id.as_bytes()[0]);
        let shard = self.shard_path(id);
        self.remove_set_aside(id)?;
        if !disk.exists(&shard).map_err(cannot("look for", &shard))? {
            return Ok(false);
        }
        let was_there = remove_if_there(disk, &self.object_path(id))?;
        // Before the outboard goes: an object without one must not come back. And even when the
        // object was not there: whoever removed it may have died before syncing.
        disk.sync_dir(&shard).map_err(cannot("sync directory", &shard))?;
        remove_if_there(disk, &self.outboard_path(id))?;
        Ok(was_there)
    }

    /// Removes what crashes left behind: files of writers, outboards without their object, and
    /// partial objects whose transfer is not `wanted` any more. Leaves alone what is being
    /// written now. Returns the number of files removed.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn sweep(&self, wanted: impl Fn(TransferId) -> bool) -> Result<u64, ObjectError> {
        let disk = &self.inner.disk;
        let mut removed = 0;
        let incoming = &self.inner.incoming;
        for file in disk.list(incoming).map_err(cannot("list", incoming))? {
            let name = file.split('.').next().unwrap_or_default();
            let keep = name.parse().is_ok_and(&wanted);
            // Holding the name while its file goes: nobody can take it up meanwhile.
            if !keep && let Some(_occupied) = self.occupy(name) {
                *self.inner.unsettled.lock().unwrap_or_else(PoisonError::into_inner) = true;
                removed += u64::from(remove_if_there(disk, &incoming.join(&file))?);
            }
        }
        let objects = &self.inner.objects;
        for shard in disk.list(objects).map_err(cannot("list", objects))? {
            // Another directory is not ours.
            let Ok(number) = u8::from_str_radix(&shard, 16) else {
                continue;
            };
            let _names = self.names_of(number);
            let shard = objects.join(shard);
            for file in disk.list(&shard).map_err(cannot("list", &shard))? {
                let Some(object) = file.strip_suffix(".obao4") else {
                    continue;
                };
                let object = shard.join(object);
                if !disk.exists(&object).map_err(cannot("look for", &object))? {
                    removed += u64::from(remove_if_there(disk, &shard.join(&file))?);
                }
            }
        }
        Ok(removed)
    }

    /// Removes the files of one name under `incoming`. Not synced: if they come back, they are
    /// junk that the next sweep takes.
    pub(super) fn remove_incoming(&self, name: &str) -> Result<(), ObjectError> {
        for suffix in SUFFIXES {
            let path = self.incoming_path(&format!("{name}{suffix}"));
            if remove_if_there(&self.inner.disk, &path)? && suffix == PROGRESS {
                *self.inner.unsettled.lock().unwrap_or_else(PoisonError::into_inner) = true;
            }
        }
        Ok(())
    }

    /// Before a transfer begins anew: makes sure that no removed record of progress can come back
    /// in a power cut, because it would vouch for bytes of the new file that are not synced.
    pub(super) fn settle_incoming(&self) -> Result<(), ObjectError> {
        let mut unsettled = self.inner.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        if *unsettled {
            let dir = &self.inner.incoming;
            self.inner.disk.sync_dir(dir).map_err(cannot("sync directory", dir))?;
            *unsettled = false;
        }
        Ok(())
    }

    /// Makes the directory of an object, durably. It is synced once per process even when it was
    /// there: whoever made it may have died before syncing.
    fn make_shard(&self, id: ObjectId) -> Result<(), ObjectError> {
        let durable = &self.inner.durable[usize::from(id.as_bytes()[0])];
        if durable.load(Ordering::Acquire) {
            return Ok(());
        }
        let (shard, objects) = (self.shard_path(id), &self.inner.objects);
        self.inner.disk.create_dir(&shard).map_err(cannot("make directory", &shard))?;
        self.inner.disk.sync_dir(objects).map_err(cannot("sync directory", objects))?;
        durable.store(true, Ordering::Release);
        Ok(())
    }
}

pub(super) fn remove_if_there(disk: &impl Disk, path: &Path) -> Result<bool, ObjectError> {
    match disk.remove(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(cannot("remove", path)(e)),
    }
}
