//! Places: how few who want many leave some to the others. Pure.
//!
//! * **Who has proven nothing yet** (a handshake, a connection before its `hello`) always gets in. Where that makes
//!   one too many, the oldest goes of whoever has most: [`Places::enter`]. So an address binds nobody while there is
//!   room, and in a crowd what gives way is silence that goes on, not a greeting that has just begun.
//! * **Who is let in** counts by institution. Its connections and pipes get a place that is free, or that of whoever
//!   has at least two more: [`Places::take`]; two that have the same never push each other out.
//! * **What ends by itself** (a request that is being answered) is never broken off: another is taken only while more
//!   places are free than its institution holds, [`Shares`].

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use chartmesh_protocol::id::PartyId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

/// Where a connection comes from, as far as limits tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    via: Via,
    /// Who is at the far end of a relay's circuit.
    circuit: Option<PeerId>,
}

/// Whose share it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Via {
    /// An internet address; an IPv6 network of 48 bits, which is what a customer can have for nothing.
    Address(IpAddr),
    /// A relay: its circuits are many people's, and as many as one person likes.
    Relay(PeerId),
    /// No internet at all: a simulation, or another program's pipe.
    Elsewhere,
}

impl Origin {
    /// Of a connection with these two ends.
    pub(super) fn of(local: &Multiaddr, remote: &Multiaddr) -> Self {
        if local.iter().any(|part| part == Protocol::P2pCircuit) {
            let peer = |addr: &Multiaddr| {
                addr.iter().find_map(|part| match part {
                    Protocol::P2p(peer) => Some(peer),
                    _ => None,
                })
            };
            let via = peer(local).map_or(Via::Elsewhere, Via::Relay);
            return Self { via, circuit: peer(remote) };
        }
        let address = remote.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(ip.into()),
            Protocol::Ip6(ip) => Some(network(ip)),
            _ => None,
        });
        Self { via: address.map_or(Via::Elsewhere, Via::Address), circuit: None }
    }
}

fn network(ip: Ipv6Addr) -> IpAddr {
    match ip.to_ipv4_mapped() {
        Some(ip) => ip.into(),
        None => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80)).into(),
    }
}

/// Who holds places, and as part of whom: what counts first.
pub(super) trait Holder: Copy + Eq + Hash {
    /// What counts first; holders of one whole are told apart only within it.
    type Whole: Copy + Eq + Hash;

    fn whole(&self) -> Self::Whole;
}

impl Holder for Origin {
    type Whole = Via;

    fn whole(&self) -> Via {
        self.via
    }
}

impl Holder for PartyId {
    type Whole = Self;

    fn whole(&self) -> Self {
        *self
    }
}

/// Whether a place was to be had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken<K> {
    /// One was free.
    Free,
    /// It was this one's, who is to go.
    Instead(K),
    /// None.
    Full,
}

/// Places, in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Places<K, H> {
    max: usize,
    held: Vec<(K, H)>,
}

impl<K: Copy + Eq, H: Holder> Places<K, H> {
    pub(super) fn new(max: usize) -> Self {
        Self { max, held: Vec::new() }
    }

    /// Places that are held already, in this order.
    pub(super) fn held(max: usize, held: Vec<(K, H)>) -> Self {
        Self { max, held }
    }

    /// Takes a place. Where that is one too many, says who is to go for it, and takes that place back.
    pub(super) fn enter(&mut self, key: K, holder: H) -> Option<K> {
        self.held.push((key, holder));
        if self.held.len() <= self.max {
            return None;
        }
        let (oldest, _) = self.oldest_of_most()?;
        Some(self.held.remove(oldest).0)
    }

    /// Takes a place if one is free, or somebody has two more than this holder.
    pub(super) fn take(&mut self, key: K, holder: H) -> Taken<K> {
        if self.held.len() < self.max {
            self.held.push((key, holder));
            return Taken::Free;
        }
        match self.oldest_of_most() {
            Some((oldest, most)) if most >= self.of(holder) + 2 => {
                let (gone, _) = self.held.remove(oldest);
                self.held.push((key, holder));
                Taken::Instead(gone)
            }
            _ => Taken::Full,
        }
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self, key: K) {
        self.held.retain(|(held, _)| *held != key);
    }

    fn of(&self, holder: H) -> usize {
        self.held.iter().filter(|(_, other)| other.whole() == holder.whole()).count()
    }

    /// Where the oldest place of whoever has most stands, and how many those are.
    fn oldest_of_most(&self) -> Option<(usize, usize)> {
        let (wholes, most) = heaviest(self.held.iter().map(|(_, holder)| holder.whole()));
        let theirs = self.held.iter().filter(|(_, holder)| wholes.contains(&holder.whole()));
        let (holders, _) = heaviest(theirs.map(|(_, holder)| *holder));
        Some((self.held.iter().position(|(_, holder)| holders.contains(holder))?, most))
    }
}

/// Whoever stands there most often, and how often.
fn heaviest<T: Copy + Eq + Hash>(all: impl Iterator<Item = T>) -> (Vec<T>, usize) {
    let mut counts = HashMap::<T, usize>::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap_or(0);
    (counts.into_iter().filter(|(_, count)| *count == most).map(|(one, _)| one).collect(), most)
}

/// Places for what ends by itself soon, by whose it is.
#[derive(Debug)]
pub(super) struct Shares<O> {
    max: usize,
    all: usize,
    held: HashMap<O, usize>,
}

impl<O: Eq + Hash> Shares<O> {
    pub(super) fn new(max: usize) -> Self {
        Self { max, all: 0, held: HashMap::new() }
    }

    /// Takes a place, if there is one for this owner.
    pub(super) fn take(&mut self, owner: O) -> bool {
        let own = self.held.get(&owner).copied().unwrap_or(0);
        let may = own < self.max - self.all;
        if may {
            self.held.insert(owner, own + 1);
            self.all += 1;
        }
        may
    }

    /// Gives a place back that was taken.
    pub(super) fn give_back(&mut self, owner: &O) {
        let Some(own) = self.held.get_mut(owner) else { return };
        *own -= 1;
        self.all -= 1;
        if *own == 0 {
            self.held.remove(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::identity::Keypair;
    use proptest::prelude::*;

    fn origin(remote: &str) -> Origin {
        Origin::of(&"/ip4/203.0.113.1/tcp/1".parse().unwrap(), &remote.parse().unwrap())
    }

    fn peer(seed: u8) -> PeerId {
        Keypair::ed25519_from_bytes([seed; 32]).unwrap().public().to_peer_id()
    }

    fn circuit(relay: u8, from: u8) -> Origin {
        let relay = format!("/ip4/192.0.2.9/tcp/1/p2p/{}/p2p-circuit", peer(relay));
        Origin::of(&relay.parse().unwrap(), &format!("/p2p/{}", peer(from)).parse().unwrap())
    }

    #[test]
    fn the_addresses_of_one_ipv6_customer_are_one_origin() {
        assert_eq!(origin("/ip6/2001:db8:0:1::1/tcp/1"), origin("/ip6/2001:db8:0:f::f/udp/2"));
        assert_ne!(origin("/ip6/2001:db8::1/tcp/1"), origin("/ip6/2001:db8:1::1/tcp/1"));
        assert_eq!(origin("/ip6/::ffff:192.0.2.1/tcp/1"), origin("/ip4/192.0.2.1/tcp/9"));
    }

    #[test]
    fn circuits_are_told_apart_and_are_their_relays_share_all_the_same() {
        assert_ne!(circuit(1, 2), circuit(1, 3));
        assert_eq!(circuit(1, 2).whole(), circuit(1, 3).whole());
        let mut places = Places::new(4);
        for (key, from) in [(1, 7), (2, 8), (3, 8)] {
            assert_eq!(places.enter(key, circuit(1, from)), None);
        }
        assert_eq!(places.enter(4, origin("/ip4/192.0.2.1/tcp/1")), None);
        // The relay has most, and of its circuits the one of 8; its older place goes.
        assert_eq!(places.enter(5, circuit(2, 9)), Some(2));
    }

    #[test]
    fn one_address_has_all_places_until_others_come_and_none_is_shut_out() {
        let mut places = Places::new(4);
        let (crowd, other) = (origin("/ip4/192.0.2.1/tcp/1"), origin("/ip4/192.0.2.2/tcp/1"));
        let went: Vec<_> = (0..6).map(|key| places.enter(key, crowd)).collect();
        assert_eq!(went, [None, None, None, None, Some(0), Some(1)]);
        assert_eq!(places.enter(10, other), Some(2));
        assert_eq!(places.enter(11, crowd), Some(3), "not the one who came alone");
        places.leave(4);
        assert_eq!(places.enter(12, other), None);
    }

    #[test]
    fn eight_institutions_that_take_all_they_can_leave_each_newcomer_its_share() {
        let mut places = Places::new(64);
        for key in 0..1000_usize {
            places.take(key, PartyId([u8::try_from(key % 8).unwrap(); 32]));
        }
        let newcomer = PartyId([9; 32]);
        let taken = (1000..1064).filter(|key| places.take(*key, newcomer) != Taken::Full).count();
        assert_eq!(taken, 7, "a ninth of 64, and nobody is pushed out in turn");
        assert_eq!(places.take(2000, PartyId([0; 32])), Taken::Full);
    }

    #[test]
    fn of_what_ends_by_itself_one_alone_takes_half() {
        let mut shares = Shares::new(256);
        assert_eq!((0..1000).filter(|_| shares.take("a")).count(), 128);
        assert_eq!((0..1000).filter(|_| shares.take("b")).count(), 64);
        shares.give_back(&"b");
        assert!(!shares.take("a"), "what is given back is for whoever has less");
        assert!(shares.take("b"));
    }

    proptest! {
        /// Whoever comes gets in, there are never too many, and nobody goes who had fewer than another.
        #[test]
        fn the_newest_is_in_and_who_goes_had_most(
            comes in proptest::collection::vec(0..6u8, 1..80), max in 1..12usize,
        ) {
            let mut places = Places::new(max);
            for (key, from) in comes.into_iter().enumerate() {
                let origin = origin(&format!("/ip4/192.0.2.{from}/tcp/1"));
                let mut before = places.held.clone();
                before.push((key, origin));
                let went = places.enter(key, origin);
                prop_assert!(places.held.len() <= max);
                prop_assert!(places.held.iter().any(|(held, _)| *held == key));
                if let Some(went) = went {
                    let of = |from: &Origin| before.iter().filter(|(_, o)| o == from).count();
                    let (_, loser) = before.iter().find(|(held, _)| *held == went).unwrap();
                    let most = before.iter().map(|(_, from)| of(from)).max().unwrap();
                    prop_assert_eq!(of(loser), most);
                }
            }
        }

        /// Of as many places as there are holders each gets one, whatever the others do.
        #[test]
        fn there_is_a_place_for_each(takes in proptest::collection::vec(0..15u8, 0..200)) {
            let mut places = Places::new(16);
            for (key, party) in takes.into_iter().enumerate() {
                places.take(key, PartyId([party; 32]));
                prop_assert!(places.held.len() <= 16);
            }
            prop_assert_ne!(places.take(999, PartyId([99; 32])), Taken::Full);
        }
    }
}
