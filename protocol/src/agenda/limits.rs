//! Every bound of what is tried again, with its reason.

/// Due times that are remembered; the earliest count, and a tick finds all that is due.
pub(super) const DUE_MAX: usize = 1024;

/// Milliseconds before a `hello` that is to be heard is said again, at first; doubled each time.
pub(super) const GREETING_RETRY_MS_MIN: u64 = 1000;

/// How often one is said again at most, in two minutes: who is away for longer says `hello` when it is back.
pub(super) const GREETING_RETRIES_MAX: u32 = 7;

/// Milliseconds before a pull that broke is tried again, at first; doubled each time that nothing came.
pub(super) const PULL_RETRY_MS_MIN: u64 = 1000;

/// The same, at most, while its holder cannot be reached.
pub(super) const PULL_RETRY_MS_MAX: u64 = 60_000;

/// The same after a holder sent something else than the object, or our own disk failed: trying again soon would cost
/// much and bring nothing.
pub(super) const PULL_RETRY_MS_TROUBLE: u64 = 600_000;

/// The same after a holder appeared, so that a connection that comes and goes does not make a pull spin.
pub(super) const PULL_RETRY_MS_APPEARED: u64 = 200;
