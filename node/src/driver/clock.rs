//! The only place that reads the clock.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use chartmesh_protocol::time::Timestamp;
use tokio::time::Instant;

/// Where the time of day comes from. By default the system says it.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    /// The time of day is what `read` says: for a simulation, whose time is its own.
    pub fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new(system)
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WallClock({:?})", self.read())
    }
}

/// UTC in milliseconds. While the node runs it follows the system's clock forwards; when that
/// jumps back, it goes on by the machine's steady clock, so that time neither returns nor stands
/// still. Nor does it begin before the protocol's time, which outlives a restart: then everything
/// here works by one time, and a machine whose clock was once far ahead is told as such.
#[derive(Debug)]
pub(super) struct Clock {
    wall: WallClock,
    latest: Mutex<(Instant, Timestamp)>,
    /// Whether a jump was logged: once is enough.
    said: AtomicBool,
}

/// A clock that is slewed lags by less; from here on it is a jump, and worth a line in the log.
const JUMP_MS: u64 = 1000;

impl Clock {
    /// `at_least` gives the time that counts when the system says this.
    pub(super) fn new<E>(
        wall: WallClock,
        at_least: impl FnOnce(Timestamp) -> Result<Timestamp, E>,
    ) -> Result<Self, E> {
        let latest = Mutex::new((Instant::now(), at_least(wall.read())?));
        Ok(Self { wall, latest, said: AtomicBool::new(false) })
    }

    /// By how much it is ahead of the system's clock.
    pub(super) fn ahead_ms(&self) -> u64 {
        self.now().since(self.wall.read())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.at(Instant::now(), self.wall.read())
    }

    fn at(&self, steady: Instant, system: Timestamp) -> Timestamp {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, time) = *latest;
        let passed = steady.saturating_duration_since(then).as_millis();
        let at_least = time.plus_ms(u64::try_from(passed).unwrap_or(u64::MAX));
        if system >= at_least {
            *latest = (steady, system);
            return system;
        }
        let behind_ms = at_least.since(system);
        if behind_ms >= JUMP_MS && !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(behind_ms, "the system's clock was set back; going on without it");
        }
        at_least
    }
}

fn system() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_follows_the_clock_forwards_and_goes_on_when_it_jumps_back() {
        let clock = Clock::new(WallClock::default(), Ok::<_, ()>).unwrap();
        let (start, begin) = *clock.latest.lock().unwrap();
        let later = |ms| start + Duration::from_millis(ms);
        assert_eq!(clock.at(later(10), begin.plus_ms(5000)), begin.plus_ms(5000));
        let back = Timestamp(begin.0 - 3_600_000);
        assert_eq!(clock.at(later(20), back), begin.plus_ms(5010));
        assert_eq!(clock.at(later(1020), back.plus_ms(1000)), begin.plus_ms(6010));
        assert_eq!(clock.at(later(1030), begin.plus_ms(9000)), begin.plus_ms(9000));
    }

    #[test]
    fn it_begins_no_earlier_than_the_time_that_counts_and_goes_on_from_there() {
        let year = 365 * 24 * 3600 * 1000;
        let ahead = |system: Timestamp| Ok::<_, ()>(system.plus_ms(year));
        let clock = Clock::new(WallClock::default(), ahead).unwrap();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!((year - 60_000..=year).contains(&clock.ahead_ms()));
    }
}
