//! The bounds of rooms that have no more than one, each with its reason.

use std::time::Duration;

/// The longest path of a Unix socket, in bytes, that every platform takes.
pub(crate) const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Bytes that an answer in JSON may have: the longest listings are far below.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Threads that may block on the disk or compute, at most; they end when idle.
pub(crate) const BLOCKING_THREADS_MAX: usize = 32;

/// How long an idle blocking thread stays.
pub(crate) const BLOCKING_KEPT: Duration = Duration::from_secs(5);
