//! Who treats a patient, by the patient's own word.

use super::KnownKeys;
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::kind::Kind;
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{DAY_MS, Timestamp};

wire_struct! {
    /// An institution treats a patient, so what it records belongs to the patient's record. Of several about one
    /// institution the newest counts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Treats {
        /// The patient.
        1 => patient: PartyId,
        /// Number of the key that signs.
        2 => key: u32,
        /// The institution.
        3 => institution: PartyId,
        /// When.
        4 => issued: Timestamp,
        /// Until when; without end if absent.
        5 => until: Option<Timestamp>,
        /// Only these kinds of record, in ascending order; all if empty.
        6 => kinds: Vec<Kind>,
    }
}

impl Statement for Treats {
    const DOMAIN: &'static str = "chartmesh/1/treats";
}

reasons! {
    /// Why somebody's word that an institution treats a patient is not taken.
    #[derive(Copy)]
    pub enum TreatsError: 10 "treats" {
        /// Kinds that are not in order.
        61 => BadKinds: NotAuthentic "the kinds of record are not in order",
        /// Issued too far in the future.
        62 => BadDates: NotAuthentic "it was issued too far in the future",
        /// Of another patient, or of a key that the patient does not have.
        63 => UnknownKey: NotAuthentic "it names a key that its patient does not have",
        /// Signed with a key that was rotated away.
        64 => OldKey: NotAuthentic "it was signed with a key that is no longer current",
        /// The signature does not verify.
        65 => BadSignature: NotAuthentic "its signature does not verify",
    }
}

impl Unverified<Treats> {
    /// Verifies that it is the patient's word. [AUT-1]
    ///
    /// # Errors
    /// [`TreatsError`].
    pub fn certify(self, keys: &KnownKeys, now: Timestamp) -> Result<Signed<Treats>, TreatsError> {
        let claims = self.claims();
        if !claims.kinds.is_sorted_by(|a, b| a < b) {
            return Err(TreatsError::BadKinds);
        }
        if claims.issued > now.plus_ms(limits::KEY_RING_AHEAD_DAYS * DAY_MS) {
            return Err(TreatsError::BadDates);
        }
        let key = keys.key(claims.key).filter(|_| keys.party() == claims.patient);
        let key = key.ok_or(TreatsError::UnknownKey)?;
        if claims.key != keys.current_number() {
            return Err(TreatsError::OldKey);
        }
        self.verify(&key).map_err(|_| TreatsError::BadSignature)
    }
}

impl Treats {
    /// Whether it is about records of this kind.
    #[must_use]
    pub fn covers(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether it goes on at a time.
    #[must_use]
    pub fn goes_on(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| at < until)
    }
}
