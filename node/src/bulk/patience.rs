//! How long a stream waits.

use std::time::Duration;

/// How long to wait for a peer.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest time without a single byte within a request or an answer.
    pub stall: Duration,
    /// The longest time that a stream may stay open between two requests.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: Duration::from_secs(30), idle: Duration::from_secs(60) }
    }
}
