//! Sealing one view: honest members who keep their promises, dishonest ones whose signatures are always there for
//! anything, and a network that shows whatever was signed to whom it likes, when it likes.
//!
//! A state has each honest member's promises, as nodes keep them, and what it ever signed, which stays with the others
//! when its own store is put back from a copy. What others could have shown it is what was signed by then.

use chartmesh_protocol::id::ViewId;
use chartmesh_protocol::membership::{Copied, Numbers, Promises, Proven, Rules};
use stateright::{Model, Property};

/// The two successors that anybody may be for: a fork needs two.
const SUCCESSORS: [ViewId; 2] = [ViewId([1; 32]), ViewId([2; 32])];

/// How a view is sealed, within bounds.
#[derive(Debug, Clone)]
pub struct Sealing<R: Rules> {
    /// The view.
    pub numbers: Numbers,
    /// Members that are dishonest.
    pub liars: usize,
    /// Signatures that end a round; another number than the view's own is a mutation.
    pub quorum: usize,
    /// Rounds.
    pub rounds: u32,
    /// Whether one honest member's store may be put back from an empty copy, once.
    pub copy: bool,
    /// Whether one honest member forgets that it is locked.
    pub forgetful: bool,
    /// Which rules hold.
    pub rules: core::marker::PhantomData<R>,
}

impl<R: Rules> Sealing<R> {
    /// A view of so many members, of which some lie.
    #[must_use]
    pub fn of(members: usize, liars: usize, rounds: u32) -> Self {
        let numbers = Numbers { members, threshold: 2 };
        let (quorum, rules) = (numbers.quorum(), core::marker::PhantomData);
        Self { numbers, liars, quorum, rounds, copy: false, forgetful: false, rules }
    }

    /// The same, with a member that may be put back from a copy.
    #[must_use]
    pub fn with_copy(self) -> Self {
        Self { copy: true, ..self }
    }
}

/// An honest member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member<R: Rules> {
    promises: Promises<R>,
    /// For each round which successors it prepared and committed to, a bit for each.
    prepared: Vec<u8>,
    committed: Vec<u8>,
    was_put_back: bool,
}

/// What a member does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Prepares a successor, with the certificate of that round.
    Prepare(usize, usize, Option<u32>),
    /// Commits to one.
    Commit(usize, usize),
    /// Enters the next round.
    Enter(usize),
    /// Loses its store.
    PutBack,
    /// Hears how far the others are.
    Told,
    /// Joins them.
    Join,
}

impl<R: Rules> Sealing<R> {
    fn has_prepared(&self, state: &[Member<R>], round: u32, successor: usize) -> bool {
        let by = state.iter().filter(|member| member.prepared[round as usize] & 1 << successor > 0);
        by.count() + self.liars >= self.quorum
    }

    fn is_final(&self, state: &[Member<R>], successor: usize) -> bool {
        (0..self.rounds as usize).any(|round| {
            let by = state.iter().filter(|member| member.committed[round] & 1 << successor > 0);
            by.count() + self.liars >= self.quorum
        })
    }

    /// Whether a quorum may have given a round up: whoever is in it or beyond may have signed that, and so may whoever
    /// lies or was put back.
    fn left(&self, state: &[Member<R>], round: u32) -> bool {
        let by = state
            .iter()
            .filter(|member| member.promises.round >= round || member.promises.copy.is_some());
        by.count() + self.liars >= self.quorum
    }

    /// Certificates that may be shown for a successor to a member in a round.
    fn certificates(
        &self,
        state: &[Member<R>],
        round: u32,
        successor: usize,
    ) -> impl Iterator<Item = Option<u32>> {
        let shown: Vec<_> =
            (0..round).filter(|round| self.has_prepared(state, *round, successor)).collect();
        core::iter::once(None).chain(shown.into_iter().map(Some))
    }

    fn told(&self, state: &[Member<R>]) -> Vec<(u32, Option<Proven>)> {
        let honest = state[1..].iter().map(|member| (member.promises.round, member.promises.lock));
        // A liar tells the earliest round that is of use to it, and of no certificate.
        let earliest = match state[0].promises.copy {
            Some(Copied::Joining(round)) => round,
            _ => 0,
        };
        honest.chain((0..self.liars).map(|_| (earliest, None))).collect()
    }
}

impl<R: Rules> Model for Sealing<R> {
    type State = Vec<Member<R>>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        let rounds = self.rounds as usize;
        let member = Member {
            promises: Promises::default(),
            prepared: vec![0; rounds],
            committed: vec![0; rounds],
            was_put_back: false,
        };
        vec![vec![member; self.numbers.members - self.liars]]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Action>) {
        for (at, member) in state.iter().enumerate() {
            let round = member.promises.round;
            for successor in 0..SUCCESSORS.len() {
                let shown = self.certificates(state, round, successor);
                actions.extend(shown.map(|shown| Action::Prepare(at, successor, shown)));
                actions.push(Action::Commit(at, successor));
            }
            if round + 1 < self.rounds {
                actions.push(Action::Enter(at));
            }
        }
        if self.copy {
            actions.extend([Action::PutBack, Action::Told, Action::Join]);
        }
    }

    fn next_state(&self, last: &Self::State, action: Action) -> Option<Self::State> {
        let mut state = last.clone();
        let done = match action {
            Action::Prepare(at, successor, shown) => {
                let member = &mut state[at];
                let round = member.promises.round as usize;
                let forgets = self.forgetful && at == 0;
                let fresh = !forgets || member.promises.prepared.is_some();
                let may = if fresh {
                    member.promises.prepare(SUCCESSORS[successor], shown)
                } else {
                    let mut unbound = Promises::<R>::default();
                    unbound.enter(member.promises.round, true);
                    unbound.prepare(SUCCESSORS[successor], shown)
                };
                let before = member.prepared[round];
                member.prepared[round] |= 1 << successor;
                // One that forgets its lock still prepares once a round.
                may && (!forgets || before == 0)
            }
            Action::Commit(at, successor) => {
                let round = last[at].promises.round;
                let proven = self.has_prepared(last, round, successor);
                let member = &mut state[at];
                member.committed[round as usize] |= 1 << successor;
                member.promises.commit(SUCCESSORS[successor], proven)
            }
            Action::Enter(at) => {
                let round = last[at].promises.round;
                // With nobody put back, members may go on as they please: that is worse than anything that nexts allow.
                let left = !self.copy || self.left(last, round);
                last[at].promises.copy.is_none() && state[at].promises.enter(round + 1, left)
            }
            Action::PutBack => {
                let member = &mut state[0];
                let first = !core::mem::replace(&mut member.was_put_back, true);
                member.promises = Promises::of_a_copy();
                first
            }
            Action::Told => {
                let told = self.told(last);
                let rounds: Vec<_> = told.iter().map(|(round, _)| *round).collect();
                let joins = |promises: &Promises<R>| match promises.copy {
                    Some(Copied::Joining(round)) => round < self.rounds,
                    _ => false,
                };
                state[0].promises.told_rounds(self.numbers, &rounds) && joins(&state[0].promises)
            }
            Action::Join => {
                let told = self.told(last);
                state[0].promises.join(self.numbers, &told)
            }
        };
        // Members are alike but for the first, where that one is special.
        let special = usize::from(self.copy || self.forgetful);
        state[special..].sort_unstable_by_key(|member| {
            let promises = &member.promises;
            (
                promises.round,
                promises.prepared,
                promises.committed,
                promises.lock,
                member.prepared.clone(),
                member.committed.clone(),
            )
        });
        (done && state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one successor", |model, state: &Self::State| {
                (0..SUCCESSORS.len()).filter(|successor| model.is_final(state, *successor)).count()
                    < 2
            }),
            Property::always("never stuck", |model: &Self, state: &Vec<Member<R>>| {
                model.goes_on(state)
            }),
            Property::always(
                "no fresh pulses of a superseded view",
                |model, state: &Self::State| {
                    let over =
                        (0..SUCCESSORS.len()).any(|successor| model.is_final(state, successor));
                    let pulses = state.iter().filter(|member| member.promises.may_pulse()).count();
                    !over || pulses + model.liars < model.quorum
                },
            ),
            Property::sometimes("sealed", |model, state: &Self::State| {
                (0..SUCCESSORS.len()).any(|successor| model.is_final(state, successor))
            }),
        ]
    }
}

impl<R: Rules> Sealing<R> {
    /// In a later round with an honest speaker that has heard all honest members, with the dishonest ones silent, enough
    /// prepare what it says.
    fn goes_on(&self, state: &[Member<R>]) -> bool {
        let newest = state.iter().filter_map(|member| member.promises.lock).max();
        let successor = newest.map_or(SUCCESSORS[0], |newest| newest.successor);
        let prepares = |member: &&Member<R>| {
            // One that was put back joins in such a round, locked on the newest.
            let mut later = member.promises.clone();
            later.copy.is_some()
                || (later.enter(self.rounds, true)
                    && later.may_prepare(successor, newest.map(|newest| newest.round)))
        };
        state.iter().filter(prepares).count() >= self.quorum
    }
}
