//! When the protocol wants to be called again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chartmesh_protocol::peer::Event;
use chartmesh_protocol::time::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::{CLOCK_AHEAD_MAX_MS, DUE_MAX, TICK_EVERY, TICK_PAUSE};
use super::shared::Shared;

/// The times at which something is due.
#[derive(Debug, Default)]
pub(super) struct Timer {
    due: Mutex<BTreeSet<Timestamp>>,
    changed: Notify,
}

impl Timer {
    /// A tick is wanted at this time.
    pub(super) fn wake_at(&self, time: Timestamp) {
        let mut due = self.lock();
        due.insert(time);
        if due.len() > DUE_MAX {
            due.pop_last();
        }
        if due.first() == Some(&time) {
            self.changed.notify_one();
        }
    }

    /// Takes out what is due; tells how long until the next.
    fn take_due(&self, now: Timestamp) -> (bool, Option<Duration>) {
        let mut due = self.lock();
        let later = due.split_off(&now.plus_ms(1));
        let is_due = !due.is_empty();
        *due = later;
        let next = due.first();
        (is_due, next.map(|time| Duration::from_millis(time.since(now))))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Timestamp>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ticks when something is due, and at least every [`TICK_EVERY`].
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ticked = Instant::now();
    let mut ahead = false;
    loop {
        ahead = tell_if_ahead(&shared, ahead);
        let (is_due, next) = shared.timer.take_due(shared.clock.now());
        if is_due || ticked.elapsed() >= TICK_EVERY {
            ticked = Instant::now();
            // A tick that is lost comes again with the next.
            let _lost = shared.submit(Event::Tick, 0).await;
            tokio::time::sleep_until(ticked + TICK_PAUSE).await;
            continue;
        }
        // Never longer than until the next regular tick: the clock may jump meanwhile.
        let wait = next.unwrap_or(TICK_EVERY).min(TICK_EVERY);
        tokio::select! {
            () = tokio::time::sleep_until((Instant::now() + wait).min(ticked + TICK_EVERY)) => {}
            () = shared.timer.changed.notified() => {}
        }
    }
}

/// Says once, loudly, that the time that counts is far from the machine's, and once that it is not.
fn tell_if_ahead(shared: &Shared, before: bool) -> bool {
    let ahead_ms = shared.clock.ahead_ms();
    let ahead = ahead_ms > CLOCK_AHEAD_MAX_MS;
    if ahead && !before {
        tracing::error!(
            ahead_minutes = ahead_ms / 60_000,
            "the machine's clock is behind the time by which this node has worked; others may refuse \
             it. If the machine's clock is right, start the node with `chartmesh run --accept-clock`"
        );
    } else if before && !ahead {
        tracing::info!("the machine's clock has caught up with the time by which this node works");
    }
    ahead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_taken_once_and_the_next_is_told() {
        let timer = Timer::default();
        for time in [300, 100, 200, 100] {
            timer.wake_at(Timestamp(time));
        }
        assert_eq!(timer.take_due(Timestamp(99)), (false, Some(Duration::from_millis(1))));
        assert_eq!(timer.take_due(Timestamp(200)), (true, Some(Duration::from_millis(100))));
        assert_eq!(timer.take_due(Timestamp(300)), (true, None));
        assert_eq!(timer.take_due(Timestamp(300)), (false, None));
    }

    #[test]
    fn of_too_many_times_the_earliest_are_kept() {
        let timer = Timer::default();
        for time in (0..2 * DUE_MAX as u64).rev() {
            timer.wake_at(Timestamp(time));
        }
        assert_eq!(timer.lock().len(), DUE_MAX);
        assert_eq!(timer.lock().first(), Some(&Timestamp(0)));
    }
}
