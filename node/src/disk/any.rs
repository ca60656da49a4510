//! A disk whose kind is chosen when the program runs.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Disk, DiskFile, RealDisk};

/// Any disk: the machine's in a node, one in memory in a simulation. By default the machine's.
#[derive(Clone, Debug)]
pub struct AnyDisk(Arc<dyn Erased>);

impl AnyDisk {
    /// This disk.
    pub fn new(disk: impl Disk) -> Self {
        Self(Arc::new(disk))
    }
}

impl Default for AnyDisk {
    fn default() -> Self {
        Self::new(RealDisk)
    }
}

/// [`Disk`] without a type for its files.
trait Erased: Debug + Send + Sync {
    fn create_dir(&self, path: &Path) -> io::Result<bool>;
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn open_rw(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn exists(&self, path: &Path) -> io::Result<bool>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

fn boxed<F: DiskFile>(file: F) -> Box<dyn DiskFile> {
    Box::new(file)
}

impl<D: Disk> Erased for D {
    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        Disk::create_dir(self, path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Disk::create(self, path).map(boxed)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Disk::open(self, path).map(boxed)
    }

    fn open_rw(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Disk::open_rw(self, path).map(boxed)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Disk::exists(self, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk::rename(self, from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk::remove(self, path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk::list(self, path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk::sync_dir(self, path)
    }
}

impl Disk for AnyDisk {
    type File = Box<dyn DiskFile>;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        self.0.create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Self::File> {
        self.0.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Self::File> {
        self.0.open(path)
    }

    fn open_rw(&self, path: &Path) -> io::Result<Self::File> {
        self.0.open_rw(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.0.exists(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }
}

impl DiskFile for Box<dyn DiskFile> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        (**self).write_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn sync(&self) -> io::Result<()> {
        (**self).sync()
    }
}
