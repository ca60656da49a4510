//! Why a keystore is not to be had.

use std::io;
use std::path::{Path, PathBuf};

use super::sealed_box::BoxError;
use super::secrets::ContentsError;
use super::unlock::UnlockError;

/// Why a keystore could not be read or written. One type for all operations, because each of them
/// reads or writes the same file under the same lock.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// There is a file already.
    #[error("{} exists already; open it, or choose another data directory", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No such file.
    #[error("there is no keystore at {}; check the data directory, or make a node with `chartmesh init`", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Others than the owner may read or write the file.
    #[error("{} has mode {mode:04o}, which lets others at it; run `chmod 600 {}`, and consider who may have read it", .path.display(), .path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The passphrase or key could not be had.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The keystore does not open.
    #[error("the keystore {}: {source}", .path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        source: BoxError,
    },
    /// It opened, and holds something that this program did not write.
    #[error("the keystore {} opened, but {source}; use the newer program that made it", .path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: ContentsError,
    },
    /// The disk failed.
    #[error("the keystore {}: {source}; check the disk and the permissions of the directory", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

impl KeystoreError {
    pub(super) fn of_box(path: &Path, source: BoxError) -> Self {
        Self::Sealed { path: path.into(), source }
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> KeystoreError {
    KeystoreError::Io { path: path.into(), source }
}
