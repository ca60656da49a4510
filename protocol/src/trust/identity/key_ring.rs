//! A patient's compartments: to whom records of each kind are sealed.
//!
//! A compartment is a letter box: anybody with the public half drops a sealed record in, only the
//! patient's side opens it. There is one per kind of record and epoch; a new epoch begins when a
//! standing permission to read a whole compartment ends, so that it never reaches what comes later.
//!
//! The ring that every holder has names compartments by their ids, which tell nothing of the kind. Whoever is to seal
//! to one, or may read it, is told of the compartment itself, and finds by the id that it is the patient's.

use super::KnownKeys;
use crate::codec::{Wire, wire_struct};
use crate::crypto::KemPublic;
use crate::id::{CompartmentId, PartyId};
use crate::kind::Kind;
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{DAY_MS, Timestamp};

wire_struct! {
    /// One compartment: its public half, and how it derives.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Compartment {
        /// The kind of record.
        1 => kind: Kind,
        /// The generation of the records root that it derives from.
        2 => generation: u32,
        /// The epoch.
        3 => epoch: u32,
        /// The key to seal to.
        4 => key: KemPublic,
    }
}

impl Compartment {
    /// The beginning of a hash over all of it: nobody can say another kind of a key that the patient's ring names. Who
    /// does not know the key cannot guess its kind.
    #[must_use]
    pub fn id(&self) -> CompartmentId {
        let hash = blake3::derive_key("chartmesh/1/compartment-id", &self.to_bytes());
        CompartmentId::from_slice(&hash[..CompartmentId::LEN]).expect("a hash has 32 bytes")
    }
}

wire_struct! {
    /// A compartment as the ring names it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RingEntry {
        /// The compartment.
        1 => compartment: CompartmentId,
        /// Until when it may be sealed to, where that is before the ring's end: a standing permission to
        /// read it ends then, and what is recorded later must be out of its reach.
        2 => until: Option<Timestamp>,
    }
}

wire_struct! {
    /// A patient's current compartments. The highest `seq` counts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyRing {
        /// The patient.
        1 => patient: PartyId,
        /// Number of the key that signs.
        2 => key: u32,
        /// Counts up with every ring.
        3 => seq: u64,
        /// When.
        4 => issued: Timestamp,
        /// Until when deposits may use it; at most 30 days after `issued`.
        5 => expires: Timestamp,
        /// One per kind of record, in ascending order of their ids.
        6 => compartments: Vec<RingEntry>,
        /// The institution id of the relay that serves the patient: only the patient's own word tells
        /// others whom to ask for consent, and who may obtain access logs.
        7 => relay: PartyId,
    }
}

impl Statement for KeyRing {
    const DOMAIN: &'static str = "chartmesh/1/key-ring";
    const LIMIT: usize = limits::LIST_STATEMENT_BYTES_MAX;
}

reasons! {
    /// Why a key ring is not to be used.
    #[derive(Copy)]
    pub enum KeyRingError: 10 "key-ring" {
        /// Of another patient, or of a key that the patient does not have.
        41 => UnknownKey: NotAuthentic "the key ring names a key that its patient does not have",
        /// Signed with a key that was rotated away.
        42 => OldKey: NotAuthentic "the key ring was signed with a key that is no longer current",
        /// The signature does not verify.
        43 => BadSignature: NotAuthentic "the key ring's signature does not verify",
        /// Too many compartments, or one twice.
        44 => BadCompartments: NotAuthentic "the key ring's compartments are too many or not in order",
        /// Valid for longer than allowed, or issued too far in the future.
        45 => BadDates: NotAuthentic "the key ring's dates are not possible",
    }
}

impl Unverified<KeyRing> {
    /// Verifies a key ring. An expired one verifies: it still tells the past; see [`KeyRing::end_of`].
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub fn certify(
        self,
        keys: &KnownKeys,
        now: Timestamp,
    ) -> Result<Signed<KeyRing>, KeyRingError> {
        let ring = self.claims();
        if ring.compartments.len() > limits::COMPARTMENTS_MAX
            || !ring.compartments.is_sorted_by(|a, b| a.compartment < b.compartment)
        {
            return Err(KeyRingError::BadCompartments);
        }
        if ring.expires.since(ring.issued) > limits::KEY_RING_DAYS_MAX * DAY_MS
            || ring.issued > now.plus_ms(limits::KEY_RING_AHEAD_DAYS * DAY_MS)
        {
            return Err(KeyRingError::BadDates);
        }
        let key = keys
            .key(ring.key)
            .filter(|_| keys.party() == ring.patient)
            .ok_or(KeyRingError::UnknownKey)?;
        if ring.key != keys.current_number() {
            return Err(KeyRingError::OldKey);
        }
        self.verify(&key).map_err(|_| KeyRingError::BadSignature)
    }
}

impl KeyRing {
    /// What it says of a compartment, if it names it.
    #[must_use]
    pub fn entry(&self, compartment: CompartmentId) -> Option<&RingEntry> {
        let at = self.compartments.binary_search_by_key(&compartment, |entry| entry.compartment);
        at.ok().map(|at| &self.compartments[at])
    }

    /// Until when one of this ring's compartments may be sealed to.
    #[must_use]
    pub fn end_of(&self, entry: &RingEntry) -> Timestamp {
        entry.until.map_or(self.expires, |until| until.min(self.expires))
    }
}
