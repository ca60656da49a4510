//! What quorums signed: seals, certificates, rounds that were left; and what two seals of one view prove.

use super::reasons::Unsaid;
use super::view::CheckedView;
use super::wire::{Certificate, Commit, Endorsement, Left, Next, Prepare, Pulse, Seal};
use crate::id::{PartyId, ViewId};
use crate::statement::{Statement, is_signed_by};
use crate::time::Timestamp;
use std::collections::BTreeSet;

impl CheckedView {
    /// Whether these places are members' and as many as a quorum; no key but the listed ones counts. [FED-4]
    #[must_use]
    pub fn is_quorum(&self, places: &[u16]) -> bool {
        places.len() == self.numbers().quorum()
            && places.is_sorted_by(|a, b| a < b)
            && places.iter().all(|place| self.at(*place).is_some())
    }

    fn quorum_signed(&self, claims: &impl Statement, by: &[Endorsement]) -> Result<(), Unsaid> {
        let places: Vec<u16> = by.iter().map(|one| one.place).collect();
        if !self.is_quorum(&places) {
            return Err(Unsaid::NoQuorum);
        }
        let signed = |one: &Endorsement| {
            self.key_at(one.place).is_some_and(|key| is_signed_by(claims, &one.signature, &key))
        };
        if by.iter().all(signed) { Ok(()) } else { Err(Unsaid::BadSignature) }
    }

    /// The view that a seal makes final, if this one is. [FED-15]
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn sealed(&self, seal: &Seal) -> Result<Self, Unsaid> {
        if seal.view != self.id() {
            return Err(Unsaid::OtherView);
        }
        let successor = self.successor(&seal.change)?;
        let commit = Commit { view: self.id(), round: seal.round, successor: successor.id() };
        self.quorum_signed(&commit, &seal.commits)?;
        Ok(successor)
    }

    /// Whether a certificate is one. [FED-12]
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn check_certificate(&self, certificate: &Certificate) -> Result<(), Unsaid> {
        let Certificate { round, successor, prepares } = certificate;
        let prepare = Prepare { view: self.id(), round: *round, successor: *successor };
        self.quorum_signed(&prepare, prepares)
    }

    /// Whether a quorum left a round. [FED-14]
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn check_left(&self, left: &Left) -> Result<(), Unsaid> {
        if left.view != self.id() {
            return Err(Unsaid::OtherView);
        }
        self.quorum_signed(&Next { view: self.id(), round: left.round }, &left.nexts)
    }

    /// As of when nobody can have been put out or taken in after this view: the q-th newest of its members' pulses, by
    /// their clocks. None of fewer pulses. [FED-19]
    #[must_use]
    pub fn current_as_of(&self, pulses: impl Iterator<Item = Timestamp>) -> Option<Timestamp> {
        let mut times: Vec<_> = pulses.collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.get(self.numbers().quorum() - 1).copied()
    }

    /// Verifies a pulse of the member at a place.
    #[must_use]
    pub fn is_pulse(&self, at: Timestamp, by: &Endorsement) -> bool {
        let pulse = Pulse { view: self.id(), at };
        self.key_at(by.place).is_some_and(|key| is_signed_by(&pulse, &by.signature, &key))
    }
}

/// Two seals of one view: more of its members lied than it withstands. [FED-18]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The view.
    pub view: ViewId,
    /// Its two successors.
    pub successors: [ViewId; 2],
    /// Who signed for both.
    pub liars: Vec<PartyId>,
}

impl CheckedView {
    /// What two seals of this view prove, if they are of two successors. [FED-18]
    ///
    /// # Errors
    /// [`Unsaid`]: one of them does not hold.
    pub fn fork(&self, one: &Seal, other: &Seal) -> Result<Option<Fork>, Unsaid> {
        // Nearly always they are of the same, and nobody's signatures need be looked at.
        if self.successor(&one.change)?.id() == self.successor(&other.change)?.id() {
            return Ok(None);
        }
        let successors = [self.sealed(one)?.id(), self.sealed(other)?.id()];
        let [one, other] = [one, other]
            .map(|seal| seal.commits.iter().map(|commit| commit.place).collect::<BTreeSet<_>>());
        let both = one.intersection(&other).filter_map(|place| self.at(*place));
        let liars = both.map(|member| member.party).collect();
        Ok(Some(Fork { view: self.id(), successors, liars }))
    }
}
