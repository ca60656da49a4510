//! Writing an object whose id only its last byte decides.

use chartmesh_protocol::id::ObjectId;

use super::tree::{Builder, GROUP_LEN};
use super::{BATCH, ObjectError, ObjectFolder, Occupied, cannot};
use crate::disk::{Disk, DiskFile as _};

/// Takes an object's bytes from first to last, hashing as they pass. Memory: two [`BATCH`]es.
///
/// Dropping it before [`ObjectWriter::finish`] throws the bytes away; a crash leaves junk that
/// [`ObjectFolder::sweep`] removes.
#[derive(Debug)]
pub struct ObjectWriter<D: Disk> {
    folder: ObjectFolder<D>,
    files: Option<Files<D>>,
    builder: Builder,
    /// Bytes not yet hashed; the last group of an object must be told apart from the others, so
    /// at least one byte is held back.
    waiting: Vec<u8>,
    pairs: Vec<u8>,
    written: u64,
    pairs_written: u64,
}

/// An object that is durably in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub id: ObjectId,
    /// Its length in bytes.
    pub len: u64,
}

#[derive(Debug)]
struct Files<D: Disk> {
    occupied: Occupied<D>,
    object: D::File,
    outboard: Option<D::File>,
}

impl<D: Disk> ObjectWriter<D> {
    pub(super) fn new(folder: ObjectFolder<D>) -> Self {
        Self {
            folder,
            files: None,
            builder: Builder::default(),
            waiting: Vec::new(),
            pairs: Vec::new(),
            written: 0,
            pairs_written: 0,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ObjectError::Disk`]; the writer is of no more use then.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), ObjectError> {
        let batch = usize::try_from(BATCH).expect("a batch fits in memory");
        while !bytes.is_empty() {
            if self.waiting.len() == batch {
                self.write_groups()?;
            }
            let n = bytes.len().min(batch - self.waiting.len());
            self.waiting.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Puts the object into the folder, durably.
    ///
    /// # Errors
    /// [`ObjectError::Disk`]; the object is not acknowledged then.
    pub fn finish(mut self) -> Result<Written, ObjectError> {
        let last = self.waiting.len().saturating_sub(1) / GROUP_LEN * GROUP_LEN;
        let mut builder = std::mem::take(&mut self.builder);
        for group in self.waiting[..last].chunks(GROUP_LEN) {
            builder.push(group, &mut self.pairs);
        }
        let id = ObjectId(builder.finish(&self.waiting[last..], &mut self.pairs));
        self.write_waiting()?;
        let len = self.written;
        let files = self.files()?;
        let name = files.occupied.name.clone();
        files.object.sync().map_err(cannot("sync", name.as_ref()))?;
        if let Some(outboard) = &files.outboard {
            outboard.sync().map_err(cannot("sync outboard of", name.as_ref()))?;
        }
        let has_outboard = files.outboard.is_some();
        self.folder.publish(&name, id, has_outboard)?;
        Ok(Written { id, len })
    }

    /// Hashes and writes what waits: whole groups that more bytes follow.
    fn write_groups(&mut self) -> Result<(), ObjectError> {
        for group in self.waiting.chunks(GROUP_LEN) {
            self.builder.push(group, &mut self.pairs);
        }
        self.write_waiting()
    }

    fn write_waiting(&mut self) -> Result<(), ObjectError> {
        let (waiting, pairs) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.pairs));
        let (written, pairs_written) = (self.written, self.pairs_written);
        let folder = self.folder.clone();
        let files = self.files()?;
        let path = folder.incoming_path(&files.occupied.name);
        files.object.write_at(&waiting, written).map_err(cannot("write", &path))?;
        if !pairs.is_empty() {
            let outboard = match &mut files.outboard {
                Some(outboard) => outboard,
                none => {
                    let path = folder.incoming_path(&format!("{}.obao4", files.occupied.name));
                    none.insert(folder.inner.disk.create(&path).map_err(cannot("create", &path))?)
                }
            };
            outboard.write_at(&pairs, pairs_written).map_err(cannot("write outboard of", &path))?;
        }
        self.written += waiting.len() as u64;
        self.pairs_written += pairs.len() as u64;
        (self.waiting, self.pairs) = (waiting, pairs);
        self.waiting.clear();
        self.pairs.clear();
        Ok(())
    }

    /// The files, made at the first need under a name that no earlier process left behind.
    fn files(&mut self) -> Result<&mut Files<D>, ObjectError> {
        if self.files.is_none() {
            self.files = Some(self.new_files()?);
        }
        Ok(self.files.as_mut().expect("they were just made"))
    }

    fn new_files(&self) -> Result<Files<D>, ObjectError> {
        loop {
            let name = self.folder.new_name();
            let Some(occupied) = self.folder.occupy(&name) else {
                continue;
            };
            // What a process left behind before us and nobody swept yet.
            self.folder.remove_incoming(&name)?;
            let path = self.folder.incoming_path(&name);
            let object = self.folder.inner.disk.create(&path).map_err(cannot("create", &path))?;
            return Ok(Files { occupied, object, outboard: None });
        }
    }
}

impl<D: Disk> Drop for ObjectWriter<D> {
    fn drop(&mut self) {
        if let Some(files) = &self.files {
            // What cannot be removed now, the next sweep removes.
            let _ = self.folder.remove_incoming(&files.occupied.name);
        }
    }
}
