//! Why a store was not made, or does not open.

use std::io;
use std::path::{Path, PathBuf};

use chartmesh_protocol::store::StoreError;

use super::header::HeaderError;

/// Why a store could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is a file already.
    #[error("{} exists already; open it, or choose another data directory", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process is making a store in the same place.
    #[error("another process is making a store at {}; wait for it to end", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The disk failed.
    #[error("cannot make the store {}: {source}; check the disk and its free space", .path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: redb::Error,
    },
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such file.
    #[error("there is no store at {}; check the data directory; if the store is lost, `chartmesh init --new-store` makes an empty one under the same keys", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("the store {} is in use by another node; stop that one first", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The storage key is not the one that the store was made with.
    #[error("the storage key does not fit the store {}; it belongs to another keystore, so look for the keystore that was made with it", .path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// A newer program made it.
    #[error("the store {} has version {version}, which this program does not know; use the newer program that made it", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it states.
        version: u16,
    },
    /// Not a store, or one that something other than a crash has altered.
    #[error("{} is not a whole store: {why}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The disk failed.
    #[error("cannot read the store {}: {source}; check the disk and the file's permissions", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

/// [`OpenError`] before the path is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenFault {
    #[error("its length of {0} bytes is none that a store can have")]
    Length(u64),
    #[error("a page that leads to the others is altered")]
    Noise,
    #[error("its pack {pack} is damaged: {why}")]
    Pack { pack: u32, why: String },
    #[error(transparent)]
    Row(#[from] StoreError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] redb::Error),
}

impl OpenFault {
    pub(super) fn at(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Header(HeaderError::WrongKey) => OpenError::WrongKey { path },
            Self::Header(HeaderError::Version(version)) => OpenError::Version { path, version },
            Self::Io(source) | Self::Database(redb::Error::Io(source)) => {
                OpenError::Io { path, source }
            }
            other => OpenError::Damaged { path, why: other.to_string() },
        }
    }
}
