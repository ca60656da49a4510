//! One machine: a party's peer with its disk, its connections, and what it is like.

use super::connection::{Back, Connection};
use super::disk::Disk;
use crate::party::Party;
use crate::scenario::{Hostility, Machine as Traits};
use crate::tier::Chance;
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId};
use chartmesh_protocol::peer::{Greeting, Listing, Question, whole};
use chartmesh_protocol::refusal::{Failure, Refusal};
use chartmesh_protocol::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The simulation begins on Monday, 4 January 2027, at midnight UTC.
pub(crate) const BASE_MS: u64 = 1_799_020_800_000;

/// A machine.
pub(crate) struct Machine {
    /// Its name, its group's, its region's number.
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) region: u32,
    /// The peer, its keys and its patients' keys. Its store is `disk`.
    pub(crate) party: Party,
    pub(crate) disk: Disk,
    pub(crate) traits: Traits,
    /// On or off.
    pub(crate) on: bool,
    /// Gone for good, or until it is replaced.
    pub(crate) destroyed: bool,
    /// Counts starts: what was on its way to an earlier one is lost.
    pub(crate) epoch: u32,
    /// By how many milliseconds its clock is ahead (or behind, when negative).
    pub(crate) skew_ms: i64,
    /// Whether others can call it.
    pub(crate) callable: bool,
    pub(crate) hostile: BTreeSet<Hostility>,
    /// The connections that stand, by the other machine.
    pub(crate) connections: BTreeMap<u32, Connection>,
    /// The earliest tick that is planned, in microseconds.
    pub(crate) tick_us: Option<u64>,
    pub(crate) line_free_us: u64,
    /// Faults of its disk in a row.
    pub(crate) faults: u32,
    /// What was last said to whom, until it is answered.
    pub(crate) greetings: BTreeMap<u32, Greeting>,
    /// Requests that others made and wait for, by number.
    pub(crate) replying: BTreeMap<u64, Back>,
    pub(crate) life: Chance,
}

impl Machine {
    /// The id of its node.
    pub(crate) fn node(&self) -> NodeId {
        self.party.peer.node()
    }

    /// The time by its clock.
    pub(crate) fn clock(&self, now_us: u64) -> Timestamp {
        Timestamp((BASE_MS + now_us / 1000).saturating_add_signed(self.skew_ms))
    }

    /// When, in simulated microseconds, its clock shows this.
    pub(crate) fn when(&self, time: u64) -> u64 {
        let right = time.saturating_add_signed(-self.skew_ms);
        right.saturating_sub(BASE_MS).saturating_mul(1000)
    }

    /// How long a commit takes to be durable.
    pub(crate) fn sync_us(&mut self) -> u64 {
        /// A good disk's fsync.
        const DEFAULT_US: u64 = 1000;
        match &self.traits.sync {
            Some(spread) => self.life.span(spread),
            None => DEFAULT_US,
        }
    }

    /// Asks its front door to see something.
    pub(crate) fn see<Q: Question>(
        &self,
        now_us: u64,
        query: &Q,
        patient: Option<PartyId>,
    ) -> Result<Q::Answer, Refusal> {
        let keys = patient.and_then(|patient| self.party.unlocked.get(&patient));
        match self.party.peer.query(&self.disk, self.clock(now_us), query, keys) {
            Ok(view) => Ok(view),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
    }

    /// Asks its front door for all of a listing.
    pub(crate) fn all<L: Listing>(
        &self,
        now_us: u64,
        listing: L,
        patient: Option<PartyId>,
    ) -> Result<Vec<L::Item>, Refusal> {
        whole(listing, |listing| self.see(now_us, listing, patient))
    }

    /// An object's bytes, wherever it stands.
    pub(crate) fn object(&self, id: ObjectId) -> Option<Vec<u8>> {
        let small = self.party.peer.small_object(&self.disk, id).expect("memory does not fail");
        small.or_else(|| self.party.objects.get(&id).cloned())
    }

    /// Bytes of its rows and of its large objects.
    pub(crate) fn stored(&self) -> u64 {
        let objects: usize = self.party.objects.values().map(Vec::len).sum();
        self.disk.used() + objects as u64
    }
}
