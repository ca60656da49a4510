//! Dials under way, and who waits for each: calls to one node share one dial.
//!
//! A dial goes through groups of addresses, a new group starting when the one before has failed
//! or had its head start. The first connection that stands serves everyone who waits.

use std::collections::{HashMap, VecDeque};

use chartmesh_protocol::id::NodeId;
use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::book::is_tcp;
use super::limits::DIAL_STAGGER;

/// What is being dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// A node whose id is known.
    Node(NodeId),
    /// Whoever is at the caller's addresses; each such call dials for itself.
    Anyone(u64),
}

/// One attempt for the swarm to make.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) target: Target,
    pub(super) addrs: Vec<Multiaddr>,
}

#[derive(Debug)]
struct Dial<W> {
    waiting: Vec<W>,
    running: Vec<ConnectionId>,
    /// Still to be tried.
    groups: VecDeque<Vec<Multiaddr>>,
    /// All addresses of this dial, tried or not.
    known: Vec<Multiaddr>,
    next_at: Instant,
    last_error: String,
}

/// All dials under way; `W` waits for one.
#[derive(Debug)]
pub(super) struct Dials<W> {
    dials: HashMap<Target, Dial<W>>,
    anyone: u64,
}

impl<W> Default for Dials<W> {
    fn default() -> Self {
        Self { dials: HashMap::new(), anyone: 0 }
    }
}

impl<W> Dials<W> {
    /// Joins the dial to a node, adding what `addrs` has that is new, or begins it.
    pub(super) fn wait_for(
        &mut self,
        node: NodeId,
        addrs: Vec<Multiaddr>,
        waiter: W,
        now: Instant,
    ) {
        let (tcp, other): (Vec<_>, Vec<_>) = addrs.into_iter().partition(is_tcp);
        let groups = [tcp, other].into_iter().filter(|group| !group.is_empty()).collect();
        self.begin(Target::Node(node), groups, waiter, now);
    }

    /// Dials whoever is at one of `addrs`, in that order.
    pub(super) fn wait_for_anyone(&mut self, addrs: Vec<Multiaddr>, waiter: W, now: Instant) {
        self.anyone += 1;
        let groups = addrs.into_iter().map(|addr| vec![addr]).collect();
        self.begin(Target::Anyone(self.anyone), groups, waiter, now);
    }

    fn begin(&mut self, target: Target, groups: Vec<Vec<Multiaddr>>, waiter: W, now: Instant) {
        let dial = self.dials.entry(target).or_insert_with(|| Dial {
            waiting: Vec::new(),
            running: Vec::new(),
            groups: VecDeque::new(),
            known: Vec::new(),
            next_at: now,
            last_error: String::new(),
        });
        dial.waiting.push(waiter);
        for mut group in groups {
            group.retain(|addr| !dial.known.contains(addr));
            dial.known.extend(group.iter().cloned());
            dial.groups.extend((!group.is_empty()).then_some(group));
        }
    }

    /// When to ask for `due` next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.dials
            .values()
            .filter(|dial| !dial.groups.is_empty() || dial.running.is_empty())
            .map(|dial| dial.next_at)
            .min()
    }

    /// The attempts to start now; tell how each fared with `started` or `failed_to_start`.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Attempt> {
        let due = self.dials.iter_mut().filter(|(_, dial)| dial.next_at <= now);
        due.filter_map(|(target, dial)| {
            dial.next_at = now + DIAL_STAGGER;
            Some(Attempt { target: *target, addrs: dial.groups.pop_front()? })
        })
        .collect()
    }

    /// The swarm took up an attempt.
    pub(super) fn started(&mut self, target: Target, id: ConnectionId) {
        if let Some(dial) = self.dials.get_mut(&target) {
            dial.running.push(id);
        }
    }

    /// An attempt did not even start.
    pub(super) fn failed_to_start(&mut self, target: Target, error: String, now: Instant) {
        if let Some(dial) = self.dials.get_mut(&target) {
            dial.last_error = error;
            if dial.running.is_empty() {
                dial.next_at = now;
            }
        }
    }

    /// A running attempt failed; the next group need not wait for its turn.
    pub(super) fn failed(&mut self, id: ConnectionId, error: String, now: Instant) {
        let dial = self.dials.values_mut().find(|dial| dial.running.contains(&id));
        if let Some(dial) = dial {
            dial.running.retain(|running| *running != id);
            dial.last_error = error;
            if dial.running.is_empty() {
                dial.next_at = now;
            }
        }
    }

    /// A connection stands: everyone who waited for its node or for this very attempt.
    pub(super) fn connected(&mut self, node: NodeId, id: ConnectionId) -> Vec<W> {
        let mut ready = self.dials.remove(&Target::Node(node)).map_or(Vec::new(), |d| d.waiting);
        let anyone = self.dials.iter().find(|(_, dial)| dial.running.contains(&id));
        if let Some(target) = anyone.map(|(target, _)| *target)
            && matches!(target, Target::Anyone(_))
        {
            ready.extend(self.dials.remove(&target).map_or(Vec::new(), |dial| dial.waiting));
        }
        ready
    }

    /// The dials that have nothing left to try, with the last error.
    pub(super) fn hopeless(&mut self) -> Vec<(String, Vec<W>)> {
        self.dials
            .extract_if(|_, dial| dial.running.is_empty() && dial.groups.is_empty())
            .map(|(_, dial)| (dial.last_error, dial.waiting))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    fn addr(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn calls_to_one_node_share_one_dial_and_tcp_has_a_head_start() {
        let (tcp, quic) = (addr("/ip4/192.0.2.1/tcp/1"), addr("/ip4/192.0.2.1/udp/1/quic-v1"));
        let (mut dials, now) = (Dials::default(), Instant::now());
        dials.wait_for(NODE, vec![quic.clone(), tcp.clone()], "a", now);
        dials.wait_for(NODE, vec![], "b", now);
        let first = dials.due(now);
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].addrs, [tcp]);
        dials.started(first[0].target, id(1));
        assert!(dials.due(now).is_empty());
        let second = dials.due(dials.next_due().unwrap());
        assert_eq!(second[0].addrs, [quic]);
        dials.started(second[0].target, id(2));
        assert_eq!(dials.next_due(), None);
        assert_eq!(dials.connected(NODE, id(2)), ["a", "b"]);
        assert!(dials.hopeless().is_empty());
    }

    #[test]
    fn a_failed_group_makes_way_at_once_and_the_last_one_ends_the_dial() {
        let (mut dials, now) = (Dials::default(), Instant::now());
        dials.wait_for_anyone(vec![addr("/ip4/192.0.2.1/tcp/1"), addr("/memory/2")], "a", now);
        let first = dials.due(now);
        dials.started(first[0].target, id(1));
        dials.failed(id(1), "no route".to_owned(), now);
        assert!(dials.hopeless().is_empty(), "the second address is still to be tried");
        let second = dials.due(now);
        dials.failed_to_start(second[0].target, "no transport".to_owned(), now);
        assert_eq!(dials.hopeless(), [("no transport".to_owned(), vec!["a"])]);
    }

    #[test]
    fn a_dial_without_addresses_is_hopeless() {
        let (mut dials, now) = (Dials::default(), Instant::now());
        dials.wait_for(NODE, vec![], "a", now);
        assert_eq!(dials.hopeless(), [(String::new(), vec!["a"])]);
    }
}
