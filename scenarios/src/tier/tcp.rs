//! TCP's part in one direction of a connection: when a segment may leave, and when it arrives.
//!
//! A segment arrives after what was written before it, after the bytes that the window lets go first, after
//! the link's own time, and later by a retransmission for each time that it is lost. The window opens by slow
//! start (ten segments at first, one more for each that is acknowledged), halves after a loss and begins anew
//! after a pause. What the link does, its rate and time and losses, is the tier's that asks.

use std::collections::VecDeque;
use std::ops::Add;
use std::time::Duration;

/// Bytes in a segment: Ethernet's, less the headers.
pub const SEGMENT: usize = 1448;
/// The window that a connection begins with (RFC 6928).
pub const WINDOW_FIRST: usize = 10 * SEGMENT;
/// The largest window: what Linux lets a receiver advertise by default.
pub const WINDOW_MAX: usize = 6 * 1024 * 1024;
/// The shortest wait before a segment is sent again, in microseconds: Linux's `TCP_RTO_MIN` (RFC 6298 says a
/// second).
pub const RETRANSMIT_US_MIN: u64 = 200_000;
/// The longest wait before a segment is sent again: Linux's `TCP_RTO_MAX`.
const RETRANSMIT_MAX: Duration = Duration::from_secs(120);
/// How often a segment is sent again at most (Linux's `tcp_retries2`); a line that loses everything is cut by an event.
const RETRANSMISSIONS_MAX: u64 = 15;

/// A moment of whatever clock: what [`Tcp`] needs of it.
pub trait Moment: Copy + Ord + Add<Duration, Output = Self> {}

impl<T: Copy + Ord + Add<Duration, Output = T>> Moment for T {}

/// One direction of a connection. For each segment ask when it is [`ready`](Self::ready) to leave and how often it
/// is [`lost`](Self::lost), then say when it was [`sent`](Self::sent).
#[derive(Debug)]
pub struct Tcp<T> {
    /// Bytes that may be under way.
    window: usize,
    /// Beyond it the window opens by a segment a round trip only.
    threshold: usize,
    /// When what was sent will be known to have arrived, and how many bytes.
    unacknowledged: VecDeque<(T, usize)>,
    in_flight: usize,
    /// When the last bit of what was sent leaves.
    busy_until: Option<T>,
    arrives_last: Option<T>,
}

/// What became of a segment that was lost, if it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retransmission {
    /// How often it was sent again.
    pub times: u64,
    /// By how much later that lets it arrive.
    pub later: Duration,
}

impl<T: Moment> Default for Tcp<T> {
    fn default() -> Self {
        Self {
            window: WINDOW_FIRST,
            threshold: WINDOW_MAX,
            unacknowledged: VecDeque::new(),
            in_flight: 0,
            busy_until: None,
            arrives_last: None,
        }
    }
}

impl<T: Moment> Tcp<T> {
    /// Nothing leaves before: the connection does not stand yet.
    pub fn not_before(&mut self, at: T) {
        self.busy_until = Some(at);
    }

    /// When a segment of so many bytes may begin to leave that is written now: after what was sent before it, and
    /// once the window lets it go. `latency` is one way, as the ends have measured it.
    pub fn ready(&mut self, bytes: usize, latency: Duration, now: T) -> T {
        while self.unacknowledged.front().is_some_and(|(known, _)| *known <= now) {
            self.acknowledge();
        }
        if self.busy_until.is_some_and(|until| now > until + patience(latency)) {
            self.window = self.window.min(WINDOW_FIRST);
        }
        let mut leaves = self.busy_until.map_or(now, |until| until.max(now));
        while self.in_flight > 0
            && (self.in_flight + bytes > self.window
                || self.unacknowledged.front().is_some_and(|(known, _)| *known <= leaves))
        {
            leaves = self.acknowledge().map_or(leaves, |known| known.max(leaves));
        }
        leaves
    }

    /// Has a segment be lost as often in a row as the link says; each time the sender waits twice as long and halves
    /// the window.
    pub fn lost(&mut self, latency: Duration, mut is_lost: impl FnMut() -> bool) -> Retransmission {
        let (mut times, mut later, mut wait) = (0, Duration::ZERO, patience(latency));
        while times < RETRANSMISSIONS_MAX && is_lost() {
            times += 1;
            later += wait;
            wait = (wait * 2).min(RETRANSMIT_MAX);
            self.threshold = (self.window / 2).max(2 * SEGMENT);
            self.window = self.threshold;
        }
        Retransmission { times, later }
    }

    /// A segment's last bit leaves at one time, and would arrive at another were it alone; gives when it does. It is
    /// acknowledged a `latency` after that.
    pub fn sent(&mut self, bytes: usize, leaves: T, arrives: T, latency: Duration) -> T {
        // In order: what comes after a lost segment waits for it.
        let arrives = self.after_all(arrives);
        self.busy_until = Some(leaves);
        self.arrives_last = Some(arrives);
        self.unacknowledged.push_back((arrives + latency, bytes));
        self.in_flight += bytes;
        arrives
    }

    /// When something is noticed that would be at `arrives`, and comes after all that was sent.
    pub fn after_all(&self, arrives: T) -> T {
        self.arrives_last.map_or(arrives, |last| last.max(arrives))
    }

    /// What is under way is lost with the link: it will be sent again, from the first window on.
    pub fn start_over(&mut self) {
        self.unacknowledged.clear();
        self.in_flight = 0;
        self.window = WINDOW_FIRST;
    }

    /// The oldest bytes under way are known to have arrived: the window opens.
    fn acknowledge(&mut self) -> Option<T> {
        let (known, bytes) = self.unacknowledged.pop_front()?;
        self.in_flight -= bytes;
        let slow = bytes * SEGMENT / self.window;
        let grown = if self.window < self.threshold { bytes } else { slow };
        self.window = (self.window + grown).min(WINDOW_MAX);
        Some(known)
    }
}

/// How long a sender waits for an acknowledgement: two round trips.
fn patience(latency: Duration) -> Duration {
    (latency * 4).max(Duration::from_micros(RETRANSMIT_US_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Duration = Duration::from_millis(20);

    /// Writes so many segments at once; gives how long the last of them takes.
    fn takes(tcp: &mut Tcp<Duration>, segments: usize, now: Duration) -> Duration {
        let arrivals = (0..segments).map(|_| {
            let leaves = tcp.ready(SEGMENT, LATENCY, now);
            tcp.sent(SEGMENT, leaves, leaves + LATENCY, LATENCY)
        });
        arrivals.last().unwrap() - now
    }

    #[test]
    fn the_window_opens_by_slow_start_and_begins_anew_after_a_pause() {
        let begin = Duration::ZERO;
        assert_eq!(takes(&mut Tcp::default(), 10, begin), LATENCY, "the first window");
        let twice = takes(&mut Tcp::default(), 30, begin);
        assert_eq!(twice, LATENCY * 3, "twice as much a round trip later");
        let mut tcp = Tcp::default();
        assert_eq!(takes(&mut tcp, 70, begin), LATENCY * 5, "and again");
        let soon = begin + Duration::from_millis(200);
        assert_eq!(takes(&mut tcp, 70, soon), LATENCY, "it is open still");
        let late = soon + Duration::from_secs(1);
        assert_eq!(takes(&mut tcp, 70, late), LATENCY * 5, "after a pause it is not");
    }

    #[test]
    fn each_loss_in_a_row_waits_twice_as_long_and_halves_the_window() {
        let mut tcp = Tcp::default();
        let mut losses = [true, true, false].into_iter();
        let lost = tcp.lost(LATENCY, || losses.next().unwrap());
        let wait = Duration::from_micros(RETRANSMIT_US_MIN);
        assert_eq!(lost, Retransmission { times: 2, later: wait * 3 });
        assert_eq!(takes(&mut tcp, 2, Duration::ZERO), LATENCY, "a quarter of the first window");
        assert_eq!(takes(&mut tcp, 1, Duration::ZERO), LATENCY * 3, "which is two segments");
    }

    #[test]
    fn a_line_that_loses_everything_does_not_wait_for_ever() {
        let lost = Tcp::<Duration>::default().lost(LATENCY, || true);
        assert_eq!(lost.times, RETRANSMISSIONS_MAX);
        assert!(lost.later < Duration::from_mins(20), "{lost:?}");
    }

    #[test]
    fn what_follows_a_lost_segment_waits_for_it() {
        let mut tcp = Tcp::default();
        let late = Duration::from_millis(500);
        assert_eq!(tcp.sent(10, Duration::ZERO, late, LATENCY), late);
        assert_eq!(tcp.sent(10, Duration::ZERO, LATENCY, LATENCY), late);
        assert_eq!(tcp.after_all(LATENCY), late);
    }
}
