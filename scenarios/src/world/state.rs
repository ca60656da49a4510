//! The state of a world, its parties, and who reaches whom.

use crate::driver::Step;
use crate::party::{Party, Who};
use chartmesh_protocol::Reach;
use chartmesh_protocol::agenda::Retry;
use chartmesh_protocol::id::{PartyId, TransferId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{self, Answer, Body, RequestId};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::Changes;
use chartmesh_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Makes another answer of an answer.
pub type Lie = Box<dyn Fn(Vec<u8>) -> Vec<u8>>;

/// See [`World::answer_otherwise`].
pub type AnswerOtherwise = Box<dyn FnMut(&Body, &[u8]) -> Option<Otherwise>>;

/// What a dishonest receiver says instead of its honest answer.
pub enum Otherwise {
    /// Another answer, in an outcome that its node signs.
    Answer(Vec<u8>),
    /// Other bytes altogether, in the place of the outcome.
    Bytes(Vec<u8>),
}

/// What a party is woken for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    Tick,
    Retry(Retry),
}

/// Told what is about to be written at a party, as one transaction, before anybody hears of it.
pub type Keeper = Box<dyn FnMut(Who, Timestamp, &Party, &Changes)>;

/// Many parties under one clock.
pub struct World {
    /// The parties.
    pub parties: Vec<Party>,
    /// Now.
    pub now: Timestamp,
    pub(super) tasks: VecDeque<(Who, Step)>,
    pub(super) wakes: BTreeSet<(Timestamp, Who, Wake)>,
    pub(super) answers: BTreeMap<u64, Result<Answer, Refusal>>,
    pub(super) replies: BTreeMap<u64, Vec<u8>>,
    pub(super) requests: u64,
    pub(super) seed: u64,
    /// Pairs that cannot reach each other.
    pub cut: BTreeSet<(Who, Who)>,
    /// Every message that was sent: from, to, bytes. For tests that replay or forge.
    pub wire: Vec<(Who, Who, Vec<u8>)>,
    /// The bytes of what [`World::say`] said last.
    pub last_said: Option<Vec<u8>>,
    /// Whether to keep [`World::wire`].
    pub record_wire: bool,
    /// How far inside everybody seems to stand to whom it speaks with.
    pub reach: Reach,
    /// What dishonest parties answer to every message, in place of what became of it.
    pub lies: BTreeMap<Who, OutcomeResult>,
    /// Parties that answer messages and serve no objects.
    pub silent: BTreeSet<Who>,
    /// Pulls that were stopped because nobody wanted them any more: where, which.
    pub stopped: Vec<(Who, TransferId)>,
    /// What a dishonest party makes of its own answers before it signs them.
    pub liar: Option<(Who, Lie)>,
    /// Out of a hundred events, how many are followed by a crash: what they did is durable, nothing of
    /// their effects happens, and the party starts again from its store.
    pub lose_effects: u8,
    /// Out of a hundred messages, how many are handled and their outcomes lost on the way.
    pub lose_replies: u8,
    /// What a dishonest receiver answers: given the message and its honest answer, another one.
    pub answer_otherwise: Option<AnswerOtherwise>,
    /// The number of the one event that is followed by a crash.
    pub crash_at: Option<u64>,
    /// Keeps what is written elsewhere too, for tests of that place. It does not hear of the copy that
    /// [`World::add_node`] makes.
    pub keeper: Option<Keeper>,
    /// Events handled so far.
    pub events: u64,
    /// Crashes so far.
    pub crashes: u64,
    pub(super) chance: ChaCha20Rng,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            parties: Vec::new(),
            now: Timestamp(1_800_000_000_000),
            tasks: VecDeque::new(),
            wakes: BTreeSet::new(),
            answers: BTreeMap::new(),
            replies: BTreeMap::new(),
            requests: 0,
            seed,
            cut: BTreeSet::new(),
            wire: Vec::new(),
            last_said: None,
            reach: Reach::Machine,
            record_wire: false,
            lies: BTreeMap::new(),
            silent: BTreeSet::new(),
            stopped: Vec::new(),
            liar: None,
            lose_effects: 0,
            lose_replies: 0,
            answer_otherwise: None,
            crash_at: None,
            keeper: None,
            events: 0,
            crashes: 0,
            chance: ChaCha20Rng::seed_from_u64(seed),
        }
    }

    /// Adds a party.
    ///
    /// # Panics
    /// When its store does not start, which in memory it does.
    pub fn add(&mut self, role: Role, name: &str) -> Who {
        let who = Who(self.parties.len());
        self.parties.push(Party::new(self.seed, who.0, role, name));
        self.begin(who);
        who
    }

    /// Adds a second node to a party's institution, with a copy of its store as it is now: another
    /// machine of the same hospital, or one that was restored while the first goes on.
    ///
    /// # Panics
    /// When its store does not start, which in memory it does.
    pub fn add_node(&mut self, of: Who) -> Who {
        let who = Who(self.parties.len());
        let first = &self.parties[of.0];
        let (role, name) = (first.peer.role(), first.peer.name().to_owned());
        let mut party = Party::node_of((self.seed, of.0), (self.seed, who.0), role, &name);
        party.store = first.store.clone();
        party.objects = first.objects.clone();
        party.words = first.words.clone();
        party.unlocked = first.unlocked.clone();
        self.parties.push(party);
        self.begin(who);
        who
    }

    /// A party's program calls its institution otherwise from now on, whatever others admitted.
    pub fn call_itself(&mut self, who: Who, name: &str) {
        self.switch(who, false);
        let role = self.parties[who.0].peer.role();
        self.parties[who.0].peer = Party::new(self.seed, who.0, role, name).peer;
        self.switch(who, true);
    }

    /// The time at a party: its machine's, or a later one by which it has worked.
    #[must_use]
    pub fn clock(&self, who: Who) -> Timestamp {
        self.now.plus_ms(self.parties[who.0].ahead_ms)
    }

    /// The institution id of a party.
    #[must_use]
    pub fn id(&self, who: Who) -> PartyId {
        self.parties[who.0].peer.me()
    }

    pub(super) fn reachable(&self, a: Who, b: Who) -> bool {
        self.parties[a.0].online
            && self.parties[b.0].online
            && !self.cut.contains(&(a, b))
            && !self.cut.contains(&(b, a))
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}

impl Drop for World {
    /// Whatever a test did, and wherever it ends: what is counted under others is what is kept for them.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for party in &self.parties {
            let wrong = peer::audit(&party.store, party.peer.role()).expect("memory does not fail");
            assert!(wrong.is_empty(), "{:?}: {}", party.peer, wrong.join("; "));
        }
    }
}
