//! The bounds of rooms that have no more than one, each with its reason.

use std::time::Duration;

/// Bytes of the disk that are left free when nothing is said: room for weeks of what is written below the mark.
pub(crate) const KEEP_FREE_BYTES: u64 = 1 << 30;

/// The share of a large disk that is left free: file systems slow down, and operators need time, before it is full.
pub(crate) const KEEP_FREE_SHARE: u64 = 50;

/// The share of a small disk that is left free at most.
pub(crate) const KEEP_FREE_SMALL_SHARE: u64 = 8;

/// Files that it must still be possible to make.
pub(crate) const INODES_KEPT: u64 = 1024;

/// Free bytes below which no transaction is begun, at most: more than a transaction writes.
pub(crate) const FLOOR_BYTES_MAX: u64 = 16 << 20;

/// Bytes of the ballast at most: some hundred transactions that delete.
pub(crate) const BALLAST_BYTES_MAX: u64 = 32 << 20;

/// The longest path of a Unix socket, in bytes, that every platform takes.
pub(crate) const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Bytes that an answer in JSON may have: the longest listings are far below.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Threads that may block on the disk or compute, at most; they end when idle.
pub(crate) const BLOCKING_THREADS_MAX: usize = 32;

/// How long an idle blocking thread stays.
pub(crate) const BLOCKING_KEPT: Duration = Duration::from_secs(5);
