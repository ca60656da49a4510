//! The set of statements that one node has, and what it takes in.

use super::judge::{Facts, Scope};
use super::past::Past;
use super::pending::Pending;
use super::wire::{Act, Charter, CharterError, MembershipStatement};
use super::{Insertion, ProposalView, Refusal, Status};
use crate::id::{FederationId, PartyId, StatementId};
use crate::limits;
use crate::statement::Signed;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// All verified statements of one federation, each after what it names. Everything it tells about
/// members is a function of the set, never of the order in which the set grew.
///
/// To keep it: write each statement under the next number when it is taken in (the one inserted, then
/// those released), and on start insert them in that order. In another order they would have to wait
/// for each other, and the waiting room is small on purpose.
pub struct Ledger {
    charter: Signed<Charter>,
    /// In an order in which each stands after what it names; differs from node to node.
    order: Vec<Signed<MembershipStatement>>,
    positions: BTreeMap<StatementId, usize>,
    heads: BTreeSet<StatementId>,
    facts: Facts,
    pending: Pending,
    /// Refused for good, so that what names them is refused at once and nobody asks for them.
    refused: BTreeSet<StatementId>,
}

impl Ledger {
    /// A federation of which only the charter is known.
    ///
    /// # Errors
    /// [`CharterError`].
    pub fn new(charter: Signed<Charter>) -> Result<Self, CharterError> {
        charter.check()?;
        Ok(Self {
            facts: Facts::new(&charter),
            heads: BTreeSet::from([charter.id()]),
            order: Vec::new(),
            positions: BTreeMap::new(),
            pending: Pending::default(),
            refused: BTreeSet::new(),
            charter,
        })
    }

    /// The federation's id.
    #[must_use]
    pub const fn federation(&self) -> FederationId {
        FederationId(self.charter.id().0)
    }

    /// The charter.
    #[must_use]
    pub const fn charter(&self) -> &Signed<Charter> {
        &self.charter
    }

    /// Takes a statement in, or lets it wait for what it names, or refuses it. Whatever waited for
    /// it is taken in or refused along with it.
    pub fn insert(&mut self, statement: Signed<MembershipStatement>) -> Insertion {
        let id = statement.id();
        if self.knows(id) || self.pending.contains(id) {
            return Insertion::Duplicate;
        }
        if let Err(why) = self.check_form(&statement) {
            return self.refuse(id, why);
        }
        let absent: Vec<_> =
            statement.seen.iter().copied().filter(|head| !self.knows(*head)).collect();
        if !absent.is_empty() {
            return match self.pending.add(statement, &absent) {
                Ok(()) => {
                    let unheard = |head: &StatementId| !self.pending.contains(*head);
                    Insertion::Pending { missing: absent.into_iter().filter(unheard).collect() }
                }
                Err(why) => Insertion::Refused { why, dropped: Vec::new() },
            };
        }
        match self.take_in(statement) {
            Ok(()) => self.settle(id),
            Err(why) => self.refuse(id, why),
        }
    }

    /// What can be said of a statement without knowing any other. [FED-2]
    fn check_form(&self, statement: &MembershipStatement) -> Result<(), Refusal> {
        let seen = &statement.seen;
        if statement.federation != self.federation() {
            return Err(Refusal::OtherFederation);
        }
        if seen.is_empty()
            || seen.len() > limits::HEADS_MAX
            || !seen.is_sorted_by(|a, b| a < b)
            || (seen.len() > 1 && seen.contains(&self.charter.id()))
        {
            return Err(Refusal::BadHeads);
        }
        if seen.iter().any(|head| self.refused.contains(head)) {
            return Err(Refusal::NamesRefused);
        }
        Ok(())
    }

    /// Takes in a statement whose whole past is here.
    fn take_in(&mut self, statement: Signed<MembershipStatement>) -> Result<(), Refusal> {
        if self.order.len() >= limits::MEMBERSHIP_STATEMENTS_MAX {
            return Err(Refusal::Full);
        }
        let (id, past) = (statement.id(), self.past_of(&statement.seen));
        self.facts.judge(&statement, &past)?;
        self.facts.record(id, &statement, past);
        for head in &statement.seen {
            self.heads.remove(head);
        }
        self.heads.insert(id);
        self.positions.insert(id, self.order.len());
        self.order.push(statement);
        Ok(())
    }

    /// Takes in what waited for `id`, and what waited for that.
    fn settle(&mut self, id: StatementId) -> Insertion {
        let (mut released, mut dropped, mut present) = (Vec::new(), Vec::new(), vec![id]);
        while let Some(id) = present.pop() {
            let (charter, positions) = (self.charter.id(), &self.positions);
            let here = |head| head == charter || positions.contains_key(&head);
            for statement in self.pending.release(id, here) {
                let id = statement.id();
                match self.take_in(statement) {
                    Ok(()) => {
                        released.push(id);
                        present.push(id);
                    }
                    Err(why) => {
                        dropped.push(id);
                        dropped.extend(self.discard(id, why));
                    }
                }
            }
        }
        Insertion::Inserted { released, dropped }
    }

    fn refuse(&mut self, id: StatementId, why: Refusal) -> Insertion {
        Insertion::Refused { why, dropped: self.discard(id, why) }
    }

    /// Lets go of what waits for a refused statement, and remembers them when that is final. What does
    /// not fit the memory is merely judged again.
    fn discard(&mut self, id: StatementId, why: Refusal) -> Vec<StatementId> {
        let dropped = self.pending.discard(id);
        if why.is_final() {
            let room = limits::MEMBERSHIP_PENDING_MAX.saturating_sub(self.refused.len());
            self.refused.extend(dropped.iter().copied().chain([id]).take(room));
        }
        dropped
    }

    /// The union of what these heads name, and themselves. Heads that are not here are passed over.
    fn past_of(&self, heads: &[StatementId]) -> Past {
        let mut past = Past::default();
        for position in heads.iter().filter_map(|head| self.positions.get(head)) {
            past.union(self.facts.past(*position));
            past.insert(*position);
        }
        past
    }

    /// Forgets what waits, and what was refused: nothing that was taken in.
    pub(crate) fn forget_waiting(&mut self) {
        self.pending = Pending::default();
        self.refused.clear();
    }

    fn knows(&self, id: StatementId) -> bool {
        id == self.charter.id() || self.positions.contains_key(&id)
    }

    /// What this node would sign for `author` now, naming the heads that it sees.
    ///
    /// # Errors
    /// [`Refusal`], as every node would say on receipt; nothing was signed.
    pub fn draft(
        &self,
        author: PartyId,
        key: u32,
        at: Timestamp,
        act: Act,
    ) -> Result<MembershipStatement, Refusal> {
        let seen = self.heads_to_name(&act);
        let past = self.past_of(&seen);
        let draft =
            MembershipStatement { federation: self.federation(), author, key, at, seen, act };
        self.facts.judge(&draft, &past)?;
        Ok(draft)
    }

    /// Up to [`limits::HEADS_MAX`] heads. When there are more, somebody forks on purpose: each
    /// author gets one before any gets two, so that nobody crowds out the others.
    fn heads_to_name(&self, act: &Act) -> Vec<StatementId> {
        let voted = match act {
            Act::SupportExpulsion(proposal) => self.positions.get(proposal),
            _ => None,
        };
        let mut of_author: BTreeMap<PartyId, usize> = BTreeMap::new();
        let mut ranked: Vec<_> = self
            .heads
            .iter()
            .map(|id| {
                let Some(position) = self.positions.get(id) else { return (0, *id) };
                let turn = of_author.entry(self.order[*position].author).or_default();
                *turn += 1;
                let past = self.facts.past(*position);
                let covers = voted.is_some_and(|v| v == position || past.contains(*v));
                (if covers { 0 } else { *turn }, *id)
            })
            .collect();
        ranked.sort_unstable();
        let mut seen: Vec<_> =
            ranked.into_iter().map(|(_, id)| id).take(limits::HEADS_MAX).collect();
        seen.sort_unstable();
        seen
    }

    /// Whether `sponsor` may sponsor `subject` now, and how that party stands.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn can_admit(&self, sponsor: PartyId, subject: PartyId) -> Result<Status, Refusal> {
        self.draft(sponsor, 0, Timestamp(0), Act::Admit(subject))?;
        Ok(self.status(subject))
    }

    /// All members.
    #[must_use]
    pub fn members(&self) -> BTreeSet<PartyId> {
        self.facts.members(Scope::All).collect()
    }

    /// Whether this party is a member.
    #[must_use]
    pub fn is_member(&self, party: PartyId) -> bool {
        self.facts.is_member(party, Scope::All)
    }

    /// Where a party stands.
    #[must_use]
    pub fn status(&self, party: PartyId) -> Status {
        self.facts.status(party)
    }

    /// Every party that a statement was about, and where it stands.
    #[must_use]
    pub fn roll(&self) -> BTreeMap<PartyId, Status> {
        self.facts.parties().map(|party| (party, self.status(party))).collect()
    }

    /// Every proposal to expel, by id.
    pub fn proposals(&self) -> impl Iterator<Item = ProposalView<'_>> {
        self.facts.proposals().filter_map(|(id, proposal)| {
            let statement = &self.order[*self.positions.get(&id)?];
            let Act::ProposeExpulsion(expulsion) = &statement.act else { return None };
            Some(ProposalView {
                id,
                author: statement.author,
                at: statement.at,
                subject: proposal.subject,
                reason: &expulsion.reason,
                votes: proposal.all_voters(),
                electorate: proposal.electorate,
                carried: self.facts.carried(proposal),
            })
        })
    }

    /// The statements that no other names; the charter when there is none.
    #[must_use]
    pub const fn heads(&self) -> &BTreeSet<StatementId> {
        &self.heads
    }

    /// What waiting statements name and nobody brought yet, ascending: to be asked for.
    #[must_use]
    pub fn missing(&self) -> Vec<StatementId> {
        self.pending.missing().collect()
    }

    /// How many statements wait for others.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The statements, each after what it names. The charter is not among them.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = &Signed<MembershipStatement>> {
        self.order.iter()
    }

    /// A statement that was taken in or waits.
    #[must_use]
    pub fn get(&self, id: StatementId) -> Option<&Signed<MembershipStatement>> {
        let taken_in = self.positions.get(&id).map(|position| &self.order[*position]);
        taken_in.or_else(|| self.pending.get(id))
    }

    /// What to tell another node, for it to find out what we lack: our heads, and ids ever further
    /// back. The other may not know our heads; it will know some of the rest. At most
    /// [`limits::LOCATOR_MAX`].
    #[must_use]
    pub fn locator(&self) -> Vec<StatementId> {
        let back = (0..usize::BITS)
            .map_while(|power| self.order.len().checked_sub(1 << power))
            .map(|position| self.order[position].id());
        let heads = self.heads.iter().copied().take(limits::HEADS_MAX);
        let all: BTreeSet<_> = heads.chain(back).collect();
        all.into_iter().take(limits::LOCATOR_MAX).collect()
    }

    /// The statements that these name, and themselves, without what a node with this locator has; each
    /// after what it names.
    pub(super) fn leading_to(
        &self,
        to: &[StatementId],
        locator: &[StatementId],
    ) -> Vec<&Signed<MembershipStatement>> {
        let (wanted, known) = (self.past_of(to), self.past_of(bounded(locator)));
        (0..self.order.len())
            .filter(|position| wanted.contains(*position) && !known.contains(*position))
            .map(|position| &self.order[position])
            .collect()
    }

    /// Up to `limit` statements that a node with this locator lacks, as far as we can tell, each
    /// after what it names. `after` is the last one of the page before.
    #[must_use]
    pub fn lacking(
        &self,
        locator: &[StatementId],
        after: Option<StatementId>,
        limit: usize,
    ) -> Vec<&Signed<MembershipStatement>> {
        let known = self.past_of(bounded(locator));
        let from = after.and_then(|id| self.positions.get(&id)).map_or(0, |last| last + 1);
        (from..self.order.len())
            .filter(|position| !known.contains(*position))
            .map(|position| &self.order[position])
            .take(limit)
            .collect()
    }
}

/// What of another node's locator is looked at.
fn bounded(locator: &[StatementId]) -> &[StatementId] {
    &locator[..locator.len().min(limits::LOCATOR_MAX)]
}

impl core::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ledger")
            .field("federation", &self.federation())
            .field("statements", &self.order.len())
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}
