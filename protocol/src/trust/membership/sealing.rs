//! One member's part in sealing a view's successor: what it heard, and what it signs.

use super::ballots::{Ballots, Rotations};
use super::promises::{Bound, Kept, Promises, Proven, Rules};
use super::reasons::Unsaid;
use super::rounds::Round;
use super::view::CheckedView;
use super::wire::{Act, Certificate, Change, Endorsement, Left, Seal, Speech, Word};
use crate::codec::wire_struct;
use crate::crypto::SigningKey;
use crate::id::{PartyId, ViewId};
use crate::limits;
use crate::statement::{Signed, Statement, Unverified, is_signed_by};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// One member's part in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing<R: Rules = Kept> {
    pub(super) view: CheckedView,
    /// The member's place; none of whoever only follows.
    pub(super) place: Option<u16>,
    pub(super) promises: Promises<R>,
    pub(super) rounds: BTreeMap<u32, Round>,
    /// The newest certificate that was seen.
    pub(super) newest: Option<Certificate>,
    /// What led into the round.
    pub(super) left: Option<Left>,
    /// What speeches would change, by the successor that they lead to.
    pub(super) changes: BTreeMap<ViewId, Change>,
    /// When the newest pulse of each member was given.
    pub(super) pulses: BTreeMap<u16, (Timestamp, [u8; 64])>,
    /// Since when there is something to seal in this round.
    pub(super) since: Option<Timestamp>,
    /// Put back from a copy: what others reported, by place.
    pub(super) reports: BTreeMap<u16, (u32, Option<Proven>)>,
    pub(super) nonce: Option<[u8; 16]>,
    /// Whoever was put back and had us not wait, once each; and until which round.
    pub(super) hurried: BTreeSet<u16>,
    pub(super) hurry_to: u32,
}

wire_struct! {
    /// What a member keeps of its part, besides what was said.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Part {
        /// Its promises.
        1 => bound: Bound,
        /// The newest certificate that was seen.
        2 => newest: Option<Certificate>,
        /// What that would change.
        3 => change: Option<Change>,
        /// What led into the round.
        4 => left: Option<Left>,
        /// Since when there is something to seal in it.
        5 => since: Option<Timestamp>,
        /// Until which round nobody is waited for.
        6 => hurry_to: u32,
        /// The places of those who asked for that.
        7 => hurried: Vec<u16>,
        /// Put back from a copy: what it asks with.
        8 => nonce: Option<[u8; 16]>,
        /// What others reported.
        9 => reports: Vec<Reported>,
    }
}

wire_struct! {
    /// How far another member said that it is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reported {
        /// Its place.
        1 => place: u16,
        /// Its round.
        2 => round: u32,
        /// The newest certificate that it knows.
        3 => newest: Option<Proven>,
    }
}

/// What a member needs in order to act.
pub struct Moment<'a> {
    /// When.
    pub now: Timestamp,
    /// The view's ballots.
    pub ballots: &'a Ballots,
    /// Those of them that a speaker counts: not those of who takes back again and again, whose ballots others may not have
    /// as they are here. [FED-11]
    pub steady: &'a Ballots,
    /// Rotations of members since the view.
    pub rotations: &'a Rotations,
    /// Whether nothing was heard of the member at a place for so long that nobody waits for it.
    pub silent: &'a dyn Fn(u16) -> bool,
    /// The key that the view lists for this member.
    pub key: &'a SigningKey,
}

/// What a member said, to be kept and then sent to all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// As the speaker of a round.
    Speech(Signed<Speech>),
    /// As one of all.
    Word(Word),
}

impl<R: Rules> Sealing<R> {
    /// Begins with a view; `me`: whose part it is.
    #[must_use]
    pub fn begin(view: CheckedView, me: PartyId, promises: Promises<R>) -> Self {
        Self {
            place: view.place_of(me),
            view,
            promises,
            rounds: BTreeMap::new(),
            newest: None,
            left: None,
            changes: BTreeMap::new(),
            pulses: BTreeMap::new(),
            since: None,
            reports: BTreeMap::new(),
            nonce: None,
            hurried: BTreeSet::new(),
            hurry_to: 0,
        }
    }

    /// Goes on where it was left: `said` is what was heard and said, as it was kept.
    #[must_use]
    pub fn resume(
        view: CheckedView,
        me: PartyId,
        part: Part,
        said: impl Iterator<Item = Said>,
    ) -> Self {
        let mut resumed = Self::begin(view, me, Promises::from(part.bound));
        (resumed.left, resumed.since) = (part.left, part.since);
        (resumed.hurry_to, resumed.hurried) = (part.hurry_to, part.hurried.into_iter().collect());
        let reports = part.reports.into_iter();
        resumed.reports = reports.map(|one| (one.place, (one.round, one.newest))).collect();
        resumed.nonce = part.nonce;
        if let (Some(newest), Some(change)) = (&part.newest, part.change) {
            resumed.changes.insert(newest.successor, change);
        }
        resumed.newest = part.newest;
        for said in said {
            match said {
                Said::Word(word) => resumed.put(&word.act, &word.by),
                Said::Speech(speech) => {
                    if let Ok(successor) = resumed.view.successor(&speech.change) {
                        resumed.put_speech(successor.id(), speech);
                    }
                }
            }
        }
        resumed
    }

    /// What is to be kept beside what was heard and said.
    #[must_use]
    pub fn part(&self) -> Part {
        let change = self.newest.as_ref().and_then(|one| self.changes.get(&one.successor));
        Part {
            bound: Bound::clone(&self.promises),
            newest: self.newest.clone(),
            change: change.cloned(),
            left: self.left.clone(),
            since: self.since,
            hurry_to: self.hurry_to,
            hurried: self.hurried.iter().copied().collect(),
            nonce: self.nonce,
            reports: self
                .reports
                .iter()
                .map(|(place, (round, newest))| Reported {
                    place: *place,
                    round: *round,
                    newest: *newest,
                })
                .collect(),
        }
    }

    /// What led into the round.
    #[must_use]
    pub const fn left(&self) -> Option<&Left> {
        self.left.as_ref()
    }

    /// The view.
    #[must_use]
    pub const fn view(&self) -> &CheckedView {
        &self.view
    }

    /// What the member is bound to.
    #[must_use]
    pub const fn promises(&self) -> &Promises<R> {
        &self.promises
    }

    /// What was heard, by round.
    #[must_use]
    pub const fn rounds(&self) -> &BTreeMap<u32, Round> {
        &self.rounds
    }

    /// The newest pulse of each member that gave one.
    #[must_use]
    pub const fn pulses(&self) -> &BTreeMap<u16, (Timestamp, [u8; 64])> {
        &self.pulses
    }

    /// The first round of which words are kept.
    #[must_use]
    pub fn first_kept(&self) -> u32 {
        let half = u32::try_from(limits::ROUNDS_KEPT / 2).unwrap_or(u32::MAX);
        self.promises.round.saturating_sub(half.saturating_sub(1))
    }

    /// Whether words of this round are kept: not those of long ago, nor of a round that nobody can be in yet.
    fn is_kept(&self, round: u32) -> bool {
        let half = u32::try_from(limits::ROUNDS_KEPT / 2).unwrap_or(u32::MAX);
        let now = self.promises.round;
        round.saturating_add(half) > now && round < now.saturating_add(half)
    }

    /// Takes in a word; gives whether it was new. What has no slot, or is there already, costs no check of a signature.
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn hear(&mut self, word: &Word) -> Result<bool, Unsaid> {
        let Word { act, by } = word;
        let Endorsement { place, signature } = *by;
        let key = self.view.key_at(place).ok_or(Unsaid::NotMember)?;
        let of_view =
            |view: ViewId| if view == self.view.id() { Ok(()) } else { Err(Unsaid::OtherView) };
        let of_round =
            |round: u32| if self.is_kept(round) { Ok(()) } else { Err(Unsaid::OtherRound) };
        let heard = |round: u32| self.rounds.get(&round);
        let (new, signed) = match act {
            Act::Prepare(prepare) => {
                of_view(prepare.view)?;
                of_round(prepare.round)?;
                let room = heard(prepare.round)
                    .is_none_or(|round| round.prepares.has_room(place, prepare.successor));
                (room, room && is_signed_by(prepare, &signature, &key))
            }
            Act::Commit(commit) => {
                of_view(commit.view)?;
                of_round(commit.round)?;
                let room = heard(commit.round)
                    .is_none_or(|round| round.commits.has_room(place, commit.successor));
                (room, room && is_signed_by(commit, &signature, &key))
            }
            Act::Next(next) => {
                of_view(next.view)?;
                of_round(next.round)?;
                let room = heard(next.round).is_none_or(|round| !round.nexts.contains_key(&place));
                (room, room && is_signed_by(next, &signature, &key))
            }
            Act::Pulse(pulse) => {
                of_view(pulse.view)?;
                let room = self.pulses.get(&place).is_none_or(|(at, _)| *at < pulse.at);
                (room, room && is_signed_by(pulse, &signature, &key))
            }
        };
        if new && !signed {
            return Err(Unsaid::BadSignature);
        }
        if new {
            self.recognise(place, act);
            self.put(act, by);
        }
        Ok(new)
    }

    /// Its own word that it does not know: what it had signed is lost, so it must not go on as if it had not. [FED-17]
    fn recognise(&mut self, place: u16, act: &Act) {
        let before = match act {
            Act::Prepare(prepare) => prepare.round,
            Act::Commit(commit) => commit.round,
            Act::Next(_) | Act::Pulse(_) => return,
        };
        if self.place == Some(place) && before >= self.promises.round {
            self.promises.lose();
        }
    }

    pub(super) fn put(&mut self, act: &Act, by: &Endorsement) {
        let Endorsement { place, signature } = *by;
        match act {
            Act::Prepare(prepare) => {
                let round = self.rounds.entry(prepare.round).or_default();
                round.prepares.put(place, prepare.successor, signature);
            }
            Act::Commit(commit) => {
                let round = self.rounds.entry(commit.round).or_default();
                round.commits.put(place, commit.successor, signature);
            }
            Act::Next(next) => {
                self.rounds.entry(next.round).or_default().nexts.insert(place, signature);
            }
            Act::Pulse(pulse) => {
                self.pulses.insert(place, (pulse.at, signature));
            }
        }
    }

    /// Takes in a speech; gives whether it was new.
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn hear_speech(&mut self, speech: Unverified<Speech>) -> Result<bool, Unsaid> {
        let claims = speech.claims();
        if claims.view != self.view.id() {
            return Err(Unsaid::OtherView);
        }
        if !self.is_kept(claims.round) {
            return Err(Unsaid::OtherRound);
        }
        let known = self.rounds.get(&claims.round).map_or(&[][..], |round| &round.speeches[..]);
        if known.len() > 1 || known.iter().any(|known| known.id() == speech.id()) {
            return Ok(false);
        }
        let key = self.view.key_at(self.view.speaker(claims.round)).ok_or(Unsaid::NotMember)?;
        speech.check(&key).map_err(|_| Unsaid::BadSignature)?;
        let successor = self.view.successor(&claims.change)?.id();
        if let Some(certificate) = &claims.certificate
            && (certificate.round >= claims.round || certificate.successor != successor)
        {
            return Err(Unsaid::BadCertificate);
        }
        if let Some(certificate) = &claims.certificate {
            self.view.check_certificate(certificate)?;
            self.saw(certificate.clone());
        }
        let speech = speech.verify(&key).map_err(|_| Unsaid::BadSignature)?;
        self.put_speech(successor, speech);
        Ok(true)
    }

    pub(super) fn put_speech(&mut self, successor: ViewId, speech: Signed<Speech>) {
        self.changes.insert(successor, speech.change.clone());
        self.rounds.entry(speech.round).or_default().speeches.push(speech);
    }

    /// Takes in that a quorum left a round, however far ahead that is.
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn hear_left(&mut self, left: Left) -> Result<bool, Unsaid> {
        if left.round < self.promises.round {
            return Ok(false);
        }
        self.view.check_left(&left)?;
        self.enter(left);
        Ok(true)
    }

    pub(super) fn enter(&mut self, left: Left) {
        let Some(round) = left.round.checked_add(1) else { return };
        if self.promises.enter(round, true) {
            (self.left, self.since) = (Some(left), None);
            self.forget();
        }
    }

    pub(super) fn saw(&mut self, certificate: Certificate) {
        if self.newest.as_ref().is_none_or(|known| known.round < certificate.round) {
            self.newest = Some(certificate);
        }
    }

    /// Drops what was heard of rounds that are no longer kept, and of changes that nobody may come back to.
    fn forget(&mut self) {
        let rounds = core::mem::take(&mut self.rounds);
        self.rounds = rounds.into_iter().filter(|(round, _)| self.is_kept(*round)).collect();
        let spoken = self.rounds.values().flat_map(|round| &round.speeches);
        let spoken: BTreeSet<_> = spoken
            .filter_map(|speech| Some(self.view.successor(&speech.change).ok()?.id()))
            .chain(self.newest.iter().map(|certificate| certificate.successor))
            .collect();
        self.changes.retain(|successor, _| spoken.contains(successor));
    }

    /// The seal, once there is one.
    #[must_use]
    pub fn seal(&self) -> Option<Seal> {
        let quorum = self.view.numbers().quorum();
        self.rounds.iter().find_map(|(round, heard)| {
            let (successor, commits) = heard.commits.quorum(quorum)?;
            let change = self.changes.get(&successor)?.clone();
            Some(Seal { view: self.view.id(), change, round: *round, commits })
        })
    }

    pub(super) fn sign<T: Statement>(&self, claims: &T, key: &SigningKey) -> Option<Endorsement> {
        let signature = crate::statement::signature_over(claims, key);
        self.place.map(|place| Endorsement { place, signature })
    }
}
