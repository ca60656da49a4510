//! The few things this node asks of a file system, as a trait.
//!
//! Everything that must survive a power cut is written against [`Disk`], so that the same compiled
//! code runs on [`RealDisk`] and, in tests, on a disk of the crate `chartmesh-kit` that remembers what was
//! only written and not yet synced, and takes it away at the worst moment.
//!
//! Assumed of the disk below, and of no more: a synced file keeps its bytes; a synced directory
//! keeps its names; a rename happens whole or not at all; 512-byte sectors are not torn.
//!
//! Every call may block: call from a blocking thread.

use std::fmt::Debug;
use std::io;
use std::path::Path;

mod any;
mod real;

pub use any::AnyDisk;
pub use real::RealDisk;

/// A file system, as far as this node needs one. Cloning gives another handle to the same one.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Makes a directory whose parent exists; `false` when it was there already.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn create_dir(&self, path: &Path) -> io::Result<bool>;

    /// Makes a new file, open for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when the name is taken; whatever else the disk says.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the disk says.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the disk says.
    fn open_rw(&self, path: &Path) -> io::Result<Self::File>;

    /// Whether the name exists.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Gives a file another name, replacing a file of that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in no order; names that are not UTF-8 are not ours and left out.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the disk says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in a directory durable: created, renamed and removed ones alike.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Reads up to `buf.len()` bytes at `offset`; fewer, or none, at the end of the file.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `buf` at `offset`; a gap before it reads as zeros.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when there is no room; whatever else the disk says.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Makes the bytes and the length durable. The name is another matter: [`Disk::sync_dir`].
    ///
    /// # Errors
    /// Whatever the disk says.
    fn sync(&self) -> io::Result<()>;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before; whatever else the disk says.
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            let n = self.read_at(buf, offset)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf = &mut buf[n..];
            offset += n as u64;
        }
        Ok(())
    }
}
