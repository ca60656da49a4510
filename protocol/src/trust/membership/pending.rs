//! Statements that wait for statements they name.

use super::Refusal;
use super::wire::MembershipStatement;
use crate::id::{PartyId, StatementId};
use crate::limits;
use crate::statement::Signed;
use std::collections::{BTreeMap, BTreeSet};

/// The waiting room. Bounded, and so is each author's share: whoever names what does not exist fills
/// no more than that.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    statements: BTreeMap<StatementId, Signed<MembershipStatement>>,
    /// For each statement that is not taken in: who names it.
    named_by: BTreeMap<StatementId, BTreeSet<StatementId>>,
}

impl Pending {
    pub(super) fn contains(&self, id: StatementId) -> bool {
        self.statements.contains_key(&id)
    }

    pub(super) fn get(&self, id: StatementId) -> Option<&Signed<MembershipStatement>> {
        self.statements.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.statements.len()
    }

    /// Lets a statement wait for `absent`.
    pub(super) fn add(
        &mut self,
        statement: Signed<MembershipStatement>,
        absent: &[StatementId],
    ) -> Result<(), Refusal> {
        if self.len() >= limits::MEMBERSHIP_PENDING_MAX
            || self.of(statement.author) >= limits::MEMBERSHIP_PENDING_PER_AUTHOR_MAX
        {
            return Err(Refusal::TooManyPending);
        }
        for id in absent {
            self.named_by.entry(*id).or_default().insert(statement.id());
        }
        self.statements.insert(statement.id(), statement);
        Ok(())
    }

    fn of(&self, author: PartyId) -> usize {
        self.statements.values().filter(|statement| statement.author == author).count()
    }

    /// Takes out those that name `id`, which was just taken in, and name nothing else that is absent.
    pub(super) fn release(
        &mut self,
        id: StatementId,
        present: impl Fn(StatementId) -> bool,
    ) -> Vec<Signed<MembershipStatement>> {
        let naming = self.named_by.remove(&id).unwrap_or_default();
        let ready = |id: &StatementId| {
            self.statements.get(id).is_some_and(|s| s.seen.iter().all(|head| present(*head)))
        };
        let ready: Vec<_> = naming.into_iter().filter(ready).collect();
        ready.iter().filter_map(|id| self.statements.remove(id)).collect()
    }

    /// Throws out those that name `id`, and those that name these, and so on. Returns their ids.
    pub(super) fn discard(&mut self, id: StatementId) -> Vec<StatementId> {
        let (mut discarded, mut gone) = (Vec::new(), vec![id]);
        while let Some(id) = gone.pop() {
            for naming in self.named_by.remove(&id).unwrap_or_default() {
                if let Some(statement) = self.statements.remove(&naming) {
                    self.forget(&statement);
                    discarded.push(naming);
                    gone.push(naming);
                }
            }
        }
        discarded
    }

    fn forget(&mut self, statement: &Signed<MembershipStatement>) {
        for head in &statement.seen {
            if let Some(naming) = self.named_by.get_mut(head) {
                naming.remove(&statement.id());
                if naming.is_empty() {
                    self.named_by.remove(head);
                }
            }
        }
    }

    /// What is named but neither taken in nor waiting.
    pub(super) fn missing(&self) -> impl Iterator<Item = StatementId> {
        self.named_by.keys().copied().filter(|id| !self.contains(*id))
    }
}
