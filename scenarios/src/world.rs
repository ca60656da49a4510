//! The world: parties, a clock, and a network that delivers at once or not at all.

mod dishonest;
mod joining;
mod orders;
mod people;
mod region;
mod wire;

pub use dishonest::{AnswerOtherwise, Lie, Otherwise};
pub use region::{Region, command};
pub use wire::body_of;

use crate::party::{Party, Who, idle};
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId, TransferId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{
    CheckedMessage, Command, DeliveryFailure, Effect, Event, Peer, Query, RequestId, View,
};
use chartmesh_protocol::refusal::{Failure, Refusal, RefusalCode};
use chartmesh_protocol::store::{Changes, Overlay, StoreError, Txn, merge};
use chartmesh_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

enum Task {
    Next { from: Who, to: PartyId },
    Look { at: Who, id: TransferId },
    Drop { at: Who, object: ObjectId },
    Greet { from: Who, to: PartyId },
}

/// What a party is woken for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    Tick,
    Retry { id: TransferId, turn: u64 },
}

/// Told what is about to be written at a party, as one transaction, before anybody hears of it.
pub type Keeper = Box<dyn FnMut(Who, Timestamp, &Party, &Changes)>;

/// Many parties under one clock.
pub struct World {
    /// The parties.
    pub parties: Vec<Party>,
    /// Now.
    pub now: Timestamp,
    tasks: VecDeque<Task>,
    wakes: BTreeSet<(Timestamp, Who, Wake)>,
    answers: BTreeMap<u64, Result<Box<View>, Refusal>>,
    replies: BTreeMap<u64, Vec<u8>>,
    requests: u64,
    seed: u64,
    /// Pairs that cannot reach each other.
    pub cut: BTreeSet<(Who, Who)>,
    /// Every message that was sent: from, to, bytes. For tests that replay or forge.
    pub wire: Vec<(Who, Who, Vec<u8>)>,
    /// The bytes of what [`World::say`] said last.
    pub last_said: Option<Vec<u8>>,
    /// Whether to keep [`World::wire`].
    pub record_wire: bool,
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
    chance: ChaCha20Rng,
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

    /// The time at a party: its machine's, or a later one by which it has worked.
    #[must_use]
    pub fn clock(&self, who: Who) -> Timestamp {
        self.now.plus_ms(self.parties[who.0].ahead_ms)
    }

    /// Puts a party's clock right, and starts it again: with the operator's word that the time by which
    /// it has worked was wrong, or without.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn put_clock_right(&mut self, who: Who, accept: bool) {
        self.switch(who, false);
        let now = self.now;
        if accept {
            self.write(who, |peer, txn, _| peer.accept_clock(txn, now));
        }
        let party = &mut self.parties[who.0];
        // As the node's driver does: no earlier than the time that counts, and on from there.
        let time = party.peer.time(&party.store, now).expect("memory does not fail");
        party.ahead_ms = time.since(now);
        self.switch(who, true);
    }

    /// The institution id of a party.
    #[must_use]
    pub fn id(&self, who: Who) -> PartyId {
        self.parties[who.0].peer.me()
    }

    fn who(&self, id: PartyId) -> Option<Who> {
        let mut nodes = (0..self.parties.len()).filter(|at| self.parties[*at].peer.me() == id);
        let first = nodes.clone().next();
        nodes.find(|at| self.parties[*at].online).or(first).map(Who)
    }

    fn reachable(&self, a: Who, b: Who) -> bool {
        self.parties[a.0].online
            && self.parties[b.0].online
            && !self.cut.contains(&(a, b))
            && !self.cut.contains(&(b, a))
    }

    /// Handles one event at a party.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn event(&mut self, who: Who, event: Event) {
        let now = self.clock(who);
        let effects = self.write(who, |peer, txn, rng| peer.handle(now, event, txn, rng));
        self.events += 1;
        let chance = self.lose_effects > 0
            && u64::from(self.lose_effects) > u64::from(self.chance.next_u32()) % 100;
        if chance || self.crash_at == Some(self.events) {
            self.crashes += 1;
            // Whoever sits before the machine still sees its answer.
            let seen = effects.into_iter().filter(|e| matches!(e, Effect::Answer { .. })).collect();
            self.perform(who, seen);
            self.switch(who, false);
            self.switch(who, true);
        } else {
            self.perform(who, effects);
        }
    }

    /// Has a peer write. With a keeper it writes as under the node's driver: over what is there, and
    /// then all of it at once.
    fn write<T>(
        &mut self,
        who: Who,
        work: impl FnOnce(&Peer, &mut dyn Txn, &mut ChaCha20Rng) -> Result<T, StoreError>,
    ) -> T {
        let now = self.clock(who);
        let party = &mut self.parties[who.0];
        let Some(keeper) = &mut self.keeper else {
            let done = work(&party.peer, &mut party.store, &mut party.rng);
            return done.expect("memory does not fail");
        };
        let mut overlay = Overlay::new(&party.store);
        let done = work(&party.peer, &mut overlay, &mut party.rng).expect("memory does not fail");
        let changes = overlay.into_changes();
        keeper(who, now, party, &changes);
        merge(changes, &mut party.store).expect("memory does not fail");
        done
    }

    /// A peer's first step after it was switched on.
    fn begin(&mut self, who: Who) {
        let now = self.clock(who);
        self.write(who, |peer, txn, _| peer.start(txn, now));
    }

    fn perform(&mut self, who: Who, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer { request, answer } => {
                    self.answers.insert(request.0, answer.map(|answer| Box::new(View::of(answer))));
                }
                Effect::Reply { request, bytes } => {
                    self.replies.insert(request.0, bytes);
                }
                Effect::Greet { to } => self.tasks.push_back(Task::Greet { from: who, to }),
                Effect::Deliver { to } => {
                    let next = self.parties[who.0].agenda.deliver(to);
                    self.obey(who, next);
                }
                Effect::Gate { node, open } => self.parties[who.0].agenda.gate(node, open),
                Effect::Pull { id } => {
                    let next = self.parties[who.0].agenda.pull(id);
                    self.obey(who, next);
                }
                Effect::Stop { id } => {
                    self.stopped.push((who, id));
                    let next = self.parties[who.0].agenda.stop(id);
                    self.obey(who, next);
                }
                Effect::Drop { object } => self.tasks.push_back(Task::Drop { at: who, object }),
                Effect::WakeAt(at) => self.wake_at(who, at),
            }
        }
    }

    fn wake_at(&mut self, who: Who, at: Timestamp) {
        let ahead = self.parties[who.0].ahead_ms;
        self.wakes.insert((Timestamp(at.0.saturating_sub(ahead)), who, Wake::Tick));
    }

    /// Works until nothing is left to do at this time.
    ///
    /// # Panics
    /// When there is no end to it.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            match self.tasks.pop_front() {
                Some(Task::Next { from, to }) => self.look_at_outbox(from, to),
                Some(Task::Look { at, id }) => self.look_at_transfer(at, id),
                Some(Task::Greet { from, to }) => {
                    let target = self.who(to).filter(|target| self.reachable(from, *target));
                    if let Some(target) = target {
                        self.connect(from, target);
                    }
                }
                Some(Task::Drop { at, object }) => {
                    let party = &mut self.parties[at.0];
                    if !party.peer.is_held(&party.store, object).expect("memory does not fail") {
                        party.objects.remove(&object);
                    }
                }
                None => return,
            }
        }
        panic!("the world does not come to rest");
    }

    /// Moves the clock on, waking whoever asked for it, and settles.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        self.settle();
        while self.wakes.first().is_some_and(|(at, ..)| *at <= end) {
            let Some((at, who, wake)) = self.wakes.pop_first() else { break };
            self.now = self.now.max(at);
            if self.parties[who.0].online {
                match wake {
                    Wake::Tick => self.event(who, Event::Tick),
                    Wake::Retry { id, turn } => {
                        let next = self.parties[who.0].agenda.retry(id, turn);
                        self.obey(who, next);
                    }
                }
                self.settle();
            }
        }
        self.now = end;
        for who in (0..self.parties.len()).map(Who) {
            if self.parties[who.0].online {
                self.event(who, Event::Tick);
            }
        }
        self.settle();
    }

    /// Switches a party off or on; on again it takes up what it had to do.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn switch(&mut self, who: Who, online: bool) {
        let now = self.clock(who);
        let party = &mut self.parties[who.0];
        party.online = online;
        party.agenda = idle();
        party.starts += 1;
        let node = party.peer.node();
        if online {
            self.begin(who);
            let party = &self.parties[who.0];
            let effects = party.peer.resume(&party.store, now).expect("memory does not fail");
            self.perform(who, effects);
        } else {
            for other in &mut self.parties {
                other.agenda.gate(node, false);
            }
        }
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// Asks a front door, settles, and gives the answer.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When nothing answers.
    pub fn ask(
        &mut self,
        who: Who,
        command: Command,
        patient: Option<PartyId>,
    ) -> Result<View, Refusal> {
        let request = self.request();
        let keys = patient.and_then(|patient| self.parties[who.0].unlocked.get(&patient).cloned());
        self.event(who, Event::Command { request, command: Box::new(command), keys });
        let answer = self.answers.remove(&request.0).expect("a command is answered at once");
        self.settle();
        answer.map(|view| *view)
    }

    /// Asks a front door to see something.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// When storage fails, which in memory it does not.
    pub fn see(&self, who: Who, query: &Query, patient: Option<PartyId>) -> Result<View, Refusal> {
        let party = &self.parties[who.0];
        let keys = patient.and_then(|patient| party.unlocked.get(&patient));
        match party.peer.query(&party.store, self.clock(who), query, keys) {
            Ok(view) => Ok(view),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
    }

    /// Sees to it that a party is in a session with another; gives whether it is.
    fn connect(&mut self, from: Who, to: Who) -> bool {
        let (party, node) = (self.id(to), self.parties[to.0].peer.node());
        if self.parties[from.0].agenda.their_nonce(node).is_none() {
            let next = self.parties[from.0].agenda.greet(party, node, Vec::new());
            self.obey(from, next);
        }
        self.parties[from.0].agenda.their_nonce(node).is_some()
    }

    /// Hands bytes to a party as if they came from another's node: a test's forged or replayed message.
    ///
    /// # Errors
    /// [`DeliveryFailure`] when the party does not take it.
    pub fn inject(
        &mut self,
        from: Who,
        target: Who,
        bytes: &[u8],
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let from_node = self.parties[from.0].peer.node();
        if !self.parties[target.0].agenda.is_admitted(from_node) {
            return Err(DeliveryFailure::GateClosed);
        }
        let Ok(message) = CheckedMessage::prepare(from_node, bytes) else {
            return Err(DeliveryFailure::OutcomeUnknown);
        };
        let nonce = self.parties[target.0].agenda.our_nonce(from_node);
        let Some(nonce) = nonce else { return Err(DeliveryFailure::GateClosed) };
        let request = self.request();
        self.event(
            target,
            Event::Message { request, node: from_node, nonce, message: Box::new(message) },
        );
        let reply = self.replies.remove(&request.0).unwrap_or_default();
        if reply.is_empty() {
            Err(DeliveryFailure::GateClosed)
        } else {
            Ok(self.told(target, reply))
        }
    }

    fn serve(
        &self,
        holder: Who,
        node: NodeId,
        transfer: &chartmesh_protocol::objects::Transfer,
    ) -> Result<Vec<u8>, Refusal> {
        let party = &self.parties[holder.0];
        let now = self.clock(holder);
        match party.peer.may_pull(&party.store, now, node, transfer.ticket, transfer.object) {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) => return Err(refusal),
            Err(Failure::Store(error)) => panic!("memory does not fail: {error}"),
        }
        let small =
            party.peer.small_object(&party.store, transfer.object).expect("memory does not fail");
        small
            .or_else(|| party.objects.get(&transfer.object).cloned())
            .ok_or_else(|| Refusal::new(RefusalCode::NotFound, "the object is not here"))
    }
}
