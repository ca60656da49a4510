//! Messages.

use crate::capability::News;
use crate::codec::{Bytes, wire_struct};
use crate::id::{CodeId, PartyId};
use crate::identity::{Compartment, KeyLog, KeyRing, RelayCertificate};
use crate::statement::Unverified;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// A relay brings a patient with an institution's code.
        1 => Enrol(Enrol) "enrolment.enrol" introduction,
        /// A member renews what lets a relay in at every member.
        2 => Certificate(Renewal) "enrolment.certificate" vital,
        /// The relay reveals what it committed to: both sides have the number.
        3 => Reveal(Reveal) "enrolment.reveal" introduction,
        /// The institution has compared the number.
        4 => Confirmed(Confirmed) "enrolment.confirmed" vital,
        /// The patient says that the institution did: the enrolment is made.
        5 => Accepted(Accepted) "enrolment.accepted" introduction,
        /// Either side takes an enrolment back that was not made yet.
        6 => Undone(Undone) "enrolment.undone" introduction,
    }
}

wire_struct! {
    /// A patient comes.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Enrol {
        /// The code, which the sender has proven.
        1 => code: CodeId,
        /// The patient's key log.
        2 => log: KeyLog,
        /// What the relay will reveal, committed to: so that neither side can choose the number.
        3 => commitment: [u8; 32],
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
    /// The institution's part of the number.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Answer {
        /// Random.
        1 => random: [u8; 32],
    }
}

wire_struct! {
    /// The relay's part of the number.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reveal {
        /// The patient.
        1 => patient: PartyId,
        /// What was committed to.
        2 => random: [u8; 32],
    }
}

wire_struct! {
    /// The number is the same on both sides, as a person at the institution found.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Confirmed {
        /// The patient.
        1 => patient: PartyId,
    }
}

wire_struct! {
    /// What the institution seals to from now on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Accepted {
        /// The patient's key log.
        1 => log: KeyLog,
        /// The patient's key ring.
        2 => ring: Unverified<KeyRing>,
        /// The patient's newest revocation state.
        3 => news: News,
        /// The compartments of the ring.
        4 => compartments: Vec<Compartment>,
    }
}

wire_struct! {
    /// The patient is enrolled.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AcceptedAnswer {
        /// Lets the relay in at every member; absent when the institution is no member.
        1 => certificate: Option<Unverified<RelayCertificate>>,
        /// The federation as the institution knows it, encoded as the federation feature does.
        2 => federation: Option<Bytes>,
    }
}

wire_struct! {
    /// An enrolment is taken back.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Undone {
        /// The patient.
        1 => patient: PartyId,
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        match self {
            Self::Enrol(enrol) => Some(enrol.log.party_unverified()),
            Self::Certificate(_) => None,
            Self::Reveal(reveal) => Some(reveal.patient),
            Self::Confirmed(confirmed) => Some(confirmed.patient),
            Self::Accepted(accepted) => Some(accepted.log.party_unverified()),
            Self::Undone(undone) => Some(undone.patient),
        }
    }

    fn code(&self) -> Option<CodeId> {
        match self {
            Self::Enrol(enrol) => Some(enrol.code),
            _ => None,
        }
    }
}
