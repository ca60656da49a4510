//! The machines as measures see them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use chartmesh_protocol::id::{NodeId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::time::Timestamp;
use chartmesh_scenarios::tier::Scene;
use chartmesh_scenarios::tier::places::Places;

use crate::clock::EPOCH;

/// What is known of the machines.
pub(super) struct Ground {
    pub(super) now_us: u64,
    pub(super) places: Rc<Places>,
    pub(super) ids: Vec<PartyId>,
    pub(super) by_node: BTreeMap<NodeId, u32>,
    pub(super) on: Vec<bool>,
    /// Bytes of stores, filled in the end.
    pub(super) stored: Vec<u64>,
    /// By event: machines that nobody else reaches.
    pub(super) isolated: BTreeMap<usize, BTreeSet<u32>>,
}

/// Simulated microseconds of a time.
pub(super) fn micros(at: Timestamp) -> u64 {
    at.since(EPOCH) * 1000
}

/// The first whole millisecond that is not before.
pub(super) fn stamp(at_us: u64) -> Timestamp {
    EPOCH.plus_ms(at_us.div_ceil(1000))
}

impl Scene for Ground {
    fn now_us(&self) -> u64 {
        self.now_us
    }

    fn count(&self) -> u32 {
        u32::try_from(self.ids.len()).expect("the file bounds the counts")
    }

    fn is_on(&self, at: u32) -> bool {
        self.on[at as usize]
    }

    fn role(&self, at: u32) -> Role {
        self.places.at(at).role
    }

    fn region(&self, at: u32) -> u32 {
        self.places.at(at).region
    }

    fn id(&self, at: u32) -> PartyId {
        self.ids[at as usize]
    }

    fn when_us(&self, _: u32, time_ms: u64) -> u64 {
        micros(Timestamp(time_ms))
    }

    fn stored(&self, at: u32) -> u64 {
        self.stored.get(at as usize).copied().unwrap_or(0)
    }

    fn is_cut(&self, from: u32, to: u32) -> bool {
        self.isolated.values().any(|cut| cut.contains(&from) != cut.contains(&to))
    }
}
