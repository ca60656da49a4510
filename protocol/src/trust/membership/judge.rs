//! The rules: who is a member, given a causally closed set of statements.
//!
//! No set of members is kept anywhere. What is kept is, for each party, the statements that concern
//! it; a question about a set S looks at these few and asks which of them are in S. That an author
//! was a member in the statement's own past is settled once, when the statement is taken in, because
//! that past never changes.

use super::past::Past;
use super::wire::{Act, Charter, MembershipStatement};
use super::{Refusal, Status};
use crate::id::{PartyId, StatementId};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Which statements a question is about.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// All that were taken in.
    All,
    /// Those that one statement had seen.
    Before(&'a Past),
}

impl Scope<'_> {
    fn has(self, position: usize) -> bool {
        match self {
            Self::All => true,
            Self::Before(past) => past.contains(position),
        }
    }
}

/// One sponsor's word for a party.
struct Admission {
    position: usize,
    sponsor: PartyId,
    at: Timestamp,
}

/// The statements that concern one party.
#[derive(Default)]
struct Party {
    admissions: Vec<Admission>,
    leaves: Vec<usize>,
    proposals: Vec<StatementId>,
}

/// A proposal to expel, with all its votes.
pub(super) struct Proposal {
    position: usize,
    pub(super) subject: PartyId,
    /// |E(P)|. Who is in it follows from the proposal's past.
    pub(super) electorate: usize,
    votes: Vec<(usize, PartyId)>,
}

impl Proposal {
    fn voters(&self, scope: Scope<'_>) -> BTreeSet<PartyId> {
        let seen = self.votes.iter().filter(|(position, _)| scope.has(*position));
        seen.map(|(_, voter)| *voter).collect()
    }

    /// Everybody who voted for it so far.
    pub(super) fn all_voters(&self) -> BTreeSet<PartyId> {
        self.voters(Scope::All)
    }
}

/// Everything the rules look at.
pub(super) struct Facts {
    threshold: usize,
    created: Timestamp,
    first_members: BTreeSet<PartyId>,
    parties: BTreeMap<PartyId, Party>,
    proposals: BTreeMap<StatementId, Proposal>,
    pasts: Vec<Past>,
}

impl Facts {
    pub(super) fn new(charter: &Charter) -> Self {
        Self {
            threshold: usize::from(charter.threshold),
            created: charter.created,
            first_members: charter.first_members.iter().copied().collect(),
            parties: charter.first_members.iter().map(|id| (*id, Party::default())).collect(),
            proposals: BTreeMap::new(),
            pasts: Vec::new(),
        }
    }

    /// What the statement at `position` had seen, without itself.
    pub(super) fn past(&self, position: usize) -> &Past {
        &self.pasts[position]
    }

    pub(super) fn proposals(&self) -> impl Iterator<Item = (StatementId, &Proposal)> {
        self.proposals.iter().map(|(id, proposal)| (*id, proposal))
    }

    /// Whether a statement with this past may be taken in. Looks at the past and at nothing else, so
    /// every node comes to the same answer whenever it asks. [FED-3]
    pub(super) fn judge(
        &self,
        statement: &MembershipStatement,
        past: &Past,
    ) -> Result<(), Refusal> {
        let (author, scope) = (statement.author, Scope::Before(past));
        if !self.is_member(author, scope) {
            return Err(Refusal::NotMember);
        }
        match &statement.act {
            Act::Admit(subject) if *subject == author => Err(Refusal::SponsorsSelf),
            Act::Admit(subject) if self.is_expelled(*subject, scope) => {
                Err(Refusal::SponsorsExpelled)
            }
            Act::ProposeExpulsion(expulsion) if expulsion.subject == author => {
                Err(Refusal::ExpelsSelf)
            }
            Act::SupportExpulsion(proposal) => {
                let proposal = self
                    .proposals
                    .get(proposal)
                    .filter(|proposal| past.contains(proposal.position))
                    .ok_or(Refusal::NoSuchProposal)?;
                let electorate = Scope::Before(self.past(proposal.position));
                if proposal.subject == author || !self.is_member(author, electorate) {
                    return Err(Refusal::NotInElectorate);
                }
                Ok(())
            }
            Act::Admit(_) | Act::ProposeExpulsion(_) | Act::Leave => Ok(()),
        }
    }

    /// Takes in a statement that was judged, as the next position.
    pub(super) fn record(&mut self, id: StatementId, statement: &MembershipStatement, past: Past) {
        let (position, author) = (self.pasts.len(), statement.author);
        match &statement.act {
            Act::Admit(subject) => self
                .parties
                .entry(*subject)
                .or_default()
                .admissions
                .push(Admission { position, sponsor: author, at: statement.at }),
            Act::ProposeExpulsion(expulsion) => {
                let subject = expulsion.subject;
                let scope = Scope::Before(&past);
                let electorate = self.members(scope).filter(|party| *party != subject).count();
                let votes = vec![(position, author)];
                self.proposals.insert(id, Proposal { position, subject, electorate, votes });
                self.parties.entry(subject).or_default().proposals.push(id);
            }
            Act::SupportExpulsion(proposal) => self
                .proposals
                .get_mut(proposal)
                .expect("a vote is judged after its proposal")
                .votes
                .push((position, author)),
            Act::Leave => self.parties.entry(author).or_default().leaves.push(position),
        }
        self.pasts.push(past);
    }

    /// Every member. [FED-4]
    pub(super) fn members<'a>(&'a self, scope: Scope<'a>) -> impl Iterator<Item = PartyId> + 'a {
        self.parties.keys().copied().filter(move |party| self.is_member(*party, scope))
    }

    /// [FED-4]
    pub(super) fn is_member(&self, id: PartyId, scope: Scope<'_>) -> bool {
        let Some(party) = self.parties.get(&id) else { return false };
        !self.is_expelled(id, scope)
            && (self.is_first(id, party, scope)
                || self.sponsors(party, scope).len() >= self.threshold)
    }

    /// Named by the charter, and not left since. [FED-6]
    fn is_first(&self, id: PartyId, party: &Party, scope: Scope<'_>) -> bool {
        self.first_members.contains(&id) && !party.leaves.iter().any(|leave| scope.has(*leave))
    }

    /// The sponsors whose word for this party counts, and when they first gave it. [FED-5]
    fn sponsors(&self, party: &Party, scope: Scope<'_>) -> BTreeMap<PartyId, Timestamp> {
        let mut sponsors = BTreeMap::new();
        for admission in party.admissions.iter().filter(|a| scope.has(a.position)) {
            let position = admission.position;
            let left = party
                .leaves
                .iter()
                .any(|leave| scope.has(*leave) && self.pasts[*leave].contains(position));
            // An expelled sponsor could sign admissions for ever, naming heads from before the
            // expulsion: only what the proposal saw is known to be older. [FED-10]
            let void = self
                .expulsions(admission.sponsor, scope)
                .any(|(_, expulsion)| !self.pasts[expulsion.position].contains(position));
            if !left && !void {
                let at = sponsors.entry(admission.sponsor).or_insert(admission.at);
                *at = (*at).min(admission.at);
            }
        }
        sponsors
    }

    fn is_expelled(&self, id: PartyId, scope: Scope<'_>) -> bool {
        self.expulsions(id, scope).next().is_some()
    }

    /// The effective expulsions of a party.
    fn expulsions<'a>(
        &'a self,
        id: PartyId,
        scope: Scope<'a>,
    ) -> impl Iterator<Item = (StatementId, &'a Proposal)> {
        let proposals = self.parties.get(&id).into_iter().flat_map(|party| &party.proposals);
        proposals
            .map(|id| (*id, &self.proposals[id]))
            .filter(move |(_, proposal)| self.is_effective(proposal, scope))
    }

    /// [FED-9]
    fn is_effective(&self, proposal: &Proposal, scope: Scope<'_>) -> bool {
        // Most proposals of a quarrel never get far; do not gather voters that cannot suffice.
        if proposal.votes.len() < self.threshold || !scope.has(proposal.position) {
            return false;
        }
        let votes = proposal.voters(scope).len();
        votes >= self.threshold && 2 * votes > proposal.electorate
    }

    /// Where a party stands, given all statements.
    pub(super) fn status(&self, id: PartyId) -> Status {
        let Some(party) = self.parties.get(&id) else { return Status::Stranger };
        // Several expulsions may be effective; every node names the same one.
        if let Some((proposal, expulsion)) = self.expulsions(id, Scope::All).min_by_key(|e| e.0) {
            return Status::Expelled { proposal, votes: expulsion.all_voters() };
        }
        let sponsors = self.sponsors(party, Scope::All);
        let mut times: Vec<_> = sponsors.values().copied().collect();
        times.sort_unstable();
        let sponsors: BTreeSet<_> = sponsors.into_keys().collect();
        if self.is_first(id, party, Scope::All) {
            Status::Member { since: self.created, sponsors }
        } else if let Some(since) = times.get(self.threshold - 1) {
            Status::Member { since: *since, sponsors }
        } else if !sponsors.is_empty() {
            Status::Candidate { sponsors }
        } else if party.leaves.is_empty() {
            Status::Stranger
        } else {
            Status::Left
        }
    }

    /// Every party that any statement was about.
    pub(super) fn parties(&self) -> impl Iterator<Item = PartyId> {
        self.parties.keys().copied()
    }

    /// Whether a proposal has enough votes by now.
    pub(super) fn carried(&self, proposal: &Proposal) -> bool {
        self.is_effective(proposal, Scope::All)
    }
}
