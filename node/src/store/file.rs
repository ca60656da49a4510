//! The file below: locked while open, and named only when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::StorageBackend;

use super::{CreateError, OpenError};

/// Opens the file at `path` for this process alone.
pub(super) fn open(path: &Path) -> Result<LockedFile, OpenError> {
    let io_error = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path: path.into() },
        _ => OpenError::Io { path: path.into(), source },
    };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => Ok(LockedFile { file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(io_error(source)),
    }
}

/// A file held open under a lock that goes when it is closed, or when the process dies.
#[derive(Debug)]
pub(super) struct LockedFile {
    file: File,
}

impl StorageBackend for LockedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn close(&self) -> io::Result<()> {
        self.file.unlock()
    }
}

/// A store in the making, under another name; what a crash leaves of it is overwritten by the
/// next attempt.
pub(super) struct Draft {
    file: File,
    draft: PathBuf,
    path: PathBuf,
}

impl Draft {
    /// A draft of the file at `path`.
    pub(super) fn beside(path: &Path) -> Result<Self, CreateError> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        let fault = |source| fault(path, source);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            // Not before the lock: another process may be writing it.
            .truncate(false)
            .mode(0o600)
            .open(&draft)
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CreateError::InUse { path: path.into() });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        // After the lock: whoever held it may have just finished.
        if path.try_exists().map_err(fault)? {
            return Err(CreateError::Exists { path: path.into() });
        }
        file.set_len(0).map_err(fault)?;
        Ok(Self { file, draft, path: path.into() })
    }

    /// The file to write to. The lock belongs to the open file, so it outlives the renaming.
    pub(super) fn backend(&self) -> Result<LockedFile, CreateError> {
        let file = self.file.try_clone();
        Ok(LockedFile { file: file.map_err(|source| fault(&self.path, source))? })
    }

    /// Gives the finished file its name, durably.
    pub(super) fn publish(self) -> Result<(), CreateError> {
        let publish = || {
            self.file.sync_all()?;
            fs::rename(&self.draft, &self.path)?;
            let directory = self.path.parent().unwrap_or(Path::new(""));
            let here = Path::new(".");
            let directory = if directory == "" { here } else { directory };
            File::open(directory)?.sync_all()
        };
        publish().map_err(|source| fault(&self.path, source))
    }
}

fn fault(path: &Path, source: io::Error) -> CreateError {
    CreateError::Fault { path: path.into(), source: redb::Error::Io(source) }
}
