//! How much room the disk of the node's data has left, and what may still be written.
//!
//! ```text
//!  free     everything                what ends something only             nothing
//!  ───────────────────────┬──────────────────────────────────┬──────────────────────> full
//!                       mark                                floor
//! ```
//!
//! * Below the MARK nothing is taken in that would be kept: what others bring is refused, and so is what the node's own people
//!   would add. Reading, deleting, revoking, logging, membership and starting go on; the mark leaves room for their rows.
//! * Below the FLOOR no transaction is begun: a store whose file cannot be written is closed until it is opened anew. A file of some
//!   size, the BALLAST, is kept for that moment. It is given up, and what deletes has room once more. It comes back
//!   when there is plenty again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::limits::{
    BALLAST_BYTES_MAX, FLOOR_BYTES_MAX, INODES_KEPT, KEEP_FREE_BYTES, KEEP_FREE_SHARE,
    KEEP_FREE_SMALL_SHARE,
};

/// What was seen of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// Bytes that this node may still write.
    pub bytes: u64,
    /// Bytes of the whole disk.
    pub of: u64,
    /// Below so many free bytes nothing more is taken in.
    pub mark: u64,
    /// Whether nothing more is taken in now.
    pub low: bool,
    /// Files that can still be made; none where the file system does not count them.
    files: Option<u64>,
}

/// The room that is left for the data of one node.
#[derive(Debug)]
pub struct Room {
    dir: PathBuf,
    keep_free: Option<u64>,
    low: AtomicBool,
}

impl Room {
    /// On the disk of a folder. `keep_free` is the mark in bytes; what suits the disk when nothing is said.
    #[must_use]
    pub fn new(dir: &Path, keep_free: Option<u64>) -> Self {
        Self { dir: dir.to_owned(), keep_free, low: AtomicBool::new(false) }
    }

    /// Looks. Once it is below the mark it stays low until there is a quarter more, so that it does not flap.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn look(&self) -> io::Result<Free> {
        let seen = statvfs(&self.dir)?;
        let (bytes, of) = (seen.f_bavail * seen.f_frsize, seen.f_blocks * seen.f_frsize);
        let files = (seen.f_files > 0).then_some(seen.f_favail);
        let mark = self.keep_free.unwrap_or_else(|| usual_mark(of));
        let was = self.low.load(Ordering::Relaxed);
        let most = |kept: u64| if was { kept.saturating_add(kept / 4) } else { kept };
        let few = files.is_some_and(|files| files < most(INODES_KEPT.min(seen.f_files / 16)));
        let low = bytes < most(mark) || few;
        if self.low.swap(low, Ordering::Relaxed) != low {
            tell(low, bytes, mark);
        }
        Ok(Free { bytes, of, mark, low, files })
    }

    /// Whether a transaction may be begun. The ballast goes for it; what happens then is that something is deleted.
    pub(crate) fn for_a_transaction(&self) -> bool {
        self.is_above_floor() || self.drop_ballast() && self.is_above_floor()
    }

    /// Whether one may be begun without the ballast.
    pub(crate) fn is_above_floor(&self) -> bool {
        self.look().map_or(true, |free| free.bytes >= floor(free.of))
    }

    /// Makes the ballast again, if there is plenty.
    pub(crate) fn restore_ballast(&self) {
        let Ok(free) = self.look() else { return };
        let bytes = ballast(free.of);
        let plenty = !free.low && free.bytes > free.mark.saturating_add(2 * bytes);
        if !plenty || self.ballast().exists() {
            return;
        }
        if let Err(error) = self.fill_ballast(bytes) {
            tracing::warn!(%error, "no room is kept for deleting on a full disk");
            let _gone = fs::remove_file(self.ballast());
        }
    }

    fn ballast(&self) -> PathBuf {
        self.dir.join("ballast")
    }

    fn fill_ballast(&self, bytes: u64) -> io::Result<()> {
        let path = self.ballast();
        let mut file: File =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        if fallocate(&file, FallocateFlags::empty(), 0, bytes).is_err() {
            // Noise: a file system that compresses would keep no room free for zeros.
            let mut noise = [0; 4096];
            for _ in 0..bytes / noise.len() as u64 {
                crate::random(&mut noise);
                file.write_all(&noise)?;
            }
        }
        file.sync_all()
    }

    fn drop_ballast(&self) -> bool {
        let dropped = fs::remove_file(self.ballast()).is_ok();
        if dropped {
            tracing::error!("the disk is full; the room kept for deleting is used now");
        }
        dropped
    }
}

fn tell(low: bool, bytes: u64, mark: u64) {
    match low {
        true => tracing::warn!(
            free = bytes,
            mark,
            "the disk is almost full: nothing more is taken in until there is room"
        ),
        false => tracing::info!(free = bytes, mark, "the disk has room again"),
    }
}

/// A gibibyte or a fiftieth of the disk, whichever is more; of a small disk no more than an eighth.
fn usual_mark(of: u64) -> u64 {
    KEEP_FREE_BYTES.max(of / KEEP_FREE_SHARE).min(of / KEEP_FREE_SMALL_SHARE)
}

fn floor(of: u64) -> u64 {
    FLOOR_BYTES_MAX.min(of / 32)
}

fn ballast(of: u64) -> u64 {
    BALLAST_BYTES_MAX.min(of / 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn the_mark_suits_the_disk() {
        assert_eq!(usual_mark(20 * GIB), GIB);
        assert_eq!(usual_mark(1000 * GIB), 20 * GIB);
        assert_eq!(usual_mark(64 << 20), 8 << 20, "a disk that is smaller than the usual mark");
        for of in [64 << 20, GIB, 20 * GIB, 1000 * GIB] {
            assert!(floor(of) < ballast(of) && ballast(of) <= usual_mark(of), "{of}");
        }
    }

    #[test]
    fn it_stays_low_until_there_is_a_quarter_more() {
        let dir = tempfile::tempdir().unwrap();
        let free = Room::new(dir.path(), Some(1)).look().unwrap();
        assert!(!free.low && free.bytes > 1 && free.of >= free.bytes);
        let above = Room::new(dir.path(), Some(u64::MAX));
        assert!(above.look().unwrap().low);
        // As much free as nine tenths of which: not low by itself, and still low once it was.
        let room = Room::new(dir.path(), Some(free.bytes / 10 * 9));
        assert!(!room.look().unwrap().low);
        room.low.store(true, Ordering::Relaxed);
        assert!(room.look().unwrap().low);
    }

    #[test]
    fn the_ballast_is_made_where_there_is_plenty_and_given_up_once() {
        let dir = tempfile::tempdir().unwrap();
        let room = Room::new(dir.path(), Some(1));
        room.restore_ballast();
        assert_eq!(fs::metadata(room.ballast()).unwrap().len(), ballast(room.look().unwrap().of));
        assert!(room.for_a_transaction() && room.ballast().exists(), "nobody needs it");
        assert!(room.drop_ballast() && !room.drop_ballast());
        Room::new(dir.path(), Some(u64::MAX)).restore_ballast();
        assert!(!room.ballast().exists(), "not below the mark");
    }
}
