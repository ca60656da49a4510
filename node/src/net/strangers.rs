//! What strangers may cost: how many, for how long, how often. Pure; time is passed in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use chartmesh_protocol::id::NodeId;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::gate::Gates;
use super::limits::{Limits, RATES_MAX, STRANGER_STRIKES_MAX};

/// An internet address as far as limits tell addresses apart: an IPv6 customer has a whole /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin(Option<IpAddr>);

impl Origin {
    pub(super) fn of(addr: &Multiaddr) -> Self {
        Self(addr.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(ip.into()),
            Protocol::Ip6(ip) => Some(match ip.to_ipv4_mapped() {
                Some(ip) => ip.into(),
                None => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
            }),
            _ => None,
        }))
    }
}

/// A connection that a node opened which had not been admitted then.
#[derive(Debug)]
struct Stranger {
    node: NodeId,
    origin: Origin,
    until: Instant,
    strikes: u32,
}

/// The strangers connected now, and the recent rate of `hello` per origin.
#[derive(Debug)]
pub(super) struct Strangers {
    limits: Limits,
    connections: HashMap<ConnectionId, Stranger>,
    rates: HashMap<Origin, Bucket>,
}

impl Strangers {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, connections: HashMap::new(), rates: HashMap::new() }
    }

    /// Notes an inbound connection. False: there are too many, close it.
    pub(super) fn admit(
        &mut self,
        id: ConnectionId,
        node: NodeId,
        origin: Origin,
        gates: &Gates,
        now: Instant,
    ) -> bool {
        if gates.is_open(node) {
            return true;
        }
        self.connections.retain(|_, stranger| !gates.is_open(stranger.node));
        let alike = self.connections.values().filter(|other| other.origin == origin).count();
        if self.connections.len() >= self.limits.strangers_max
            || alike >= self.limits.strangers_per_ip_max
        {
            return false;
        }
        let until = now + self.limits.stranger_timeout;
        self.connections.insert(id, Stranger { node, origin, until, strikes: 0 });
        true
    }

    /// The connection ended.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// When to ask for `expired` next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.connections.values().map(|stranger| stranger.until).min()
    }

    /// The connections whose time is up without their node having been admitted.
    pub(super) fn expired(&mut self, gates: &Gates, now: Instant) -> Vec<ConnectionId> {
        let due: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, stranger)| stranger.until <= now)
            .map(|(id, stranger)| (*id, gates.is_open(stranger.node)))
            .collect();
        due.into_iter()
            .filter_map(|(id, admitted)| {
                self.connections.remove(&id);
                (!admitted).then_some(id)
            })
            .collect()
    }

    /// Whether one more `hello` of this origin is within its rate.
    pub(super) fn hello(&mut self, origin: Origin, now: Instant) -> bool {
        if self.rates.len() >= RATES_MAX && !self.rates.contains_key(&origin) {
            let limits = &self.limits;
            self.rates
                .retain(|_, bucket| bucket.level(limits, now) < f64::from(limits.hello_burst));
            if self.rates.len() >= RATES_MAX {
                return false;
            }
        }
        let full = Bucket { tokens: f64::from(self.limits.hello_burst), at: now };
        self.rates.entry(origin).or_insert(full).take(&self.limits, now)
    }

    /// A `hello` on this connection was turned away. True: once too often, close it.
    pub(super) fn strike(&mut self, id: ConnectionId) -> bool {
        self.connections.get_mut(&id).is_some_and(|stranger| {
            stranger.strikes += 1;
            stranger.strikes >= STRANGER_STRIKES_MAX
        })
    }
}

/// A bucket that refills steadily and lends out one token per `hello`.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn level(&self, limits: &Limits, now: Instant) -> f64 {
        let refill = now.saturating_duration_since(self.at).as_secs_f64()
            * f64::from(limits.hello_per_second);
        (self.tokens + refill).min(f64::from(limits.hello_burst))
    }

    fn take(&mut self, limits: &Limits, now: Instant) -> bool {
        let level = self.level(limits, now);
        let granted = level >= 1.0;
        *self = Self { tokens: if granted { level - 1.0 } else { level }, at: now };
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn origin(addr: &str) -> Origin {
        Origin::of(&addr.parse().unwrap())
    }

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn a_burst_of_hellos_passes_and_then_the_steady_rate() {
        let mut strangers = Strangers::new(Limits::default());
        let limits = Limits::default();
        let (here, there) = (origin("/ip4/192.0.2.1"), origin("/ip4/192.0.2.2"));
        let start = Instant::now();
        let passed = (0..100).filter(|_| strangers.hello(here, start)).count();
        assert_eq!(passed, limits.hello_burst as usize);
        assert!(strangers.hello(there, start), "another origin is not affected");
        let later = start + Duration::from_secs(1);
        let passed = (0..100).filter(|_| strangers.hello(here, later)).count();
        assert_eq!(passed, limits.hello_per_second as usize);
    }

    #[test]
    fn the_addresses_of_one_ipv6_customer_are_one_origin() {
        assert_eq!(origin("/ip6/2001:db8::1/tcp/1"), origin("/ip6/2001:db8::ffff/udp/2"));
        assert_ne!(origin("/ip6/2001:db8::1/tcp/1"), origin("/ip6/2001:db8:0:1::1/tcp/1"));
        assert_eq!(origin("/ip6/::ffff:192.0.2.1/tcp/1"), origin("/ip4/192.0.2.1/tcp/9"));
    }

    #[test]
    fn one_origin_cannot_take_every_place_and_the_places_are_bounded() {
        let limits = Limits { strangers_max: 5, strangers_per_ip_max: 3, ..Limits::default() };
        let mut strangers = Strangers::new(limits);
        let (gates, now) = (Gates::default(), Instant::now());
        let mut admit = |number: usize, addr: &str| {
            strangers.admit(id(number), NodeId([1; 32]), origin(addr), &gates, now)
        };
        let here: Vec<_> = (0..4).map(|number| admit(number, "/ip4/192.0.2.1")).collect();
        assert_eq!(here, [true, true, true, false]);
        assert!(admit(10, "/ip4/192.0.2.2"));
        assert!(admit(11, "/ip4/192.0.2.3"));
        assert!(!admit(12, "/ip4/192.0.2.4"), "five are there");
        strangers.forget(id(0));
        assert!(strangers.admit(id(13), NodeId([2; 32]), origin("/ip4/192.0.2.4"), &gates, now));
    }

    #[test]
    fn a_stranger_who_was_admitted_in_time_stays() {
        let mut strangers = Strangers::new(Limits::default());
        let gates = Gates::default();
        let (now, here) = (Instant::now(), origin("/ip4/192.0.2.1"));
        let (welcome, unwelcome) = (NodeId([1; 32]), NodeId([2; 32]));
        assert!(strangers.admit(id(1), welcome, here, &gates, now));
        assert!(strangers.admit(id(2), unwelcome, here, &gates, now));
        gates.open(welcome);
        let due = strangers.next_due().unwrap();
        assert!(strangers.expired(&gates, due - Duration::from_millis(1)).is_empty());
        assert_eq!(strangers.expired(&gates, due), [id(2)]);
        assert_eq!(strangers.next_due(), None);
    }
}
