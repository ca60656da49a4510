//! What API, command line and pages show.

use crate::id::{FederationId, PartyId, StatementId};
use crate::identity::Role;
use crate::membership::Status;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The federation as this node knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FederationView {
    /// Its id; none before it is founded, or when this node is in none.
    pub federation: Option<FederationId>,
    /// Its name.
    pub name: String,
    /// Sponsors that an admission needs.
    pub threshold: u16,
    /// Whether it is still being founded here.
    pub founding: bool,
    /// While it is: how many first members it waits for, this node's institution among them.
    #[serde(default)]
    pub first_members: Option<u16>,
    /// Everybody that was ever spoken of.
    pub parties: Vec<MemberView>,
    /// Proposals to expel.
    pub proposals: Vec<ProposalView>,
    /// How this node's institution was expelled, if it was.
    #[serde(default)]
    pub expelled: Option<ExpelledView>,
}

/// How an institution was expelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpelledView {
    /// The federation's name.
    pub federation: String,
    /// The proposal.
    pub proposal: StatementId,
    /// When the vote that decided it was given.
    pub at: Timestamp,
    /// Who voted for it.
    pub by: Vec<PartyId>,
    /// Their names.
    pub names: Vec<String>,
    /// The reason given.
    pub reason: String,
}

impl ExpelledView {
    /// In one sentence without its end: `expelled from X on DATE by A, B: reason`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reason = if self.reason.is_empty() { "no reason was given" } else { &self.reason };
        format!(
            "expelled from `{}` on {} by {}: {reason}",
            self.federation,
            self.at.utc_text(),
            self.names.join(", ")
        )
    }
}

/// A party and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberView {
    /// The party.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// Its role, if it is known.
    pub role: Option<Role>,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: Status,
    /// Whether this is the node that answers.
    pub this_node: bool,
}

/// A proposal to expel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProposalView {
    /// The proposal.
    pub proposal: StatementId,
    /// Whom it concerns.
    pub subject: PartyId,
    /// Who proposed it.
    pub author: PartyId,
    /// The reason given.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Who voted for it.
    pub votes: Vec<PartyId>,
    /// How many may vote.
    pub electorate: usize,
    /// Whether it is effective.
    pub carried: bool,
}
