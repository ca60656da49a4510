//! The time of a simulation.

use std::time::Duration;

use chartmesh_protocol::time::Timestamp;

/// When every simulation begins: the same as in the other tier.
pub const EPOCH: Timestamp = Timestamp(1_800_000_000_000);

/// Whole milliseconds of a time.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
