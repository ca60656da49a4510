//! What strangers may cost: how many, for how long, how often. Pure; time is passed in.

use std::collections::HashMap;

use chartmesh_protocol::id::NodeId;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::gate::Gates;
use super::limits::{Limits, RATES_MAX, Rate, STRANGER_STRIKES_MAX};
use super::places::{Origin, Places};

/// A connection that a node opened which was not known then.
#[derive(Debug)]
struct Stranger {
    node: NodeId,
    until: Instant,
    strikes: u32,
}

/// The strangers connected now, and the recent rate of `hello`.
#[derive(Debug)]
pub(super) struct Strangers {
    limits: Limits,
    connections: HashMap<ConnectionId, Stranger>,
    places: Places<ConnectionId, Origin>,
    /// What an origin has for itself.
    rates: HashMap<Origin, Bucket>,
    /// What is there for whoever has used up its own.
    common: Bucket,
}

impl Strangers {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        let common = Bucket::full(limits.hello_common, now);
        let places = Places::new(limits.strangers_max);
        Self { limits, connections: HashMap::new(), places, rates: HashMap::new(), common }
    }

    /// Notes an inbound connection. Gives the one that is to be closed for it, if there are too many.
    pub(super) fn admit(
        &mut self,
        id: ConnectionId,
        node: NodeId,
        origin: Origin,
        gates: &Gates,
        now: Instant,
    ) -> Option<ConnectionId> {
        if gates.institution(node).is_some() {
            return None;
        }
        self.settle(gates);
        let until = now + self.limits.stranger_timeout;
        self.connections.insert(id, Stranger { node, until, strikes: 0 });
        let gone = self.places.enter(id, origin)?;
        self.connections.remove(&gone);
        Some(gone)
    }

    /// Who was let in meanwhile is no stranger any more.
    fn settle(&mut self, gates: &Gates) {
        let known = |stranger: &Stranger| gates.institution(stranger.node).is_some();
        for (id, _) in self.connections.extract_if(|_, stranger| known(stranger)) {
            self.places.leave(id);
        }
    }

    /// The connection ended.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.places.leave(id);
    }

    /// When to ask for `expired` next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.connections.values().map(|stranger| stranger.until).min()
    }

    /// The connections whose time is up without their node having been let in.
    pub(super) fn expired(&mut self, gates: &Gates, now: Instant) -> Vec<ConnectionId> {
        self.settle(gates);
        let due = self.connections.extract_if(|_, stranger| stranger.until <= now);
        let due: Vec<_> = due.map(|(id, _)| id).collect();
        due.iter().for_each(|id| self.places.leave(*id));
        due
    }

    /// Whether one more `hello` of this origin is within its rate, or there is room for all the same.
    pub(super) fn hello(&mut self, origin: Origin, now: Instant) -> bool {
        self.own(origin, now) || self.common.take(self.limits.hello_common, now)
    }

    fn own(&mut self, origin: Origin, now: Instant) -> bool {
        let rate = self.limits.hello_own;
        if self.rates.len() >= RATES_MAX && !self.rates.contains_key(&origin) {
            self.rates.retain(|_, bucket| bucket.level(rate, now) < f64::from(rate.burst));
            if self.rates.len() >= RATES_MAX {
                return false;
            }
        }
        self.rates.entry(origin).or_insert(Bucket::full(rate, now)).take(rate, now)
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
    fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: f64::from(rate.burst), at: now }
    }

    fn level(&self, rate: Rate, now: Instant) -> f64 {
        let refill =
            now.saturating_duration_since(self.at).as_secs_f64() * f64::from(rate.per_second);
        (self.tokens + refill).min(f64::from(rate.burst))
    }

    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let level = self.level(rate, now);
        let granted = level >= 1.0;
        *self = Self { tokens: if granted { level - 1.0 } else { level }, at: now };
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::id::PartyId;
    use std::time::Duration;

    fn origin(addr: &str) -> Origin {
        Origin::of(&"/ip4/203.0.113.1/tcp/1".parse().unwrap(), &addr.parse().unwrap())
    }

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn an_address_has_a_rate_of_its_own_and_all_share_what_there_is_beyond() {
        let limits = Limits::default();
        let start = Instant::now();
        let mut strangers = Strangers::new(limits.clone(), start);
        let (here, there) = (origin("/ip4/192.0.2.1"), origin("/ip4/192.0.2.2"));
        let (own, common) = (limits.hello_own, limits.hello_common);
        let passed = (0..1000).filter(|_| strangers.hello(here, start)).count();
        assert_eq!(passed, (own.burst + common.burst) as usize);
        let passed = (0..1000).filter(|_| strangers.hello(there, start)).count();
        assert_eq!(passed, own.burst as usize, "what is its own nobody took");
        let later = start + Duration::from_secs(1);
        let passed = (0..1000).filter(|_| strangers.hello(here, later)).count();
        assert_eq!(passed, (own.per_second + common.per_second) as usize);
        assert!(strangers.hello(there, later));
    }

    #[test]
    fn a_stranger_who_was_admitted_in_time_stays_and_takes_no_strangers_place() {
        let (now, here) = (Instant::now(), origin("/ip4/192.0.2.1"));
        let mut strangers = Strangers::new(Limits { strangers_max: 2, ..Limits::default() }, now);
        let gates = Gates::default();
        let (welcome, unwelcome) = (NodeId([1; 32]), NodeId([2; 32]));
        assert_eq!(strangers.admit(id(1), welcome, here, &gates, now), None);
        assert_eq!(strangers.admit(id(2), unwelcome, here, &gates, now), None);
        gates.open(welcome, PartyId([1; 32]));
        assert_eq!(strangers.admit(id(3), unwelcome, here, &gates, now), None);
        assert_eq!(strangers.admit(id(4), welcome, here, &gates, now), None);
        let due = strangers.next_due().unwrap();
        assert!(strangers.expired(&gates, due - Duration::from_millis(1)).is_empty());
        let mut expired = strangers.expired(&gates, due);
        expired.sort();
        assert_eq!(expired, [id(2), id(3)]);
        assert_eq!(strangers.next_due(), None);
    }

    #[test]
    fn who_was_known_before_a_restart_is_no_stranger_and_who_was_put_out_for_good_is_one() {
        let (now, here) = (Instant::now(), origin("/ip4/192.0.2.1"));
        let mut strangers = Strangers::new(Limits { strangers_max: 1, ..Limits::default() }, now);
        let gates = Gates::default();
        let known = NodeId([1; 32]);
        gates.know([(known, PartyId([1; 32]))]);
        assert!(!gates.is_open(known), "it has to say hello");
        assert_eq!(strangers.admit(id(1), NodeId([2; 32]), here, &gates, now), None);
        assert_eq!(strangers.admit(id(2), known, here, &gates, now), None);
        gates.forget(known);
        assert_eq!(strangers.admit(id(3), known, here, &gates, now), Some(id(1)));
    }
}
