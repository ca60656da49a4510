//! What people decide: each member's ballot, and what all of them pass.

use super::reasons::Unsaid;
use super::view::CheckedView;
use super::wire::{Application, Ballot, Change, Expulsion};
use crate::id::{PartyId, StatementId};
use crate::limits;
use crate::statement::{Signed, Unverified};
use std::collections::{BTreeMap, BTreeSet};

/// The ballots of one view: one of each member, whatever it signed. [FED-7]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ballots {
    by_author: BTreeMap<PartyId, Signed<Ballot>>,
}

impl Ballot {
    fn in_order(&self) -> bool {
        let admit = self.admit.iter().map(|application| application.claims().member.party);
        let expel = self.expel.iter();
        admit.clone().is_sorted_by(|a, b| a < b)
            && self.admit.len() <= limits::BALLOT_WISHES_MAX
            && self.expel.is_sorted_by(|a, b| a.party < b.party)
            && self.expel.len() <= limits::BALLOT_WISHES_MAX
            && expel.clone().all(|one| one.reason.len() <= limits::REASON_BYTES_MAX)
            && expel.clone().all(|one| one.party != self.author)
            && self.threshold.is_none_or(|threshold| {
                (limits::THRESHOLD_MIN..=limits::THRESHOLD_MAX).contains(&threshold)
            })
    }

    /// Whether it lacks something that an earlier one of its author wanted.
    #[must_use]
    pub fn takes_back(&self, before: &Self) -> bool {
        let admits = |one: &Unverified<Application>| self.admit.iter().any(|a| a.id() == one.id());
        let expels = |one: &Expulsion| self.expel.iter().any(|e| e.party == one.party);
        !before.admit.iter().all(admits)
            || !before.expel.iter().all(expels)
            || before.threshold.is_some() && before.threshold != self.threshold
            || before.leave && !self.leave
    }
}

impl CheckedView {
    /// Verifies that a ballot is a member's, in this view. [FED-7]
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn certify(&self, ballot: Unverified<Ballot>) -> Result<Signed<Ballot>, Unsaid> {
        let claims = ballot.claims();
        if claims.view != self.id() {
            return Err(Unsaid::OtherView);
        }
        let author = self.member(claims.author).ok_or(Unsaid::NotMember)?;
        let by_applicant = |application: &Unverified<Application>| {
            application.check(&application.claims().member.key).is_ok()
        };
        if !claims.in_order() {
            return Err(Unsaid::BadBallot);
        }
        let ballot = ballot.verify(&author.key).map_err(|_| Unsaid::BadSignature)?;
        if ballot.admit.iter().all(by_applicant) { Ok(ballot) } else { Err(Unsaid::BadBallot) }
    }
}

impl Ballots {
    /// Whether a ballot replaces what is here: of two with one number the smaller id counts, so that all come to the
    /// same, whatever its author sent to whom. [FED-7]
    #[must_use]
    pub fn is_replaced_by(&self, ballot: &Unverified<Ballot>) -> bool {
        self.are_behind(ballot.claims(), ballot.id())
    }

    fn are_behind(&self, ballot: &Ballot, id: StatementId) -> bool {
        self.by_author.get(&ballot.author).is_none_or(|known| {
            (ballot.number, core::cmp::Reverse(id)) > (known.number, core::cmp::Reverse(known.id()))
        })
    }

    /// Takes a ballot in; gives whether it replaced what was there.
    pub fn take(&mut self, ballot: Signed<Ballot>) -> bool {
        let replaces = self.are_behind(&ballot, ballot.id());
        if replaces {
            self.by_author.insert(ballot.author, ballot);
        }
        replaces
    }

    /// The same without those of some members.
    #[must_use]
    pub fn without(&self, out: impl Fn(PartyId) -> bool) -> Self {
        let stays = self.by_author.iter().filter(|(author, _)| !out(**author));
        Self { by_author: stays.map(|(author, ballot)| (*author, ballot.clone())).collect() }
    }

    /// The ballot of a member.
    #[must_use]
    pub fn of(&self, author: PartyId) -> Option<&Signed<Ballot>> {
        self.by_author.get(&author)
    }

    /// All of them, by author.
    pub fn iter(&self) -> impl Iterator<Item = &Signed<Ballot>> {
        self.by_author.values()
    }

    /// Who votes to expel a party.
    #[must_use]
    pub fn against(&self, party: PartyId) -> BTreeSet<PartyId> {
        let against = |ballot: &&Signed<Ballot>| ballot.expel.iter().any(|one| one.party == party);
        self.iter().filter(against).map(|ballot| ballot.author).collect()
    }

    /// Who sponsors an application.
    #[must_use]
    pub fn sponsors(&self, application: StatementId) -> BTreeSet<PartyId> {
        let names =
            |ballot: &&Signed<Ballot>| ballot.admit.iter().any(|one| one.id() == application);
        self.iter().filter(names).map(|ballot| ballot.author).collect()
    }

    /// Who wants this threshold.
    #[must_use]
    pub fn for_threshold(&self, threshold: u16) -> BTreeSet<PartyId> {
        let wants = |ballot: &&Signed<Ballot>| ballot.threshold == Some(threshold);
        self.iter().filter(wants).map(|ballot| ballot.author).collect()
    }

    /// Who leaves.
    #[must_use]
    pub fn leaving(&self) -> BTreeSet<PartyId> {
        self.iter().filter(|ballot| ballot.leave).map(|ballot| ballot.author).collect()
    }

    /// Whether ballots bear out every part of a change. [FED-9] That a member leaves whose key in the view is replaced by one of
    /// these rotations may be said by somebody else, who has the earlier one. [FED-23]
    #[must_use]
    pub fn pass(&self, view: &CheckedView, change: &Change, rotations: &Rotations) -> bool {
        let numbers = view.numbers();
        let mut leaving = self.leaving();
        leaving.retain(|party| !rotations.contains_key(party));
        let sponsored = |application: &Unverified<Application>| {
            let mut sponsors = self.sponsors(application.id());
            sponsors.retain(|sponsor| !change.expels(*sponsor));
            sponsors.len() >= numbers.sponsors()
        };
        let voted = |threshold: u16| self.for_threshold(threshold).len() >= numbers.quorum();
        change.expelled.iter().all(|one| self.against(one.party).len() >= numbers.votes())
            && change.admitted.iter().all(sponsored)
            && change.threshold.is_none_or(voted)
            && change.left.iter().all(|party| leaving.contains(party))
    }

    /// What the ballots pass, as much as one change takes; with it, the rotations that members are known to have made
    /// since the view, which need nobody's vote, and in the place of which none of them leaves. Expulsion beats all else about its subject; of two applications of
    /// one party that with more sponsors counts, then that of smaller id. [FED-9]
    #[must_use]
    pub fn tally(&self, view: &CheckedView, rotations: &Rotations) -> Change {
        let count = Count::of(self);
        let numbers = view.numbers();
        let mut draft = Draft { view, change: Change::default() };
        for (party, reasons) in &count.expel {
            if reasons.len() >= numbers.votes() {
                let given = reasons.iter().find(|reason| !reason.is_empty());
                let reason = given.map_or_else(String::new, |reason| (*reason).to_owned());
                let party = *party;
                draft.try_with(|change| change.expelled.push(Expulsion { party, reason }));
            }
        }
        for (threshold, votes) in &count.threshold {
            if *votes >= numbers.quorum() && draft.change.threshold.is_none() {
                draft.try_with(|change| change.threshold = Some(*threshold));
            }
        }
        for party in count.leave.iter().filter(|party| !rotations.contains_key(*party)) {
            draft.try_with(|change| change.left.push(*party));
        }
        for application in count.admit(&draft.change, numbers.sponsors()) {
            draft.try_with(|change| change.admitted.push(application.clone()));
        }
        for of_one in rotations.values() {
            draft.try_with(|change| change.rotated.extend(of_one.iter().cloned()));
        }
        draft.change
    }
}

/// A change that is being made up: whatever would make it none of the view's stays out, and waits for the next one.
struct Draft<'a> {
    view: &'a CheckedView,
    change: Change,
}

impl Draft<'_> {
    fn try_with(&mut self, add: impl FnOnce(&mut Change)) {
        let mut more = self.change.clone();
        add(&mut more);
        if self.view.successor(&more).is_ok() {
            self.change = more;
        }
    }
}

/// All wishes, counted once through the ballots, so that it costs the same whatever they say.
#[derive(Default)]
struct Count<'a> {
    expel: BTreeMap<PartyId, Vec<&'a str>>,
    threshold: BTreeMap<u16, usize>,
    leave: BTreeSet<PartyId>,
    admit: BTreeMap<PartyId, BTreeMap<StatementId, Sponsored<'a>>>,
}

/// An application, and who sponsors it.
type Sponsored<'a> = (&'a Unverified<Application>, Vec<PartyId>);

impl<'a> Count<'a> {
    fn of(ballots: &'a Ballots) -> Self {
        let mut count = Self::default();
        for ballot in ballots.iter() {
            for one in &ballot.expel {
                count.expel.entry(one.party).or_default().push(&one.reason);
            }
            if let Some(threshold) = ballot.threshold {
                *count.threshold.entry(threshold).or_default() += 1;
            }
            if ballot.leave {
                count.leave.insert(ballot.author);
            }
            for application in &ballot.admit {
                let of_party = count.admit.entry(application.claims().member.party).or_default();
                let sponsored =
                    of_party.entry(application.id()).or_insert_with(|| (application, Vec::new()));
                sponsored.1.push(ballot.author);
            }
        }
        count
    }

    /// The applications that enough sponsors stand for who are not expelled in the same change; one of each party.
    fn admit(self, before: &Change, needed: usize) -> Vec<&'a Unverified<Application>> {
        let stays = |sponsor: &&PartyId| !before.expels(**sponsor);
        let best = |of_party: BTreeMap<StatementId, Sponsored<'a>>| {
            let counted = of_party.into_values().map(|(application, sponsors)| {
                (sponsors.iter().filter(stays).count(), application)
            });
            let enough = counted.filter(|(count, _)| *count >= needed);
            enough.max_by_key(|(count, application)| (*count, core::cmp::Reverse(application.id())))
        };
        let best = self.admit.into_values().filter_map(best);
        best.map(|(_, application)| application).collect()
    }
}

/// The rotations that members made since a view, by party: the newest last.
pub type Rotations = BTreeMap<PartyId, Vec<Unverified<crate::identity::Rotation>>>;
