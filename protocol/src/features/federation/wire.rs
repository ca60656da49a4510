//! Messages.

use crate::codec::{Bytes, wire_struct};
use crate::directory::Introduction;
use crate::id::{CodeId, FederationId, ViewId};
use crate::membership::{Application, Ballot, Left, Seal, Speech, Standpoint, Word};
use crate::statement::Unverified;
use crate::turn::{About, messages};

pub use crate::members::Follow;

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// An institution with an invite asks to be admitted.
        1 => Apply(Apply) "federation.apply" introduction,
        /// A member tells the others of an applicant.
        2 => Applicant(Applicant) "federation.applicant" vital,
        /// Where the sender stands, and what was said there.
        3 => Gossip(Gossip) "federation.gossip" vital,
        /// Asks for the seals since a view.
        4 => CatchUp(CatchUp) "federation.catch-up" read,
        /// A member that was put back from a copy asks how far the others are.
        5 => HowFar(HowFar) "federation.how-far" read,
        /// An applicant, or a member that wanted another name, wants that no more.
        6 => Retract(Retract) "federation.retract" vital,
    }
}

wire_struct! {
    /// Asks to be admitted. Who asks was told in `hello`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Apply {
        /// The invite, which the sender has proven.
        1 => code: CodeId,
        /// The view that the invite names.
        2 => anchor: Standpoint,
        /// As what.
        3 => application: Unverified<Application>,
    }
}

wire_struct! {
    /// Takes the sender's application back.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Retract {
        /// To which federation it was.
        1 => federation: FederationId,
    }
}

wire_struct! {
    /// An applicant, for members who may sponsor it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Applicant {
        /// Who.
        1 => party: Introduction,
        /// As what.
        2 => application: Unverified<Application>,
    }
}

wire_struct! {
    /// Where the sender stands, and what was said in that view.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Gossip {
        /// Where.
        1 => position: Standpoint,
        /// Ballots.
        2 => ballots: Vec<Unverified<Ballot>>,
        /// Speeches.
        3 => speeches: Vec<Unverified<Speech>>,
        /// What members signed.
        4 => words: Vec<Word>,
        /// What led into the sender's round.
        5 => left: Option<Left>,
        /// To somebody who is no member: the seals since where it was told last that the sender stands.
        6 => seals: Vec<Seal>,
    }
}

wire_struct! {
    /// Where the receiver stands.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GossipAnswer {
        /// Where; nowhere, if it follows no federation.
        1 => position: Option<Standpoint>,
    }
}

wire_struct! {
    /// Asks for the seals since a view.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CatchUp {
        /// The view; absent: the receiver's newest.
        1 => position: Option<Standpoint>,
        /// Whether charter and view are wanted, too.
        2 => whole: bool,
    }
}

wire_struct! {
    /// Asks how far the receiver is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HowFar {
        /// In which view.
        1 => view: ViewId,
        /// For the report.
        2 => nonce: [u8; 16],
        /// The round in which the asker is to join, once it knows.
        3 => go_on_to: Option<u32>,
    }
}

wire_struct! {
    /// What tells an expelled party that it was expelled, as far as it fits a `hello`'s answer: the seals since where it
    /// stands.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ExpulsionProof {
        /// The first of them.
        1 => seal: Seal,
        /// Whether there are more: another `hello` brings the next.
        2 => more: bool,
    }
}

impl Gossip {
    /// Where the sender stands, and nothing else.
    pub(super) const fn of(position: Standpoint) -> Self {
        Self {
            position,
            ballots: Vec::new(),
            speeches: Vec::new(),
            words: Vec::new(),
            left: None,
            seals: Vec::new(),
        }
    }
}

impl About for Message {
    fn code(&self) -> Option<CodeId> {
        match self {
            Self::Apply(apply) => Some(apply.code),
            _ => None,
        }
    }
}

/// The bytes of an answer.
pub(super) fn answer(answer: &impl crate::codec::Wire) -> Bytes {
    Bytes(answer.to_bytes())
}
