//! The stage: the machines, and the time. The engine moves it; checkers look at it.

mod connection;
mod disk;
mod machine;
pub(crate) mod window;

pub(crate) use connection::{Back, Connection, Flow};
pub(crate) use disk::Disk;
pub(crate) use machine::Machine;

use crate::tier::Scene;
use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::store::{ReadTxn, Table};
use std::collections::{BTreeMap, BTreeSet};

/// What everybody can see: the machines and the time.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) now_us: u64,
    pub(crate) machines: Vec<Machine>,
    pub(crate) by_party: BTreeMap<PartyId, u32>,
    pub(crate) by_node: BTreeMap<NodeId, u32>,
    /// Pairs of sets between which no message passes, by the number of the event that made them.
    pub(crate) cuts: BTreeMap<usize, Cut>,
}

/// Messages from the first to the second do not pass.
pub(crate) struct Cut {
    pub(crate) from: BTreeSet<u32>,
    /// All others when empty.
    pub(crate) to: BTreeSet<u32>,
    pub(crate) both_ways: bool,
}

impl Stage {
    /// Whether no message passes from one machine to another.
    pub(crate) fn blocked(&self, from: u32, to: u32) -> bool {
        self.cuts.values().any(|cut| cut.stops(from, to) || (cut.both_ways && cut.stops(to, from)))
    }

    /// Whether a machine is honest and there: what such machines do and know is judged.
    pub(crate) fn is_judged(&self, at: u32) -> bool {
        self.machines
            .get(at as usize)
            .is_some_and(|machine| machine.hostile.is_empty() && machine.on && !machine.destroyed)
    }

    /// Whether a party is a machine that is judged.
    fn answers(&self, party: PartyId) -> bool {
        self.by_party.get(&party).is_some_and(|at| self.is_judged(*at))
    }

    /// Whether at a judged machine something waits that another judged one could take or give.
    pub(crate) fn has_work(&self, at: u32) -> bool {
        self.is_judged(at)
            && (self.waits_for(at).any(|party| self.answers(party))
                || self.pulls_from(at).any(|party| self.answers(party)))
    }

    /// The institutions for which messages wait at a machine.
    pub(crate) fn waits_for(&self, at: u32) -> impl Iterator<Item = PartyId> {
        const OUTBOX: Table = Table::rows("outbox");
        let disk = &self.machines[at as usize].disk;
        let mut from = Vec::new();
        core::iter::from_fn(move || {
            let page = disk.page(OUTBOX, &from, &[], 1).expect("memory does not fail");
            let party = page.first().and_then(|(key, _)| PartyId::from_slice(key.get(..32)?))?;
            from = [&party.0[..], &[0xff; 9]].concat();
            Some(party)
        })
    }

    /// The institutions from which a machine still has objects to pull.
    pub(crate) fn pulls_from(&self, at: u32) -> impl Iterator<Item = PartyId> {
        let seen = self.machines[at as usize].all(self.now_us, ask::Transfers::default(), None);
        let transfers = seen.unwrap_or_default();
        transfers.into_iter().map(|transfer| transfer.from)
    }
}

impl Cut {
    fn stops(&self, from: u32, to: u32) -> bool {
        let there =
            if self.to.is_empty() { !self.from.contains(&to) } else { self.to.contains(&to) };
        self.from.contains(&from) && there
    }
}

impl Scene for Stage {
    fn now_us(&self) -> u64 {
        self.now_us
    }

    fn count(&self) -> u32 {
        u32::try_from(self.machines.len()).expect("the file bounds the counts")
    }

    fn is_on(&self, at: u32) -> bool {
        self.machines[at as usize].on
    }

    fn role(&self, at: u32) -> Role {
        self.machines[at as usize].party.peer.role()
    }

    fn region(&self, at: u32) -> u32 {
        self.machines[at as usize].region
    }

    fn id(&self, at: u32) -> PartyId {
        self.machines[at as usize].party.peer.me()
    }

    fn when_us(&self, at: u32, time_ms: u64) -> u64 {
        self.machines[at as usize].when(time_ms)
    }

    fn stored(&self, at: u32) -> u64 {
        self.machines[at as usize].stored()
    }

    fn is_cut(&self, from: u32, to: u32) -> bool {
        self.blocked(from, to)
    }
}
