//! What API, command line and pages show.

use super::reasons::Reason;
use super::tables::{FoundingRow, founding};
use crate::directory::{self, Standing};
use crate::id::{FederationId, PartyId, StatementId};
use crate::identity::Role;
use crate::members::{charter, is_expelled, keep, ledger, rebuilt};
use crate::membership::Status;
use crate::refusal::{Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::Own;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The federation as this node knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Whether it applied and waits to be admitted; others may be listed because a proposal names them.
    pub applied: bool,
    /// Whether this is the node that answers.
    pub this_node: bool,
}

/// A proposal to expel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// How a party was expelled, if it was, for people.
pub(crate) fn expulsion(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<ExpelledView>, StoreError> {
    if !is_expelled(txn, party)? {
        return Ok(None);
    }
    let Some(ledger) = rebuilt(txn)? else { return Ok(None) };
    let Some(facts) = ledger.expulsion(party) else { return Ok(None) };
    let by: Vec<PartyId> = facts.votes.iter().copied().collect();
    let mut names = Vec::new();
    for voter in &by {
        names.push(directory::name(txn, *voter)?);
    }
    let federation = ledger.charter().name.clone();
    let (proposal, at, reason) = (facts.proposal, facts.at, facts.reason);
    Ok(Some(ExpelledView { federation, proposal, at, by, names, reason }))
}

/// The federation as shown.
pub(crate) fn view(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Handled<FederationView> {
    let member = |party: PartyId, standing: Status| -> Handled<MemberView> {
        let card = directory::card(txn, party)?;
        let this_node = party == own.party();
        let name = if this_node { own.name().to_owned() } else { directory::name(txn, party)? };
        Ok(MemberView {
            party,
            name,
            role: if this_node { Some(own.role()) } else { card.map(|card| card.role) },
            standing,
            applied: applied(own, txn, now, party)?,
            this_node,
        })
    };
    let Some(ledger) = ledger(own, txn)? else {
        let founding = founding(txn)?;
        let mut parties = Vec::new();
        for party in founding.iter().flat_map(|row| &row.members) {
            let sponsors = BTreeSet::from([own.party()]);
            parties.push(member(*party, Status::Candidate { sponsors })?);
        }
        parties.extend(applicants(own, txn, now, &parties)?);
        return Ok(FederationView {
            federation: None,
            name: founding.as_ref().map_or_else(String::new, |row| row.name.clone()),
            threshold: founding.as_ref().map_or(0, |row| row.threshold),
            founding: founding.is_some(),
            first_members: founding.as_ref().map(FoundingRow::first_members),
            parties,
            proposals: Vec::new(),
            expelled: None,
        });
    };
    let Some(charter) = charter(txn)? else {
        return refuse(Reason::CharterMissing);
    };
    let mut parties = Vec::new();
    for (party, status) in ledger.roll() {
        parties.push(member(party, status)?);
    }
    parties.extend(applicants(own, txn, now, &parties)?);
    let proposals = ledger
        .proposals()
        .map(|proposal| ProposalView {
            proposal: proposal.id,
            subject: proposal.subject,
            author: proposal.author,
            reason: proposal.reason.to_owned(),
            at: proposal.at,
            votes: proposal.votes.iter().copied().collect(),
            electorate: proposal.electorate,
            carried: proposal.carried,
        })
        .collect();
    let federation = ledger.federation();
    keep(own, ledger, false);
    Ok(FederationView {
        federation: Some(federation),
        name: charter.name.clone(),
        threshold: charter.threshold,
        founding: false,
        first_members: None,
        parties,
        proposals,
        expelled: expulsion(txn, own.party())?,
    })
}

/// Institutions that applied and of which no statement speaks yet.
fn applicants(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    listed: &[MemberView],
) -> Handled<Vec<MemberView>> {
    let mut views = Vec::new();
    for party in directory::with_standing(txn, now)? {
        let Some(card) = directory::card(txn, party)? else { continue };
        let applied = applied(own, txn, now, party)?;
        if applied && !listed.iter().any(|view| view.party == party) {
            views.push(MemberView {
                party,
                name: card.name.clone(),
                role: Some(card.role),
                standing: Status::Stranger,
                applied,
                this_node: false,
            });
        }
    }
    Ok(views)
}

fn applied(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    party: PartyId,
) -> Result<bool, StoreError> {
    let standing = directory::standing(txn, party, now)?;
    Ok(standing == Some(Standing::Applicant) && party != own.party())
}
