//! One direction of a connection, as TCP would keep it over the scenario's link: when each segment arrives.
//!
//! TCP is the stack tier's ([`chartmesh_scenarios::tier::tcp`]). Two things are the core tier's: the latency is drawn
//! anew for what is written at once, and the rate is that of a party's whole line.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chartmesh_scenarios::scenario::Link;
use chartmesh_scenarios::tier::Chance;
use chartmesh_scenarios::tier::tcp::Tcp;
use tokio::time::Instant;

/// When the last bit that a party sent leaves its line; shared by all its connections.
pub(crate) type Line = Arc<Mutex<Option<Instant>>>;

/// One direction of a connection.
pub(crate) struct Lane {
    link: Link,
    chance: Chance,
    line: Line,
    tcp: Tcp<Instant>,
    /// Whether the bad state of a bursty loss holds.
    bad: bool,
    /// Segments that were sent again.
    lost: u64,
}

impl Lane {
    pub(crate) fn new(link: Link, chance: Chance, line: Line) -> Self {
        Self { link, chance, line, tcp: Tcp::default(), bad: false, lost: 0 }
    }

    /// One way, drawn for what is written now.
    pub(crate) fn latency(&mut self) -> Duration {
        Duration::from_micros(self.chance.span(&self.link.latency))
    }

    /// Nothing leaves before: the connection does not stand yet.
    pub(crate) fn not_before(&mut self, at: Instant) {
        self.tcp.not_before(at);
    }

    /// Sends a segment; gives when it arrives, never before what was sent earlier.
    pub(crate) fn send(&mut self, bytes: usize, latency: Duration, now: Instant) -> Instant {
        let mut leaves = self.tcp.ready(bytes, latency, now);
        if let Some(rate) = self.link.bandwidth {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            let free = line.map_or(leaves, |free| free.max(leaves));
            leaves = free + Duration::from_secs_f64(bytes as f64 / rate.bytes().max(1) as f64);
            *line = Some(leaves);
        }
        let is_lost = || self.chance.loses(&self.link.loss, &mut self.bad);
        let lost = self.tcp.lost(latency, is_lost);
        self.lost += lost.times;
        self.tcp.sent(bytes, leaves, leaves + latency + lost.later, latency)
    }

    /// When the end of what was sent is noticed.
    pub(crate) fn end(&mut self, now: Instant) -> Instant {
        let arrives = now + self.latency();
        self.tcp.after_all(arrives)
    }

    /// Segments that were sent again since this was asked last.
    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_scenarios::scenario::{Loss, Share, Size, Span, Spread};
    use chartmesh_scenarios::tier::tcp::{RETRANSMIT_US_MIN, SEGMENT};

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
    fn a_lost_segment_comes_a_retransmission_later_and_holds_up_what_follows() {
        let half = Share::try_from(0.5).unwrap();
        let mut lane = lane(|link| link.loss = Loss::Share(half));
        let now = Instant::now();
        let arrivals: Vec<_> = (0..100).map(|_| lane.send(10, LATENCY, now) - now).collect();
        assert!(arrivals.is_sorted());
        assert!(*arrivals.last().unwrap() >= LATENCY + Duration::from_micros(RETRANSMIT_US_MIN));
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
