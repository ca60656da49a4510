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

/// How often what was deleted is overwritten, when something is written at all: a key or an entry that is to be gone is
/// gone from the log, too, and nobody waits for it longer than an hour.
pub(super) const ERASE_EVERY: Duration = Duration::from_secs(15 * 60);

/// Batches in a row that the storage may fail before the node stops: a disk that is full for a
/// moment is not the end, one that is broken is.
pub(super) const FAULTS_MAX: u32 = 3;

/// Pulls at once: each holds up to 8 MiB of buffers.
pub(super) const PULLS_MAX: usize = 8;

/// A tick at least this often: catches a due time that was missed, at one small commit a minute.
pub(super) const TICK_EVERY: Duration = Duration::from_secs(60);

/// How often the room on the disk is looked at, besides before what is large: a disk that others fill is noticed
/// within seconds.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Milliseconds by which the time that counts may be ahead of the machine's clock before the operator
/// is told: clocks are corrected by seconds, and tokens are judged with two minutes of tolerance.
pub(crate) const CLOCK_AHEAD_MAX_MS: u64 = 2 * 60 * 1000;

/// How long a stop waits for tasks under way to notice.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Objects that one step of a check looks at: what a front door waits for, and what one event tells.
pub(super) const CHECK_OBJECTS_MAX: usize = 1024;

/// Bytes that one step of a check reads before it answers: some tenths of a second of a disk's work.
pub(super) const CHECK_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a command weighs in the queue, in bytes: their own bounds keep them about there.
pub(super) const COMMAND_BYTES: usize = 64 * 1024;

/// How many pulls that have ended are still told of: enough for a person to see what just happened.
pub(super) const ENDED_KEPT: usize = 32;

/// Institutions that are greeted at the same time after a start.
pub(super) const GREETINGS_AT_ONCE: usize = 4;
