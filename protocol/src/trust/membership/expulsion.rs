//! What tells an expelled party that it was expelled, and everybody why.

use super::wire::{Act, MembershipStatement};
use super::{Ledger, Status};
use crate::id::{PartyId, StatementId};
use crate::statement::Signed;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// An effective expulsion, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpulsionFacts {
    /// The proposal.
    pub proposal: StatementId,
    /// When the vote that decided it was given, by the voters' clocks.
    pub at: Timestamp,
    /// Who voted for it.
    pub votes: BTreeSet<PartyId>,
    /// The reason given.
    pub reason: String,
}

impl Ledger {
    /// How a party was expelled, if it was.
    #[must_use]
    pub fn expulsion(&self, party: PartyId) -> Option<ExpulsionFacts> {
        let Status::Expelled { proposal, votes } = self.status(party) else { return None };
        let Act::ProposeExpulsion(expulsion) = &self.get(proposal)?.act else { return None };
        let mut times: Vec<Timestamp> = self.ballots(proposal).map(|vote| vote.at).collect();
        times.sort_unstable();
        let needed = usize::from(self.charter().threshold).max(self.electorate(proposal) / 2 + 1);
        let at = times.get(needed.min(times.len()) - 1).copied()?;
        Some(ExpulsionFacts { proposal, at, votes, reason: expulsion.reason.clone() })
    }

    /// The statements that a party needs in order to see that it was expelled, and that a node with this
    /// locator lacks, each after what it names. Empty when it has them all.
    #[must_use]
    pub fn expulsion_proof(
        &self,
        party: PartyId,
        locator: &[StatementId],
    ) -> Vec<&Signed<MembershipStatement>> {
        let Status::Expelled { proposal, .. } = self.status(party) else { return Vec::new() };
        let votes: Vec<StatementId> = self.ballots(proposal).map(Signed::id).collect();
        self.leading_to(&votes, locator)
    }

    /// The proposal and its votes.
    fn ballots(&self, proposal: StatementId) -> impl Iterator<Item = &Signed<MembershipStatement>> {
        self.statements().filter(move |statement| {
            statement.id() == proposal
                || matches!(&statement.act, Act::SupportExpulsion(voted) if *voted == proposal)
        })
    }

    fn electorate(&self, proposal: StatementId) -> usize {
        self.proposals().find(|one| one.id == proposal).map_or(0, |one| one.electorate)
    }
}
