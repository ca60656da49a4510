//! A view that holds: its numbers, its members by place, and what follows on it.

use super::numbers::Numbers;
use super::reasons::Flaw;
use super::wire::{
    Application, CHARTER_VERSION, Change, Charter, Expulsion, Member, Standpoint, View,
};
use crate::codec::Wire;
use crate::crypto::PublicKey;
use crate::id::{FederationId, PartyId, ViewId};
use crate::identity::{Role, Rotation};
use crate::limits;
use crate::naming::can_be_named;
use crate::statement::{Signed, Unverified};
use std::collections::BTreeSet;

/// A view that says what views may say, with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedView {
    view: View,
    id: ViewId,
}

impl Unverified<Charter> {
    /// Checks what a charter must say, and that its founder signed it. [FED-1]
    ///
    /// # Errors
    /// [`Flaw`].
    pub fn found(self) -> Result<Signed<Charter>, Flaw> {
        let claims = self.claims();
        if claims.version != CHARTER_VERSION {
            return Err(Flaw::UnknownVersion(claims.version));
        }
        if !can_be_named(&claims.name) {
            return Err(Flaw::BadName);
        }
        first_view(FederationId(self.id().0), claims).check()?;
        let key = claims.founder.key;
        self.verify(&key).map_err(|_| Flaw::BadSignature)
    }
}

fn first_view(federation: FederationId, charter: &Charter) -> View {
    View {
        federation,
        number: 0,
        before: None,
        threshold: charter.threshold,
        members: vec![charter.founder.clone()],
        expelled: Vec::new(),
    }
}

impl Member {
    fn check(&self) -> Result<(), Flaw> {
        if self.role == Role::Patient {
            return Err(Flaw::Relay);
        }
        if self.number as usize > limits::INSTITUTION_ROTATIONS_MAX {
            return Err(Flaw::TooManyRotations);
        }
        if can_be_named(&self.name) { Ok(()) } else { Err(Flaw::BadName) }
    }

    /// The member with the key that this rotation brings, which must be the next one that was committed to.
    fn rotated(&self, rotation: &Unverified<Rotation>) -> Result<Self, Flaw> {
        let claims = rotation.claims();
        let follows = claims.number.checked_sub(1) == Some(self.number)
            && claims.key.digest() == self.next
            && claims.kept.is_empty();
        if !follows || rotation.check(&claims.key).is_err() {
            return Err(Flaw::BadRotation);
        }
        Ok(Self { key: claims.key, number: claims.number, next: claims.next, ..self.clone() })
    }
}

impl View {
    /// Takes a view for what it is, if it says what views may say. Whether it is final is another question. [FED-2]
    ///
    /// # Errors
    /// [`Flaw`].
    pub fn check(self) -> Result<CheckedView, Flaw> {
        if (self.number == 0) != self.before.is_none() {
            return Err(Flaw::BadPlace);
        }
        if !(limits::THRESHOLD_MIN..=limits::THRESHOLD_MAX).contains(&self.threshold) {
            return Err(Flaw::BadThreshold(self.threshold));
        }
        if !self.members.is_sorted_by(|a, b| a.party < b.party) {
            return Err(Flaw::Unsorted);
        }
        if self.members.is_empty() {
            return Err(Flaw::NobodyLeft);
        }
        let keys: BTreeSet<_> = self.members.iter().map(|member| member.key).collect();
        if keys.len() < self.members.len() {
            return Err(Flaw::SharedKey);
        }
        let expelled: BTreeSet<_> = self.expelled.iter().collect();
        if self.members.len() > limits::VIEW_MEMBERS_MAX
            || expelled.len() > limits::VIEW_EXPELLED_MAX
        {
            return Err(Flaw::TooLarge);
        }
        if expelled.len() < self.expelled.len()
            || self.members.iter().any(|member| expelled.contains(&member.party))
        {
            return Err(Flaw::Expelled);
        }
        self.members.iter().try_for_each(Member::check)?;
        let id = ViewId(blake3::derive_key("chartmesh/1/view", &self.to_bytes()));
        Ok(CheckedView { view: self, id })
    }
}

impl core::ops::Deref for CheckedView {
    type Target = View;
    fn deref(&self) -> &View {
        &self.view
    }
}

impl CheckedView {
    /// The view that a charter founds. [FED-1]
    ///
    /// # Errors
    /// [`Flaw`].
    pub fn first(charter: &Signed<Charter>) -> Result<Self, Flaw> {
        first_view(FederationId(charter.id().0), charter).check()
    }

    /// The hash of all that it says.
    #[must_use]
    pub const fn id(&self) -> ViewId {
        self.id
    }

    /// Where whoever has it as its newest stands.
    #[must_use]
    pub fn position(&self) -> Standpoint {
        Standpoint { federation: self.federation, number: self.number, view: self.id }
    }

    /// How many it takes here.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        Numbers { members: self.members.len(), threshold: usize::from(self.threshold) }
    }

    /// A party's place, if it is a member.
    #[must_use]
    pub fn place_of(&self, party: PartyId) -> Option<u16> {
        let place = self.members.binary_search_by_key(&party, |member| member.party).ok()?;
        u16::try_from(place).ok()
    }

    /// The member at a place.
    #[must_use]
    pub fn at(&self, place: u16) -> Option<&Member> {
        self.members.get(usize::from(place))
    }

    /// A party as a member.
    #[must_use]
    pub fn member(&self, party: PartyId) -> Option<&Member> {
        self.place_of(party).and_then(|place| self.at(place))
    }

    /// The key that counts for a place.
    #[must_use]
    pub fn key_at(&self, place: u16) -> Option<PublicKey> {
        self.at(place).map(|member| member.key)
    }

    /// Whether a party is among those that are listed as expelled.
    #[must_use]
    pub fn is_expelled(&self, party: PartyId) -> bool {
        self.expelled.contains(&party)
    }

    /// The place of whoever speaks in a round: all take turns, and nobody chooses who begins. [FED-11]
    #[must_use]
    pub fn speaker(&self, round: u32) -> u16 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.id.0[..8]);
        let turn = u64::from_be_bytes(first).wrapping_add(u64::from(round));
        let members = u64::try_from(self.members.len()).unwrap_or(1);
        u16::try_from(turn % members).unwrap_or_default()
    }

    /// The view that a change leads to. [FED-10]
    ///
    /// # Errors
    /// [`Flaw`]: it is no change of this view.
    pub fn successor(&self, change: &Change) -> Result<Self, Flaw> {
        change.check()?;
        let mut next = self.view.clone();
        next.number = next.number.checked_add(1).ok_or(Flaw::BadPlace)?;
        next.before = Some(self.id);
        if let Some(threshold) = change.threshold {
            if threshold == self.threshold {
                return Err(Flaw::ChangesNothing);
            }
            next.threshold = threshold;
        }
        for party in &change.left {
            let place = self.place_of(*party).ok_or(Flaw::NotMember)?;
            next.members.retain(|member| member.party != self.members[usize::from(place)].party);
        }
        for party in change.expelled.iter().map(|one| one.party) {
            if self.is_expelled(party) {
                return Err(Flaw::Expelled);
            }
            next.members.retain(|member| member.party != party);
            next.expelled.push(party);
        }
        let beyond = next.expelled.len().saturating_sub(limits::VIEW_EXPELLED_MAX);
        next.expelled.drain(..beyond);
        for application in &change.admitted {
            let member = self.admitted(application)?;
            next.members.retain(|present| present.party != member.party);
            next.members.push(member);
        }
        for rotation in &change.rotated {
            let party = rotation.claims().party;
            let listed = next.members.iter_mut().find(|member| member.party == party);
            let listed = listed.ok_or(Flaw::NotMember)?;
            *listed = listed.rotated(rotation)?;
        }
        next.members.sort_unstable_by_key(|member| member.party);
        next.check()
    }

    /// Whom an application admits, or how a member is to be called: its key is then the one that is listed. That the
    /// applicant signed it was looked at by whoever took in a ballot with it.
    fn admitted(&self, application: &Unverified<Application>) -> Result<Member, Flaw> {
        let Application { federation, member, .. } = application.claims();
        if *federation != self.federation {
            return Err(Flaw::OtherFederation);
        }
        if self.is_expelled(member.party) {
            return Err(Flaw::Expelled);
        }
        if let Some(present) = self.member(member.party) {
            if present == member {
                return Err(Flaw::ChangesNothing);
            }
            let Member { key, number, next, .. } = present;
            if (key, number, next) != (&member.key, &member.number, &member.next) {
                return Err(Flaw::KeyChanged);
            }
        }
        Ok(member.clone())
    }
}

impl Change {
    /// How much it changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.admitted.len()
            + self.expelled.len()
            + usize::from(self.threshold.is_some())
            + self.left.len()
            + self.rotated.len()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it expels a party.
    #[must_use]
    pub fn expels(&self, party: PartyId) -> bool {
        self.expelled.iter().any(|one| one.party == party)
    }

    /// Whom it concerns: those whom it admits, expels, lets go, and whose key it changes.
    fn concerned(&self) -> [Vec<PartyId>; 4] {
        let admitted = self.admitted.iter().map(|one| one.claims().member.party).collect();
        let expelled = self.expelled.iter().map(|one| one.party).collect();
        let rotated = self.rotated.iter().map(|rotation| rotation.claims().party);
        let mut rotating: Vec<_> = rotated.collect();
        rotating.dedup();
        [admitted, expelled, self.left.clone(), rotating]
    }

    /// Each list ascends, nobody is concerned twice, and the whole is within its bounds.
    fn check(&self) -> Result<(), Flaw> {
        let concerned = self.concerned();
        if !concerned.iter().all(|list| list.is_sorted_by(|a, b| a < b)) {
            return Err(Flaw::Unsorted);
        }
        let parties: BTreeSet<_> = concerned.iter().flatten().collect();
        if parties.len() < concerned.iter().map(Vec::len).sum() {
            return Err(Flaw::TwiceConcerned);
        }
        if self.is_empty() {
            return Err(Flaw::ChangesNothing);
        }
        let long = |one: &Expulsion| one.reason.len() > limits::REASON_BYTES_MAX;
        if self.expelled.iter().any(long) {
            return Err(Flaw::TooLarge);
        }
        if self.len() > limits::CHANGES_MAX || self.to_bytes().len() > limits::CHANGE_BYTES_MAX {
            return Err(Flaw::TooLarge);
        }
        Ok(())
    }
}
