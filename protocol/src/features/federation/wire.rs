//! Messages.

use crate::codec::wire_struct;
use crate::directory::Introduction;
use crate::id::{CodeId, FederationId, StatementId};
use crate::members::Spread;
use crate::membership::MembershipStatement;
use crate::statement::Unverified;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// An institution with an invite asks to be admitted.
        1 => Apply(Apply) "federation.apply" introduction,
        /// Statements for whoever lacks them.
        2 => Spread(Spread) "federation.spread",
        /// Asks for what is missing here.
        3 => Sync(Sync) "federation.sync",
        /// A member tells the others of an applicant.
        4 => Applicant(Applicant) "federation.applicant",
    }
}

wire_struct! {
    /// Asks to be admitted. Who asks was told in `hello`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Apply {
        /// The invite, which the sender has proven.
        1 => code: CodeId,
    }
}

wire_struct! {
    /// Asks for what is missing here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Sync {
        /// The federation, if the asker is in one.
        1 => federation: Option<FederationId>,
        /// What is here: the newest statements, and some ever further back.
        2 => locator: Vec<StatementId>,
    }
}

wire_struct! {
    /// An applicant, for members who may sponsor it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Applicant {
        /// Who.
        1 => party: Introduction,
    }
}

wire_struct! {
    /// What tells an expelled party that it was expelled, as far as it fits a `hello`'s answer.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ExpulsionProof {
        /// The votes and what they name, as far as the party lacks them, each after what it names.
        1 => statements: Vec<Unverified<MembershipStatement>>,
        /// Authors that the party may not know.
        2 => parties: Vec<Introduction>,
        /// Whether there are more: another `hello` brings them.
        3 => more: bool,
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
