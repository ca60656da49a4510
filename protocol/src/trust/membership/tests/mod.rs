//! Hands for the tests: parties by number, and a town whose hospitals talk to one another.

mod changes;
mod copies;
mod forks;
mod liars;
mod life;
mod numbers;
mod vectors;

use super::*;
use crate::crypto::SigningKey;
use crate::id::PartyId;
use crate::identity::{Role, Rotation, incept};
use crate::limits;
use crate::statement::{Signed, Unverified, signature_over};
use crate::time::{DAY_MS, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Who acts, by number: everything about a party follows from it.
struct Actor {
    member: Member,
}

/// A party's key of this number.
fn key(party: u16, number: u8) -> SigningKey {
    let mut seed = [0xa0 + number; 32];
    seed[..2].copy_from_slice(&party.to_be_bytes());
    SigningKey::from_seed(&seed)
}

fn actor(number: u16) -> Actor {
    let log = incept(&key(number, 0), &key(number, 1).public());
    let member = Member {
        party: log.party_unverified(),
        name: format!("Hospital {number}"),
        role: Role::Hospital,
        key: key(number, 0).public(),
        number: 0,
        next: key(number, 1).public().digest(),
    };
    Actor { member }
}

fn party(number: u16) -> PartyId {
    actor(number).member.party
}

fn expulsion(number: u16) -> Expulsion {
    Expulsion { party: party(number), reason: String::new() }
}

fn rotation(of: u16, number: u8) -> Unverified<Rotation> {
    let rotation = Rotation {
        party: party(of),
        number: number.into(),
        key: key(of, number).public(),
        next: key(of, number + 1).public().digest(),
        kept: Vec::new(),
        at: Timestamp(1),
    };
    Signed::sign(rotation, &key(of, number)).to_unverified()
}

fn charter(threshold: u16) -> Signed<Charter> {
    let claims = Charter {
        version: CHARTER_VERSION,
        name: "Hospitals of the lake".into(),
        founder: actor(0).member,
        threshold,
        created: Timestamp(1_000),
        nonce: [7; 16],
    };
    Signed::sign(claims, &key(0, 0)).to_unverified().found().unwrap()
}

/// A view of so many members, as if they had all been admitted.
fn view_of(members: u16, threshold: u16) -> CheckedView {
    let first = CheckedView::first(&charter(threshold)).unwrap();
    let mut members: Vec<_> = (0..members).map(|number| actor(number).member).collect();
    members.sort_unstable_by_key(|member| member.party);
    let view = View { number: 1, before: Some(first.id()), members, ..View::clone(&first) };
    view.check().unwrap()
}

fn applies(view: &CheckedView, member: Member, key: &SigningKey) -> Unverified<Application> {
    let application = Application { federation: view.federation, member, issued: Timestamp(0) };
    Signed::sign(application, key).to_unverified()
}

/// What one hospital wants, whatever the view.
#[derive(Clone, Default)]
struct Wants {
    admit: Vec<u16>,
    rename: Vec<(u16, &'static str)>,
    expel: Vec<u16>,
    threshold: Option<u16>,
    leave: bool,
}

impl Wants {
    fn ballot(&self, view: &CheckedView, of: u16, number: u32) -> Option<Ballot> {
        let stranger = |number: &&u16| {
            view.member(party(**number)).is_none() && !view.is_expelled(party(**number))
        };
        let new = self
            .admit
            .iter()
            .filter(stranger)
            .map(|number| applies(view, actor(*number).member, &key(*number, 0)));
        let renamed = self.rename.iter().filter_map(|(number, name)| {
            let member = Member { name: (*name).into(), ..view.member(party(*number))?.clone() };
            (view.member(party(*number)) != Some(&member))
                .then(|| applies(view, member, &key(*number, 0)))
        });
        let mut admit: Vec<_> = new.chain(renamed).collect();
        admit.sort_unstable_by_key(|application| application.claims().member.party);
        let left = self.expel.iter().map(|number| party(*number));
        let left = left.filter(|party| !view.is_expelled(*party));
        let reason = String::new();
        let mut expel: Vec<_> =
            left.map(|party| Expulsion { party, reason: reason.clone() }).collect();
        expel.sort_unstable_by_key(|one| one.party);
        let threshold = self.threshold.filter(|threshold| *threshold != view.threshold);
        let empty = admit.is_empty() && expel.is_empty() && threshold.is_none() && !self.leave;
        let (view, author, leave) = (view.id(), party(of), self.leave);
        (!empty).then_some(Ballot { view, author, number, admit, expel, threshold, leave })
    }
}

/// One hospital's program.
struct Node {
    number: u16,
    key: u8,
    wants: Wants,
    ballots: Ballots,
    rotations: Rotations,
    part: Sealing,
    /// How it got to where it stands.
    chain: Vec<(CheckedView, Seal)>,
    away: bool,
    ballot: u32,
    forks: Vec<Fork>,
}

/// What travels.
#[derive(Clone)]
enum Letter {
    Ballot(Unverified<Ballot>),
    Speech(Unverified<Speech>),
    Word(Word),
    Left(Left),
    Seal(Seal),
}

/// Hospitals that send one another all that they say.
struct Town {
    nodes: BTreeMap<u16, Node>,
    letters: Vec<(u16, u16, Letter)>,
    now: Timestamp,
    /// Between which nothing goes.
    cut: BTreeSet<(u16, u16)>,
    /// Of whom others believe that nothing was heard for a day.
    silent: BTreeSet<u16>,
}

impl Node {
    fn new(number: u16, view: CheckedView, promises: Promises) -> Self {
        Self {
            number,
            key: 0,
            wants: Wants::default(),
            ballots: Ballots::default(),
            rotations: Rotations::default(),
            part: Sealing::begin(view, party(number), promises),
            chain: Vec::new(),
            away: false,
            ballot: 0,
            forks: Vec::new(),
        }
    }

    fn view(&self) -> &CheckedView {
        self.part.view()
    }

    /// Follows a seal of the view at which it stands; what it is shown of an earlier one may prove a fork.
    fn follow(&mut self, seal: &Seal) {
        if let Ok(next) = self.view().sealed(seal) {
            let before = self.view().clone();
            self.chain.push((before, seal.clone()));
            self.part = Sealing::begin(next, party(self.number), Promises::default());
            (self.ballots, self.ballot) = (Ballots::default(), 0);
        } else if let Some((view, known)) =
            self.chain.iter().find(|(view, _)| view.id() == seal.view)
            && let Ok(Some(fork)) = view.fork(known, seal)
        {
            self.forks.push(fork);
        }
    }

    /// The ballot of what its operator wants, unless it stands already.
    fn vote(&mut self) -> Option<Signed<Ballot>> {
        let standing = self.ballots.of(party(self.number));
        let wanted = self.wants.ballot(self.view(), self.number, self.ballot + 1);
        let same = match (standing, &wanted) {
            (None, None) => true,
            (Some(standing), Some(wanted)) => {
                let number = standing.number;
                **standing == Ballot { number, ..wanted.clone() }
            }
            _ => false,
        };
        let ballot =
            wanted.filter(|_| !same && self.view().member(party(self.number)).is_some())?;
        self.ballot = ballot.number;
        let ballot = Signed::sign(ballot, &key(self.number, self.key));
        self.ballots.take(ballot.clone());
        Some(ballot)
    }

    fn act(&mut self, now: Timestamp, silent: &BTreeSet<u16>) -> Vec<Letter> {
        let mut letters: Vec<_> =
            self.vote().into_iter().map(|ballot| Letter::Ballot(ballot.to_unverified())).collect();
        let view = self.view().clone();
        let is_silent =
            |place: u16| silent.iter().any(|number| view.place_of(party(*number)) == Some(place));
        let key = key(self.number, self.key);
        let moment = Moment {
            now,
            ballots: &self.ballots,
            steady: &self.ballots,
            rotations: &self.rotations,
            silent: &is_silent,
            key: &key,
        };
        letters.extend(self.part.step(&moment).into_iter().map(|said| match said {
            Said::Speech(speech) => Letter::Speech(speech.to_unverified()),
            Said::Word(word) => Letter::Word(word),
        }));
        if let Some(seal) = self.part.seal() {
            self.follow(&seal);
            letters.push(Letter::Seal(seal));
        }
        letters
    }

    fn read(&mut self, letter: Letter) -> bool {
        match letter {
            Letter::Ballot(ballot) => {
                self.view().certify(ballot).is_ok_and(|ballot| self.ballots.take(ballot))
            }
            Letter::Speech(speech) => self.part.hear_speech(speech).unwrap_or(false),
            Letter::Word(word) => self.part.hear(&word).unwrap_or(false),
            Letter::Left(left) => self.part.hear_left(left).unwrap_or(false),
            Letter::Seal(seal) => {
                let before = self.view().id();
                self.follow(&seal);
                before != self.view().id()
            }
        }
    }
}

impl Town {
    fn new(nodes: impl IntoIterator<Item = u16>, view: &CheckedView) -> Self {
        let node = |number| (number, Node::new(number, view.clone(), Promises::default()));
        Self {
            nodes: nodes.into_iter().map(node).collect(),
            letters: Vec::new(),
            now: Timestamp(1_800_000_000_000),
            cut: BTreeSet::new(),
            silent: BTreeSet::new(),
        }
    }

    /// So many members who stand at one view.
    fn of(members: u16, threshold: u16) -> Self {
        Self::new(0..members, &view_of(members, threshold))
    }

    fn node(&mut self, number: u16) -> &mut Node {
        self.nodes.get_mut(&number).unwrap()
    }

    fn post(&mut self, from: u16, letter: &Letter) {
        for to in self.nodes.keys().copied().filter(|to| *to != from) {
            self.letters.push((from, to, letter.clone()));
        }
    }

    /// Everybody acts, and all that is said is heard, until nobody has anything to add.
    fn settle(&mut self) {
        loop {
            let numbers: Vec<u16> = self.nodes.keys().copied().collect();
            for number in numbers {
                let (now, silent) = (self.now, self.silent.clone());
                let node = self.node(number);
                if !node.away {
                    for letter in node.act(now, &silent) {
                        self.post(number, &letter);
                    }
                }
            }
            if self.letters.is_empty() {
                return;
            }
            for (from, to, letter) in core::mem::take(&mut self.letters) {
                let cut = self.cut.contains(&(from.min(to), from.max(to)));
                let node = self.nodes.get_mut(&to).unwrap();
                if !cut && !node.away {
                    node.read(letter);
                }
            }
        }
    }

    /// Time passes, from wait to wait, and everybody tells everybody again what is known.
    fn pass(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        self.tell_again();
        self.settle();
        while self.now < end {
            let due = self.nodes.values().filter_map(|node| node.part.due());
            let next = due.filter(|due| *due > self.now).min().unwrap_or(end);
            self.now = next.min(end);
            self.tell_again();
            self.settle();
        }
    }

    fn tell_again(&mut self) {
        let mut letters = Vec::new();
        for node in self.nodes.values().filter(|node| !node.away) {
            letters.extend(
                node.chain.iter().map(|(_, seal)| (node.number, Letter::Seal(seal.clone()))),
            );
            for ballot in node.ballots.iter() {
                letters.push((node.number, Letter::Ballot(ballot.to_unverified())));
            }
            letters.extend(said(&node.part).into_iter().map(|letter| (node.number, letter)));
        }
        for (from, letter) in letters {
            self.post(from, &letter);
        }
    }

    /// The view at which all who are here stand.
    fn view(&self) -> CheckedView {
        let here: Vec<_> = self.nodes.values().filter(|node| !node.away).collect();
        let view = here[0].view();
        assert!(here.iter().all(|node| node.view() == view), "they stand at different views");
        view.clone()
    }

    fn members(&self) -> BTreeSet<u16> {
        members(&self.view())
    }

    fn all_want(&mut self, numbers: impl IntoIterator<Item = u16>, wants: &Wants) {
        for number in numbers {
            self.node(number).wants = wants.clone();
        }
    }
}

fn members(view: &CheckedView) -> BTreeSet<u16> {
    (0..64).filter(|number| view.member(party(*number)).is_some()).collect()
}

/// All that a part knows, for whoever lacks it.
fn said(part: &Sealing) -> Vec<Letter> {
    let view = part.view().id();
    let mut letters: Vec<_> = part.left().cloned().map(Letter::Left).into_iter().collect();
    for (round, heard) in part.rounds() {
        let round = *round;
        letters.extend(heard.speeches.iter().map(|one| Letter::Speech(one.to_unverified())));
        letters.extend(heard.prepares.iter().map(|(successor, by)| {
            Letter::Word(Word { act: Act::Prepare(Prepare { view, round, successor }), by })
        }));
        letters.extend(heard.commits.iter().map(|(successor, by)| {
            Letter::Word(Word { act: Act::Commit(Commit { view, round, successor }), by })
        }));
        letters.extend(heard.nexts.iter().map(|(place, signature)| {
            let by = Endorsement { place: *place, signature: *signature };
            Letter::Word(Word { act: Act::Next(Next { view, round }), by })
        }));
    }
    letters
}

/// A word of a member, whatever it may say.
fn word(view: &CheckedView, of: u16, act: Act) -> Word {
    let key = key(of, 0);
    let signature = match &act {
        Act::Prepare(prepare) => signature_over(prepare, &key),
        Act::Commit(commit) => signature_over(commit, &key),
        Act::Next(next) => signature_over(next, &key),
        Act::Pulse(pulse) => signature_over(pulse, &key),
    };
    Word { act, by: Endorsement { place: view.place_of(party(of)).unwrap(), signature } }
}
