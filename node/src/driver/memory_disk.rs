//! A disk in memory, for small objects on their way into the store: they are verified by the same
//! code as large ones, and made durable by the store's own commit.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::{ObjectId, TransferId};

use crate::disk::{Disk, DiskFile};
use crate::object_store::{ObjectError, ObjectFolder, Partial};

/// Files by path. Directories exist as soon as they are named.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryDisk(Arc<Mutex<BTreeMap<PathBuf, MemoryFile>>>);

/// A file's bytes; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryFile(Arc<Mutex<Vec<u8>>>);

/// One small object on its way in.
pub(super) struct Small {
    folder: ObjectFolder<MemoryDisk>,
    disk: MemoryDisk,
    transfer: TransferId,
}

const ROOT: &str = "/";

impl Small {
    /// An object of `length` bytes; the caller has seen that it is small.
    pub(super) fn new(
        transfer: TransferId,
        object: ObjectId,
        length: u64,
    ) -> Result<(Self, Partial<MemoryDisk>), ObjectError> {
        let disk = MemoryDisk::default();
        let folder = ObjectFolder::open(disk.clone(), Path::new(ROOT))?;
        let partial = folder.partial(transfer, object, length)?;
        let small = Self { folder, disk, transfer };
        Ok((small, partial))
    }

    /// The bytes that the partial object took.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        drop(self.folder);
        let path = Path::new(ROOT).join("incoming").join(self.transfer.to_string());
        let file = self.disk.lock().remove(&path);
        file.map_or_else(Vec::new, |file| std::mem::take(&mut *file.lock()))
    }
}

impl MemoryDisk {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, MemoryFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, path: &Path) -> io::Result<MemoryFile> {
        let found = self.lock().get(path).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl MemoryFile {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;

    fn create_dir(&self, _path: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn create(&self, path: &Path) -> io::Result<MemoryFile> {
        let mut files = self.lock();
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(files.entry(path.to_owned()).or_default().clone())
    }

    fn open(&self, path: &Path) -> io::Result<MemoryFile> {
        self.find(path)
    }

    fn open_rw(&self, path: &Path) -> io::Result<MemoryFile> {
        self.find(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.lock().contains_key(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.lock();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.lock().remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let files = self.lock();
        let inside = files.keys().filter(|file| file.parent() == Some(path));
        let names = inside.filter_map(|file| file.file_name()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.lock();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let n = buf.len().min(bytes.len() - from);
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = self.lock();
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::StorageFull)?;
        let end = from.checked_add(buf.len()).ok_or(io::ErrorKind::StorageFull)?;
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[from..end].copy_from_slice(buf);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
