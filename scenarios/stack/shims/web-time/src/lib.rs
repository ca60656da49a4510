//! The interface of `web-time` 1 with the runtime's clock, which a simulation can stop.

pub use std::time::{Duration, SystemTime, SystemTimeError, UNIX_EPOCH};
pub use tokio::time::Instant;
