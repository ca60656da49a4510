//! How fresh what is known of a patient's revocations is.
//!
//! Revoking needs the patient's keys, which are locked most of the time; that nothing was revoked since is the relay's
//! to say, with its own key, day by day. It can lie no worse than by keeping silent.

use super::RevocationState;
use crate::codec::wire_struct;
use crate::id::{PartyId, StatementId};
use crate::identity::{KnownKeys, Treats};
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::Timestamp;

wire_struct! {
    /// The relay of a patient says which revocation state is the newest.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Freshness {
        /// The patient.
        1 => patient: PartyId,
        /// The relay, which signs.
        2 => relay: PartyId,
        /// Number of the relay's key that signs.
        3 => key: u32,
        /// Statement id of the newest revocation state.
        4 => state: StatementId,
        /// When.
        5 => issued: Timestamp,
    }
}

impl Statement for Freshness {
    const DOMAIN: &'static str = "chartmesh/1/freshness";
}

reasons! {
    /// Why a relay's word on revocations is not taken.
    #[derive(Copy)]
    pub enum FreshnessError: 12 "freshness" {
        /// Of another patient, by another relay, or with a key that the relay does not have now.
        111 => UnknownKey: NotAuthentic "it is not by the relay that the patient's key ring names",
        /// The signature does not verify.
        112 => BadSignature: NotAuthentic "its signature does not verify",
    }
}

impl Unverified<Freshness> {
    /// Verifies that it is about this patient, by a relay with these keys, which is the one that the patient's key
    /// ring names.
    ///
    /// # Errors
    /// [`FreshnessError`].
    pub fn certify(
        self,
        patient: PartyId,
        relay: &KnownKeys,
    ) -> Result<Signed<Freshness>, FreshnessError> {
        let claims = self.claims();
        let theirs = claims.patient == patient
            && claims.relay == relay.party()
            && claims.key == relay.current_number();
        if !theirs {
            return Err(FreshnessError::UnknownKey);
        }
        self.verify(&relay.current()).map_err(|_| FreshnessError::BadSignature)
    }
}

/// The store of whoever judges was put back from an older copy: of what was taken back since then it may have forgotten what it
/// had heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgot {
    /// Since when.
    pub since: Timestamp,
    /// When that was noticed: what is known of a later time was heard afterwards.
    pub noticed: Timestamp,
}

impl Forgot {
    /// Of when news of that time is worth being. [CAP-20]
    pub(super) fn worth(self, news: Timestamp) -> Timestamp {
        if news < self.noticed { news.min(self.since) } else { news }
    }
}

wire_struct! {
    /// What a permission is judged by, besides itself. Each part proves itself, and one that does not teaches nothing.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct News {
        /// The newest revocation state.
        1 => revocations: Option<Unverified<RevocationState>>,
        /// The relay's newest word that it is the newest.
        2 => freshness: Option<Unverified<Freshness>>,
        /// What the patient says of the institution that shows a permission or, from the relay, of the one that is told.
        3 => treats: Option<Unverified<Treats>>,
    }
}
