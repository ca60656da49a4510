//! The interface of `futures-timer` 3, which runs a thread by the machine's clock, over tokio's timers,
//! which run by the runtime's: the same in a node, and simulated time in a simulation.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A future that is ready after a time.
#[derive(Debug)]
pub struct Delay(Pin<Box<Sleep>>);

impl Delay {
    /// Ready after `wait`.
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        Self(Box::pin(sleep(wait)))
    }

    /// Ready `wait` from now, whether it was ready or not.
    pub fn reset(&mut self, wait: Duration) {
        self.0.as_mut().reset(Instant::now() + wait);
    }
}

impl Future for Delay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}
