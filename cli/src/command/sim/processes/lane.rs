//! One direction of a connection, as TCP would keep it over the scenario's link: when each segment arrives.
//!
//! The rule is that of the stack tier (`scenarios/stack/src/link.rs`): a segment arrives after what was
//! written before it, after the bytes that the window lets go first, after the link's own time, and later
//! by a retransmission for each time that it is lost. The window opens by slow start, halves after a loss
//! and begins anew after a pause. Two things are the core tier's: the latency is drawn anew for what is
//! written at once, and the rate is that of a party's whole line.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chartmesh_scenarios::scenario::{Link, Loss};
use chartmesh_scenarios::tier::Chance;
use tokio::time::Instant;

/// Bytes in a segment: Ethernet's, less the headers.
pub(super) const SEGMENT: usize = 1448;
/// The window that a connection begins with (RFC 6928).
const WINDOW_FIRST: usize = 10 * SEGMENT;
/// The largest window: what Linux lets a receiver advertise by default.
const WINDOW_MAX: usize = 6 * 1024 * 1024;
/// The shortest wait before a segment is sent again (Linux's `TCP_RTO_MIN`).
const RETRANSMIT_MIN: Duration = Duration::from_millis(200);

/// When the last bit that a party sent leaves its line; shared by all its connections.
pub(super) type Line = Arc<Mutex<Option<Instant>>>;

/// One direction of a connection.
pub(super) struct Lane {
    link: Link,
    chance: Chance,
    line: Line,
    window: usize,
    threshold: usize,
    /// When what was sent will be known to have arrived, and how many bytes.
    unacknowledged: VecDeque<(Instant, usize)>,
    in_flight: usize,
    /// When the last segment leaves.
    busy_until: Option<Instant>,
    arrives_last: Option<Instant>,
    /// Whether the bad state of a bursty loss holds.
    bad: bool,
    /// Segments that were sent again.
    lost: u64,
}

impl Lane {
    pub(super) fn new(link: Link, chance: Chance, line: Line) -> Self {
        Self {
            link,
            chance,
            line,
            window: WINDOW_FIRST,
            threshold: WINDOW_MAX,
            unacknowledged: VecDeque::new(),
            in_flight: 0,
            busy_until: None,
            arrives_last: None,
            bad: false,
            lost: 0,
        }
    }

    /// One way, drawn for what is written now.
    pub(super) fn latency(&mut self) -> Duration {
        Duration::from_micros(self.chance.span(&self.link.latency))
    }

    /// Nothing leaves before: the connection does not stand yet.
    pub(super) fn not_before(&mut self, at: Instant) {
        self.busy_until = Some(at);
    }

    /// Sends a segment; gives when it arrives, never before what was sent earlier.
    pub(super) fn send(&mut self, bytes: usize, latency: Duration, now: Instant) -> Instant {
        let patience = (latency * 4).max(RETRANSMIT_MIN);
        while self.unacknowledged.front().is_some_and(|(known, _)| *known <= now) {
            self.acknowledge();
        }
        if self.busy_until.is_some_and(|until| now > until + patience) {
            self.window = self.window.min(WINDOW_FIRST);
        }
        let mut leaves = self.busy_until.map_or(now, |until| until.max(now));
        while self.in_flight > 0
            && (self.in_flight + bytes > self.window
                || self.unacknowledged.front().is_some_and(|(known, _)| *known <= leaves))
        {
            leaves = self.acknowledge().map_or(leaves, |known| known.max(leaves));
        }
        if let Some(rate) = self.link.bandwidth {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            let free = line.map_or(leaves, |free| free.max(leaves));
            leaves = free + Duration::from_secs_f64(bytes as f64 / rate.bytes().max(1) as f64);
            *line = Some(leaves);
        }
        self.busy_until = Some(leaves);
        let mut arrives = leaves + latency;
        let mut wait = patience;
        while self.is_lost() {
            self.lost += 1;
            arrives += wait;
            wait *= 2;
            self.threshold = (self.window / 2).max(2 * SEGMENT);
            self.window = self.threshold;
        }
        // In order: what comes after a lost segment waits for it.
        let arrives = self.arrives_last.map_or(arrives, |last| last.max(arrives));
        self.arrives_last = Some(arrives);
        self.unacknowledged.push_back((arrives + latency, bytes));
        self.in_flight += bytes;
        arrives
    }

    /// When the end of what was sent is noticed.
    pub(super) fn end(&mut self, now: Instant) -> Instant {
        let arrives = now + self.latency();
        self.arrives_last.map_or(arrives, |last| last.max(arrives))
    }

    /// Segments that were sent again since this was asked last.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// The oldest bytes under way are known to have arrived: the window opens.
    fn acknowledge(&mut self) -> Option<Instant> {
        let (known, bytes) = self.unacknowledged.pop_front()?;
        self.in_flight -= bytes;
        let slow = bytes * SEGMENT / self.window;
        let grown = if self.window < self.threshold { bytes } else { slow };
        self.window = (self.window + grown).min(WINDOW_MAX);
        Some(known)
    }

    fn is_lost(&mut self) -> bool {
        match &self.link.loss {
            Loss::Share(share) => self.chance.happens(*share),
            Loss::Bursts(bursts) => {
                let turns = if self.bad { bursts.r } else { bursts.p };
                if self.chance.happens(turns) {
                    self.bad = !self.bad;
                }
                self.bad
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_scenarios::scenario::{Share, Size, Span, Spread};

    const LATENCY: Duration = Duration::from_millis(20);

    fn lane(change: impl FnOnce(&mut Link)) -> Lane {
        let mut link = Link::unsaid("a", "b");
        link.latency = Spread::Always(Span::from_micros(20_000));
        change(&mut link);
        Lane::new(link, Chance::of(1, "a b", "lane"), Line::default())
    }

    /// When the last of `segments` arrives that are written at once.
    fn takes(mut lane: Lane, segments: usize) -> Duration {
        let now = Instant::now();
        let arrivals = (0..segments).map(|_| lane.send(SEGMENT, LATENCY, now));
        arrivals.last().unwrap() - now
    }

    #[test]
    fn a_segment_takes_the_latency_and_what_the_line_takes() {
        assert_eq!(takes(lane(|_| ()), 1), LATENCY);
        let slow = lane(|link| link.bandwidth = Some(Size::from_bytes(14_480)));
        assert_eq!(takes(slow, 1), LATENCY * 6);
    }

    #[test]
    fn the_window_opens_as_in_the_stack_tier() {
        assert_eq!(takes(lane(|_| ()), 10), LATENCY, "the first window");
        assert_eq!(takes(lane(|_| ()), 30), LATENCY * 3, "twice as much a round trip later");
        assert_eq!(takes(lane(|_| ()), 70), LATENCY * 5, "and again");
    }

    #[test]
    fn a_lost_segment_comes_a_retransmission_later_and_holds_up_what_follows() {
        let half = Share::try_from(0.5).unwrap();
        let mut lane = lane(|link| link.loss = Loss::Share(half));
        let now = Instant::now();
        let arrivals: Vec<_> = (0..100).map(|_| lane.send(10, LATENCY, now) - now).collect();
        assert!(arrivals.is_sorted());
        assert!(*arrivals.last().unwrap() >= LATENCY + RETRANSMIT_MIN);
        assert!(lane.take_lost() > 20);
    }

    #[test]
    fn connections_of_one_party_share_its_line() {
        let slow = |link: &mut Link| link.bandwidth = Some(Size::from_bytes(14_480));
        let (mut one, mut other) = (lane(slow), lane(slow));
        other.line = Arc::clone(&one.line);
        let now = Instant::now();
        one.send(SEGMENT, LATENCY, now);
        assert_eq!(other.send(SEGMENT, LATENCY, now) - now, LATENCY * 11);
    }
}
