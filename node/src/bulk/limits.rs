//! Every bound of streams of objects, with its reason.

/// The longest request of any version; what is longer is not read.
pub(super) const REQUEST_BYTES_MAX: usize = 256;

/// Permission is asked for again after this many bytes: what a peer gets at most after a
/// revocation arrived here.
pub const RECHECK: u64 = 16 * 1024 * 1024;

/// Batches a sender holds, 4 MiB: half of them on their way out while the others are read.
pub(super) const BUFFERS_SENDING: usize = 8;

/// Batches a receiver holds, 12 MiB: what arrives at 600 MB/s while the disk is busy for 20 ms.
pub(super) const BUFFERS_RECEIVING: usize = 24;

/// Batches handed to the blocking thread together; with the one being read and those that wait
/// between, [`BUFFERS_RECEIVING`] in all.
pub(super) const BATCHES_AT_ONCE: usize = 4;
