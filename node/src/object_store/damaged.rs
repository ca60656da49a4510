//! Objects that are not what they should be any more. They are set aside and not thrown away: what is
//! left of one may be all that there is.

use std::io;

use chartmesh_protocol::id::ObjectId;

use super::publish::remove_if_there;
use super::{ObjectError, ObjectFolder, cannot};
use crate::disk::Disk;

/// What Linux says when the disk itself cannot read (`EIO`), or the file system is damaged (`EUCLEAN`).
const UNREADABLE: [i32; 2] = [5, 117];

impl ObjectError {
    /// Whether this one file cannot be read, rather than the disk not be used now.
    #[must_use]
    pub fn is_the_files_fault(&self) -> bool {
        let Self::Disk { source, .. } = self else { return false };
        source.kind() == io::ErrorKind::UnexpectedEof
            || source.raw_os_error().is_some_and(|code| UNREADABLE.contains(&code))
    }
}

impl<D: Disk> ObjectFolder<D> {
    /// Takes a damaged object from its place, so that it can be received again; `false` when it was
    /// not there. A power cut may bring it back to its place, where it is found damaged again.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn set_aside(&self, id: ObjectId) -> Result<bool, ObjectError> {
        let (disk, damaged) = (&self.inner.disk, &self.inner.damaged);
        let _names = self.names_of(id.as_bytes()[0]);
        disk.create_dir(damaged).map_err(cannot("make directory", damaged))?;
        let (from, to) = (self.object_path(id), damaged.join(id.to_string()));
        match disk.rename(&from, &to) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(cannot("rename", &from))?,
        }
        let shard = self.shard_path(id);
        for dir in [damaged, &shard] {
            disk.sync_dir(dir).map_err(cannot("sync directory", dir))?;
        }
        // Only now: an object without its outboard must not come back.
        remove_if_there(disk, &self.outboard_path(id))?;
        Ok(true)
    }

    /// The objects that were set aside, in no order.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn list_set_aside(&self) -> Result<Vec<ObjectId>, ObjectError> {
        let damaged = &self.inner.damaged;
        match self.inner.disk.list(damaged) {
            Ok(names) => Ok(names.iter().filter_map(|name| name.parse().ok()).collect()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(cannot("list", damaged)(e)),
        }
    }

    /// Removes an object that was set aside. Nothing when there is none.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn remove_set_aside(&self, id: ObjectId) -> Result<(), ObjectError> {
        let path = self.inner.damaged.join(id.to_string());
        if remove_if_there(&self.inner.disk, &path)? {
            let damaged = &self.inner.damaged;
            self.inner.disk.sync_dir(damaged).map_err(cannot("sync directory", damaged))?;
        }
        Ok(())
    }
}
