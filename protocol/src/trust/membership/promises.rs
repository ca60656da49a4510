//! What a member's signatures in one view bind it to.
//!
//! ```text
//!   round r:   speech ──> PREPARE ──q prepares──> COMMIT, locked on (r, successor) ──q commits──> sealed
//!                 │                                  │
//!                 └───────────── waited ─────────────┴──> NEXT ──q nexts──> round r + 1
//! ```
//!
//! Everything that keeps two successors of one view from being final stands in this file: it decides what is signed,
//! by what was signed before. Who said what to whom is [`super::Sealing`]'s.

use super::numbers::Numbers;
use crate::codec::{wire_enum, wire_struct};
use crate::id::ViewId;
use crate::limits;

/// The rules, each of which a model may break in order to see that it is missed. Nodes keep all of them: [`Kept`].
pub trait Rules: Clone + core::fmt::Debug + PartialEq + Eq + core::hash::Hash {
    /// A member prepares once a round. [FED-12]
    const PREPARES_ONCE: bool = true;
    /// A member that is locked prepares nothing else without a certificate. [FED-12]
    const LOCKS: bool = true;
    /// A certificate frees a member only if it is newer than the member's lock. [FED-12]
    const NEWER_CERTIFICATE: bool = true;
    /// A newer certificate frees a member at all. [FED-12]
    const UNLOCKS: bool = true;
    /// A member commits to what a quorum prepared. [FED-13]
    const COMMITS_PROVEN: bool = true;
    /// A member enters a round after a quorum gave the one before up. [FED-14]
    const ENTERS_TOGETHER: bool = true;
    /// A member that committed sends no pulse. [FED-19]
    const PULSE_BEFORE_COMMIT: bool = true;
    /// A member that was put back from a copy learns the newest certificate of the others. [FED-17]
    const ASKS: bool = true;
    /// It waits until the others have entered the round that it joins in. [FED-17]
    const WAITS: bool = true;
    /// It joins two rounds beyond the latest that it was told. [FED-17]
    const JOINS_LATER: bool = true;
}

/// The rules as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kept;

impl Rules for Kept {}

wire_struct! {
    /// A successor that a quorum prepared, and in which round.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Proven {
        /// The round.
        1 => round: u32,
        /// The successor.
        2 => successor: ViewId,
    }
}

wire_enum! {
    /// What a member that was put back from a copy still waits for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Copied {
        /// To hear how far the others are.
        1 => Asking,
        /// To hear from others that are in this round.
        2 => Joining(u32),
    }
}

wire_struct! {
    /// A member's promises, as they are kept.
    #[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
    pub struct Bound {
        /// The round that it is in.
        1 => round: u32,
        /// What it prepared in this round.
        2 => prepared: Option<ViewId>,
        /// What it committed to in this round.
        3 => committed: Option<ViewId>,
        /// Whether it gave this round up.
        4 => gave_up: bool,
        /// What it committed to last, in whatever round.
        5 => lock: Option<Proven>,
        /// What it waits for, if it was put back from a copy.
        6 => copy: Option<Copied>,
        /// The round in which it joined the others after that.
        7 => joined: Option<u32>,
    }
}

impl Bound {
    /// What binds the member in the next view, which a seal of that round made final. One that was put back from a copy may
    /// have signed there, too, unless the view was sealed in a round in which it had joined the others. [FED-17]
    #[must_use]
    pub fn next(&self, sealed_in: u32) -> Self {
        let lost = self.copy.is_some() || self.joined.is_some_and(|joined| sealed_in < joined);
        Self { copy: lost.then_some(Copied::Asking), ..Self::default() }
    }

    /// How long the round is waited for. [FED-14]
    #[must_use]
    pub fn wait_ms(&self) -> u64 {
        let doubled = limits::ROUND_MS_MIN.checked_mul(1 << self.round.min(16));
        doubled.unwrap_or(limits::ROUND_MS_MAX).min(limits::ROUND_MS_MAX)
    }
}

/// A member's promises in one view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Promises<R: Rules = Kept> {
    bound: Bound,
    rules: core::marker::PhantomData<R>,
}

impl<R: Rules> Default for Promises<R> {
    fn default() -> Self {
        Self::from(Bound::default())
    }
}

impl<R: Rules> From<Bound> for Promises<R> {
    fn from(bound: Bound) -> Self {
        Self { bound, rules: core::marker::PhantomData }
    }
}

impl<R: Rules> core::ops::Deref for Promises<R> {
    type Target = Bound;
    fn deref(&self) -> &Bound {
        &self.bound
    }
}

impl<R: Rules> Promises<R> {
    /// Of a member whose store may lack what it signed. [FED-17]
    #[must_use]
    pub fn of_a_copy() -> Self {
        Self::from(Bound { copy: Some(Copied::Asking), ..Bound::default() })
    }

    /// What it signed is not all known any more: it is bound as one whose store was put back. [FED-17]
    pub fn lose(&mut self) {
        let round = self.round;
        self.bound = Bound { round, copy: Some(Copied::Asking), ..Bound::default() };
    }

    /// Whether it may say by a pulse that it committed to no successor of its view. [FED-19]
    #[must_use]
    pub fn may_pulse(&self) -> bool {
        self.copy.is_none() && (self.lock.is_none() || !R::PULSE_BEFORE_COMMIT)
    }

    /// Whether it may prepare a successor that is borne out, shown with a certificate of this round, if with one. [FED-12]
    #[must_use]
    pub fn may_prepare(&self, successor: ViewId, certificate: Option<u32>) -> bool {
        if self.copy.is_some() || (R::PREPARES_ONCE && self.prepared.is_some()) {
            return false;
        }
        let newer = |lock: Proven| {
            certificate.is_some_and(|round| round > lock.round || !R::NEWER_CERTIFICATE)
                && R::UNLOCKS
        };
        !R::LOCKS || self.lock.is_none_or(|lock| lock.successor == successor || newer(lock))
    }

    /// Prepares, if it may.
    pub fn prepare(&mut self, successor: ViewId, certificate: Option<u32>) -> bool {
        let may = self.may_prepare(successor, certificate);
        if may {
            self.bound.prepared = Some(successor);
        }
        may
    }

    /// Commits to a successor, and is locked on it. `proven` says whether a quorum prepared it in this round. [FED-13]
    pub fn commit(&mut self, successor: ViewId, proven: bool) -> bool {
        let may = self.copy.is_none() && self.committed.is_none() && (proven || !R::COMMITS_PROVEN);
        if may {
            self.bound.committed = Some(successor);
            self.bound.lock = Some(Proven { round: self.round, successor });
        }
        may
    }

    /// Gives this round up; what was begun in it may still end. [FED-14]
    pub const fn give_up(&mut self) -> bool {
        !core::mem::replace(&mut self.bound.gave_up, true)
    }

    /// Enters a later round. `left` says whether a quorum gave up the one before it. [FED-14]
    pub fn enter(&mut self, round: u32, left: bool) -> bool {
        let may = round > self.round && (left || !R::ENTERS_TOGETHER);
        if may {
            let Bound { lock, copy, joined, .. } = self.bound;
            self.bound = Bound { round, lock, copy, joined, ..Bound::default() };
        }
        may
    }

    /// Put back from a copy, it was told by enough others, now, in which rounds they are: it is to join in one that none
    /// of them can have signed in when it lost what it had signed. [FED-17]
    pub fn told_rounds(&mut self, numbers: Numbers, rounds: &[u32]) -> bool {
        if self.copy != Some(Copied::Asking) || rounds.len() < numbers.told() {
            return false;
        }
        let latest = rounds.iter().copied().max().unwrap_or_default();
        let later = if R::JOINS_LATER { limits::HURRY_ROUNDS_MAX } else { 0 };
        self.bound.copy = Some(Copied::Joining(latest.saturating_add(later)));
        true
    }

    /// It is to join one round later than it was to; gives in which.
    pub fn join_later(&mut self) -> u32 {
        let Some(Copied::Joining(round)) = self.bound.copy else { return self.round };
        let later = round.saturating_add(1);
        self.bound.copy = Some(Copied::Joining(later));
        later
    }

    /// Enough others told from that round, or a later one, which certificate is the newest that they know: it joins,
    /// locked on the newest of these. [FED-17]
    pub fn join(&mut self, numbers: Numbers, told: &[(u32, Option<Proven>)]) -> bool {
        let Some(Copied::Joining(round)) = self.copy else { return false };
        let there: Vec<_> =
            told.iter().filter(|(entered, _)| *entered >= round || !R::WAITS).collect();
        if there.len() < numbers.told() {
            return false;
        }
        let newest = there.into_iter().filter_map(|(_, newest)| *newest).max();
        let lock = newest.filter(|_| R::ASKS);
        let joined = round.max(self.round);
        self.bound = Bound { round: joined, lock, joined: Some(joined), ..Bound::default() };
        true
    }
}
