//! Every bound of the store, with its reason.

use std::time::Duration;

/// Bytes of a pack, after which another is begun: few files at a million entries, and compacting one copies little.
pub(super) const PACK_BYTES_MAX: u64 = 64 << 20;

/// Groups after which redb's pages are made durable, at the latest: so many at most are read from the log again after
/// a crash.
pub(super) const GROUPS_UNTIL_DURABLE_MAX: u64 = 64;

/// Bytes of the log after which they are: read again in a fraction of a second.
pub(super) const BYTES_UNTIL_DURABLE_MAX: u64 = 32 << 20;

/// How long after they were the next group makes them durable.
pub(super) const UNTIL_DURABLE_MAX: Duration = Duration::from_secs(2);

/// Values shorter than this stand in redb, whatever the table: naming their place would take as much.
pub(super) const BODY_BYTES_MIN: usize = 64;

/// Packs whose files are held open: what is read most is in the newest, and a process may have a thousand.
pub(super) const PACKS_OPEN_MAX: usize = 128;

/// Bytes of a pack that one step of compacting reads: some milliseconds, so that nobody waits for it.
pub(super) const SLICE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of one step of erasing that are overwritten, at most: a few milliseconds of a disk's work.
pub(super) const ERASE_BYTES_MAX: u64 = 1 << 20;

/// Values that one step of erasing overwrites, at most: each is a write of its own.
pub(super) const ERASE_VALUES_MAX: usize = 256;
