//! How bytes travel: links between regions, and a connection's lanes as TCP would keep them.
//!
//! A lane computes when each segment arrives at the moment at which it is written, by the rule of
//! [`chartmesh_scenarios::tier::tcp`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chartmesh_scenarios::scenario::Spread;
use chartmesh_scenarios::tier::Chance;
use chartmesh_scenarios::tier::tcp::{SEGMENT, Tcp};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;
use tokio::time::Instant;

/// What lies between two regions, one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// From one end to the other.
    pub latency: Duration,
    /// Bytes a second that one connection gets, if there is a limit.
    pub bytes_per_second: Option<u64>,
    /// The share of segments that is lost, from 0 to 1; each is sent again.
    pub loss: f64,
}

impl Link {
    /// Without loss or limit.
    #[must_use]
    pub const fn of(latency: Duration) -> Self {
        Self { latency, bytes_per_second: None, loss: 0.0 }
    }
}

/// Written and not yet read, at most: about what Linux lets a sender buffer by default.
const BUFFER_MAX: usize = 4 * 1024 * 1024;

/// A latency that varies: what leaves at one time takes the same time.
#[derive(Debug)]
pub(crate) struct Varying {
    spread: Arc<Spread>,
    chance: Chance,
    drawn: Option<(Instant, Duration)>,
}

impl Varying {
    pub(crate) fn new(spread: Arc<Spread>, chance: Chance) -> Self {
        Self { spread, chance, drawn: None }
    }

    /// What something takes that leaves now.
    pub(crate) fn at(&mut self, now: Instant) -> Duration {
        match self.drawn {
            Some((at, takes)) if at == now => takes,
            _ => {
                let takes = Duration::from_micros(self.chance.span(&self.spread));
                self.drawn = Some((now, takes));
                takes
            }
        }
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Lane {
    link: Link,
    varies: Option<Varying>,
    chance: ChaCha20Rng,
    tcp: Tcp<Instant>,
    /// What was written and not read.
    segments: VecDeque<(Instant, Vec<u8>)>,
    /// How much of the first one was read.
    read: usize,
    buffered: usize,
    /// Segments that meet a cut link.
    held: Option<VecDeque<Vec<u8>>>,
    /// When the end, or the break, is noticed.
    ends: Option<(Instant, End)>,
}

/// How a lane ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Broken,
}

/// What a reader finds.
pub(crate) enum Found {
    Bytes(usize),
    Wait(Option<Instant>),
    End(End),
}

impl Lane {
    pub(crate) fn new(link: Link, chance: ChaCha20Rng) -> Self {
        Self {
            link,
            varies: None,
            chance,
            tcp: Tcp::default(),
            segments: VecDeque::new(),
            read: 0,
            buffered: 0,
            held: None,
            ends: None,
        }
    }

    /// With a latency that varies.
    pub(crate) fn varying(self, varies: Option<Varying>) -> Self {
        Self { varies, ..self }
    }

    /// Whether more may be written now.
    pub(crate) fn has_room(&self) -> bool {
        self.buffered < BUFFER_MAX
    }

    /// Whether a writer knows that it ended: not through a cut link.
    pub(crate) fn is_over(&self) -> bool {
        self.ends.is_some() && self.held.is_none()
    }

    /// Takes bytes in.
    pub(crate) fn write(&mut self, bytes: &[u8], now: Instant) {
        self.buffered += bytes.len();
        for segment in bytes.chunks(SEGMENT) {
            match &mut self.held {
                Some(held) => held.push_back(segment.to_vec()),
                None => self.send(segment.to_vec(), now),
            }
        }
    }

    fn send(&mut self, segment: Vec<u8>, now: Instant) {
        let latency = self.link.latency;
        let mut leaves = self.tcp.ready(segment.len(), latency, now);
        if let Some(rate) = self.link.bytes_per_second {
            leaves += Duration::from_secs_f64(segment.len() as f64 / rate.max(1) as f64);
        }
        let takes = self.varies.as_mut().map_or(latency, |varies| varies.at(now));
        let lost = self.tcp.lost(latency, || is_lost(&mut self.chance, self.link.loss));
        let arrives = to_the_ms(leaves + takes + lost.later, now);
        let arrives = self.tcp.sent(segment.len(), leaves, arrives, latency);
        self.segments.push_back((arrives, segment));
    }

    /// Moves what has arrived into `out`.
    pub(crate) fn read(&mut self, out: &mut [u8], now: Instant) -> Found {
        let mut filled = 0;
        while filled < out.len()
            && let Some((arrives, segment)) = self.segments.front()
            && *arrives <= now
        {
            let n = (out.len() - filled).min(segment.len() - self.read);
            out[filled..filled + n].copy_from_slice(&segment[self.read..self.read + n]);
            filled += n;
            self.read += n;
            if self.read == segment.len() {
                self.segments.pop_front();
                self.read = 0;
            }
        }
        if filled > 0 {
            self.buffered -= filled;
            return Found::Bytes(filled);
        }
        match (self.segments.front(), self.ends) {
            // Whatever was sent before a break is lost with the connection.
            (_, Some((at, End::Broken))) if at <= now && self.held.is_none() => {
                Found::End(End::Broken)
            }
            (Some((arrives, _)), _) => Found::Wait(Some(*arrives)),
            (None, Some((at, end))) if at <= now && self.held.is_none() => Found::End(end),
            (None, Some((at, _))) if self.held.is_none() => Found::Wait(Some(at)),
            (None, _) => Found::Wait(None),
        }
    }

    /// Ends it: the other side notices after what was sent has arrived.
    pub(crate) fn finish(&mut self, end: End, now: Instant) {
        if self.ends.is_none() {
            let arrives = to_the_ms(now + self.link.latency, now);
            let noticed = match end {
                End::Closed => self.tcp.after_all(arrives),
                End::Broken => arrives,
            };
            self.ends = Some((noticed, end));
        }
    }

    /// The link is cut: nothing that has not arrived does, until it is healed.
    pub(crate) fn cut(&mut self, now: Instant) {
        if self.held.is_some() {
            return;
        }
        let arrived = self.segments.iter().take_while(|(at, _)| *at <= now).count();
        let late = self.segments.split_off(arrived);
        self.held = Some(late.into_iter().map(|(_, segment)| segment).collect());
        self.tcp.start_over();
    }

    /// The link works again: what was held is sent again.
    pub(crate) fn heal(&mut self, now: Instant) {
        let Some(held) = self.held.take() else { return };
        for segment in held {
            self.send(segment, now);
        }
        if let Some((at, end)) = &mut self.ends {
            if *end == End::Closed {
                *at = self.tcp.after_all(*at);
            }
            *at = (*at).max(now + self.link.latency);
        }
    }
}

/// Whether a segment is lost, by the share that is.
fn is_lost(chance: &mut ChaCha20Rng, share: f64) -> bool {
    // 53 bits, as many as a float can tell apart.
    share > 0.0 && ((chance.next_u64() >> 11) as f64) < share * (1_u64 << 53) as f64
}

/// Timers tick each millisecond and ring late rather than early; rounded up at every hop, times would
/// be off by half of one each. `now` is a tick.
fn to_the_ms(at: Instant, now: Instant) -> Instant {
    let micros = at.saturating_duration_since(now).as_micros();
    let ms = u64::try_from((micros + 500) / 1000).unwrap_or(u64::MAX);
    now + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;

    use super::*;

    fn lane(link: Link) -> Lane {
        Lane::new(link, ChaCha20Rng::seed_from_u64(1))
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// When the last of `bytes` arrives that are written at once.
    fn takes(link: Link, bytes: usize) -> Duration {
        let (mut lane, now) = (lane(link), Instant::now());
        lane.write(&vec![0; bytes], now);
        lane.segments.back().unwrap().0 - now
    }

    #[test]
    fn one_segment_takes_the_latency_and_the_links_rate() {
        assert_eq!(takes(Link::of(ms(20)), 100), ms(20));
        let slow = Link { bytes_per_second: Some(1000), ..Link::of(ms(20)) };
        assert_eq!(takes(slow, 100), ms(120));
    }

    #[test]
    fn a_lost_segment_comes_later_and_holds_up_what_follows() {
        let (mut lane, now) = (lane(Link { loss: 0.5, ..Link::of(ms(20)) }), Instant::now());
        for _ in 0..100 {
            lane.write(&[0; 10], now);
        }
        let arrivals: Vec<_> = lane.segments.iter().map(|(at, _)| *at - now).collect();
        assert!(arrivals.is_sorted());
        assert!(arrivals.iter().all(|at| *at >= ms(20)));
        assert!(*arrivals.last().unwrap() >= ms(220), "some were sent again");
    }

    #[test]
    fn what_meets_a_cut_link_arrives_after_it_is_healed_and_then_the_end() {
        let (mut lane, now) = (lane(Link::of(ms(20))), Instant::now());
        lane.write(b"a", now);
        lane.cut(now + ms(5));
        lane.write(b"b", now + ms(6));
        lane.finish(End::Closed, now + ms(7));
        let mut out = [0; 8];
        assert!(matches!(lane.read(&mut out, now + ms(5000)), Found::Wait(None)));
        lane.heal(now + ms(6000));
        assert!(matches!(lane.read(&mut out, now + ms(6019)), Found::Wait(Some(_))));
        assert!(matches!(lane.read(&mut out, now + ms(6020)), Found::Bytes(2)));
        assert_eq!(&out[..2], b"ab");
        assert!(matches!(lane.read(&mut out, now + ms(6020)), Found::End(End::Closed)));
    }

    #[test]
    fn a_break_is_noticed_without_what_was_under_way() {
        let (mut lane, now) = (lane(Link::of(ms(20))), Instant::now());
        lane.write(&vec![0; 100 * SEGMENT], now);
        lane.finish(End::Broken, now);
        let mut out = [0; 8];
        assert!(matches!(lane.read(&mut out, now + ms(19)), Found::Wait(Some(_))));
        let mut all = vec![0; 200 * SEGMENT];
        assert!(matches!(lane.read(&mut all, now + ms(20)), Found::Bytes(_)));
        assert!(matches!(lane.read(&mut all, now + ms(20)), Found::End(End::Broken)));
    }
}
