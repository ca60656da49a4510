//! Every bound of the driver, with its reason.

use std::time::Duration;

/// Events in one transaction: enough that a sync is shared by all who wait, few enough that the
/// first of them does not wait long for the last.
pub(super) const BATCH_EVENTS_MAX: usize = 256;

/// Bytes written in one transaction: they stand in memory until the commit.
pub(super) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long a transaction takes further events. It never waits for one: what is there is
/// committed at once.
pub(super) const BATCH_TIME_MAX: Duration = Duration::from_millis(5);

/// Events that wait for the writer.
pub(super) const QUEUE_EVENTS_MAX: usize = 1024;

/// KiB of messages that wait for the writer, in all.
pub(super) const QUEUE_KIB_MAX: u32 = 32 * 1024;

/// Requests of other nodes that are being checked or wait for the writer; whoever comes then is
/// told "busy".
pub(super) const INBOUND_MAX: usize = 256;

/// Batches in a row that the storage may fail before the node stops: a disk that is full for a
/// moment is not the end, one that is broken is.
pub(super) const FAULTS_MAX: u32 = 3;

/// Pulls at once: each holds up to 8 MiB of buffers.
pub(super) const PULLS_MAX: usize = 8;

/// First wait before a pull that broke is tried again; doubled each time that nothing came.
pub(super) const PULL_RETRY_MIN: Duration = Duration::from_secs(1);

/// Longest wait before a pull is tried again while its holder cannot be reached.
pub(super) const PULL_RETRY_MAX: Duration = Duration::from_secs(60);

/// Wait after a holder sent something else than the object, or our own disk failed: trying again
/// soon would cost much and bring nothing.
pub(super) const PULL_RETRY_TROUBLE: Duration = Duration::from_secs(600);

/// Wait after a holder appeared, so that a connection that comes and goes does not make a pull
/// spin.
pub(super) const PULL_RETRY_ARRIVED: Duration = Duration::from_millis(200);

/// How often a pull in progress looks whether it is still wanted.
pub(super) const PULL_WANTED_EVERY: Duration = Duration::from_secs(10);

/// A tick at least this often: catches a due time that was missed, at one small commit a minute.
pub(super) const TICK_EVERY: Duration = Duration::from_secs(60);

/// Time between two ticks at least: something that is always due must not keep the disk busy.
pub(super) const TICK_PAUSE: Duration = Duration::from_millis(20);

/// Milliseconds by which the time that counts may be ahead of the machine's clock before the operator
/// is told: clocks are corrected by seconds, and tokens are judged with two minutes of tolerance.
pub(crate) const CLOCK_AHEAD_MAX_MS: u64 = 2 * 60 * 1000;

/// Due times that are remembered; the earliest count, and a tick finds all that is due.
pub(super) const DUE_MAX: usize = 1024;

/// How long a stop waits for tasks under way to notice.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Objects that one step of a check looks at: what a front door waits for, and what one event tells.
pub(super) const CHECK_OBJECTS_MAX: usize = 1024;

/// Bytes that one step of a check reads before it answers: some tenths of a second of a disk's work.
pub(super) const CHECK_BYTES_MAX: u64 = 256 * 1024 * 1024;
