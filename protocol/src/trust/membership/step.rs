//! What a member signs next.

use super::promises::Rules;
use super::sealing::{Moment, Said, Sealing};
use super::wire::{Act, Certificate, Change, Commit, Left, Next, Prepare, Pulse, Speech, Word};
use crate::id::ViewId;
use crate::statement::Signed;
use crate::time::Timestamp;

impl<R: Rules> Sealing<R> {
    /// Does whatever may be done now; gives what was said, which must be on the disk before it is sent. [FED-16]
    pub fn step(&mut self, moment: &Moment<'_>) -> Vec<Said> {
        let mut said = Vec::new();
        let Some(place) = self.place else { return said };
        self.join_alone();
        let passed = moment.steady.tally(&self.view, moment.rotations);
        loop {
            if self.seal().is_some() {
                return said;
            }
            self.go_on();
            let wanted = !passed.is_empty() || self.is_begun();
            if wanted && self.since.is_none() {
                self.since = Some(moment.now);
            }
            let more = self
                .speak(place, &passed, moment)
                .or_else(|| self.prepare(moment))
                .or_else(|| self.commit(moment))
                .or_else(|| self.give_up(wanted, moment));
            let Some(more) = more else { return said };
            said.push(more);
        }
    }

    /// When [`Sealing::step`] has something to do by itself, if nobody says anything before.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let waits = self.place.is_some() && !self.promises.gave_up && self.seal().is_none();
        self.since.filter(|_| waits).map(|since| since.plus_ms(self.promises.wait_ms()))
    }

    /// Takes notice of quorums: of the newest certificate, and of rounds that were left.
    fn go_on(&mut self) {
        let quorum = self.view.numbers().quorum();
        let seen = self.rounds.iter().rev().find_map(|(round, heard)| {
            let (successor, prepares) = heard.prepares.quorum(quorum)?;
            let known = self.changes.contains_key(&successor);
            known.then_some(Certificate { round: *round, successor, prepares })
        });
        if let Some(certificate) = seen {
            self.saw(certificate);
        }
        let left = self.rounds.range(self.promises.round..).rev().find_map(|(round, heard)| {
            let (view, round) = (self.view.id(), *round);
            heard.left(quorum).map(|nexts| Left { view, round, nexts })
        });
        if let Some(left) = left {
            self.enter(left);
        }
    }

    /// Whether there is something to seal, whatever ballots say now.
    fn is_begun(&self) -> bool {
        let round = self.rounds.get(&self.promises.round);
        self.newest.is_some() || round.is_some_and(|round| !round.speeches.is_empty())
    }

    fn speak(&mut self, place: u16, passed: &Change, moment: &Moment<'_>) -> Option<Said> {
        let round = self.promises.round;
        let spoken = self.rounds.get(&round).is_some_and(|heard| !heard.speeches.is_empty());
        if spoken || self.promises.copy.is_some() || self.view.speaker(round) != place {
            return None;
        }
        let (change, certificate) = self.to_say(passed)?;
        let successor = self.view.successor(&change).ok()?.id();
        let speech = Speech { view: self.view.id(), round, change, certificate };
        let speech = Signed::sign(speech, moment.key);
        self.put_speech(successor, speech.clone());
        Some(Said::Speech(speech))
    }

    /// What a speaker puts before the others: the newest thing that may be sealed already; else what ballots pass. [FED-11]
    fn to_say(&self, passed: &Change) -> Option<(Change, Option<Certificate>)> {
        if let Some(newest) = &self.newest {
            let change = self.changes.get(&newest.successor)?.clone();
            return Some((change, Some(newest.clone())));
        }
        (!passed.is_empty()).then(|| (passed.clone(), None))
    }

    fn prepare(&mut self, moment: &Moment<'_>) -> Option<Said> {
        let round = self.promises.round;
        let speeches = &self.rounds.get(&round)?.speeches;
        let borne_out = speeches.iter().find_map(|speech| {
            let successor = self.view.successor(&speech.change).ok()?.id();
            let certificate = speech.certificate.as_ref().map(|shown| shown.round);
            let passes = || moment.ballots.pass(&self.view, &speech.change, moment.rotations);
            let borne_out = certificate.is_some() || passes();
            let may = borne_out && self.promises.may_prepare(successor, certificate);
            may.then_some((successor, certificate))
        });
        let (successor, certificate) = borne_out?;
        self.promises.prepare(successor, certificate).then_some(())?;
        let prepare = Prepare { view: self.view.id(), round, successor };
        let by = self.sign(&prepare, moment.key)?;
        self.say(Act::Prepare(prepare), by)
    }

    fn commit(&mut self, moment: &Moment<'_>) -> Option<Said> {
        let round = self.promises.round;
        let quorum = self.view.numbers().quorum();
        let (successor, _) = self.rounds.get(&round)?.prepares.quorum(quorum)?;
        // Who is locked must be able to put it before the others again, or nothing else may ever be sealed.
        self.changes.get(&successor)?;
        self.promises.commit(successor, true).then_some(())?;
        let commit = Commit { view: self.view.id(), round, successor };
        let by = self.sign(&commit, moment.key)?;
        self.say(Act::Commit(commit), by)
    }

    fn give_up(&mut self, wanted: bool, moment: &Moment<'_>) -> Option<Said> {
        let round = self.promises.round;
        let nobody = (moment.silent)(self.view.speaker(round));
        let waited =
            self.since.is_some_and(|since| moment.now >= since.plus_ms(self.promises.wait_ms()));
        let over = (wanted && (waited || nobody)) || round < self.hurry_to;
        (over && self.promises.give_up()).then_some(())?;
        let next = Next { view: self.view.id(), round };
        let by = self.sign(&next, moment.key)?;
        self.say(Act::Next(next), by)
    }

    fn say(&mut self, act: Act, by: super::wire::Endorsement) -> Option<Said> {
        self.put(&act, &by);
        Some(Said::Word(Word { act, by }))
    }

    /// This member's pulse, if it may give one. [FED-19]
    pub fn pulse(&mut self, moment: &Moment<'_>) -> Option<Said> {
        if !self.promises.may_pulse() || self.seal().is_some() {
            return None;
        }
        let pulse = Pulse { view: self.view.id(), at: moment.now };
        let by = self.sign(&pulse, moment.key)?;
        self.say(Act::Pulse(pulse), by)
    }

    /// Who prepared, or committed to, what may be sealed in this round, and how many it takes: "19 of 21".
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        let round = self.rounds.get(&self.promises.round)?;
        let speech = round.speeches.first()?;
        let successor = self.view.successor(&speech.change).ok()?.id();
        let committed: Vec<u16> = round.commits.of(successor).map(|by| by.place).collect();
        let prepared: Vec<u16> = round.prepares.of(successor).map(|by| by.place).collect();
        let needed = self.view.numbers().quorum();
        let have = if prepared.len() >= needed { committed } else { prepared };
        Some(Progress { successor, have, needed })
    }
}

/// How far a round is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The successor that would be sealed.
    pub successor: ViewId,
    /// The places that signed what is counted now.
    pub have: Vec<u16>,
    /// How many it takes.
    pub needed: usize,
}
