//! What can go wrong with an object.

use std::io;
use std::path::{Path, PathBuf};

use chartmesh_protocol::id::{ObjectId, TransferId};

/// What went wrong with an object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The object is not in this folder.
    #[error("object {0} is not here")]
    Missing(ObjectId),
    /// The object is in this folder and not what it should be.
    #[error("object {id} is damaged: {what}; fetch it again from another holder")]
    Damaged {
        /// The object.
        id: ObjectId,
        /// How it was noticed.
        what: &'static str,
    },
    /// Someone is receiving this transfer already.
    #[error("transfer {0} is being received already")]
    Busy(TransferId),
    /// Our own mistake: verified bytes that do not continue this partial object.
    #[error("verified bytes at {found} offered to a partial object at {expected}")]
    OutOfStep {
        /// Where the partial object goes on.
        expected: u64,
        /// What was offered.
        found: u64,
    },
    /// Finish was called while bytes are missing.
    #[error("the object has {have} of {len} bytes")]
    Unfinished {
        /// Bytes here.
        have: u64,
        /// Bytes in all.
        len: u64,
    },
    /// The blocking thread ended before its work did: the node is stopping.
    #[error("the work on the disk was given up: {0}")]
    Worker(io::Error),
    /// The disk failed or is full.
    #[error("cannot {doing} {}: {source}", path.display())]
    Disk {
        /// What was attempted.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

/// Turns a disk's error into one that says what was attempted.
pub(super) fn cannot<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ObjectError + 'a {
    move |source| ObjectError::Disk { doing, path: path.to_owned(), source }
}
