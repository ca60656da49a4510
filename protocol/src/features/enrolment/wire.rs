//! Messages.

use crate::capability::RevocationState;
use crate::codec::{Bytes, wire_struct};
use crate::codes;
use crate::id::PartyId;
use crate::identity::{KeyLog, KeyRing, RelayCertificate};
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// A relay brings a patient with an institution's code.
        1 => Enrol(Enrol) "enrolment.enrol" introduction,
        /// A member renews what lets a relay in at every member.
        2 => Certificate(Renewal) "enrolment.certificate",
    }
}

wire_struct! {
    /// A patient comes.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Enrol {
        /// The code's secret.
        1 => secret: [u8; 16],
        /// The patient's key log.
        2 => log: KeyLog,
        /// The patient's key ring.
        3 => ring: Unverified<KeyRing>,
        /// The patient's newest revocation state.
        4 => revocations: Option<Unverified<RevocationState>>,
    }
}

wire_struct! {
    /// A fresh certificate for a relay.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Renewal {
        /// The certificate.
        1 => certificate: Unverified<RelayCertificate>,
    }
}

wire_struct! {
    /// The patient is enrolled.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Answer {
        /// Lets the relay in at every member; absent when the institution is no member.
        1 => certificate: Option<Unverified<RelayCertificate>>,
        /// The federation as the institution knows it, encoded as the federation feature does.
        2 => federation: Option<Bytes>,
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        match self {
            Self::Enrol(enrol) => Some(enrol.log.party_unverified()),
            Self::Certificate(_) => None,
        }
    }

    fn introduces(&self, txn: &dyn ReadTxn, now: Timestamp) -> Result<bool, StoreError> {
        match self {
            Self::Enrol(enrol) => codes::known(txn, &enrol.secret, now),
            Self::Certificate(_) => Ok(false),
        }
    }
}
