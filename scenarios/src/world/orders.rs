//! How the world does what is ordered: at once, or when it settles.

use super::state::{Wake, World};
use crate::driver::{Driver, Step};
use crate::party::Who;
use chartmesh_protocol::agenda::{Agenda, Fetch, Fetched, Letter, Retry, Sent};
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId, TransferId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::peer::{
    Answer, CheckedHello, CheckedWelcome, DeliveryFailure, Event, Greeting, Peer, RequestId,
    TransferResult,
};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::{ReadTxn, StoreError};
use chartmesh_protocol::time::Timestamp;
use rand_core::Rng as _;

impl Driver for World {
    type Who = Who;

    fn agenda(&mut self, at: Who) -> &mut Agenda {
        &mut self.parties[at.0].agenda
    }

    fn start(&self, at: Who) -> Option<u32> {
        let party = &self.parties[at.0];
        party.online.then_some(party.starts)
    }

    fn read<T>(
        &self,
        at: Who,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, StoreError>,
    ) -> T {
        let party = &self.parties[at.0];
        read(&party.peer, &party.store, self.clock(at)).expect("memory does not fail")
    }

    fn plan(&mut self, at: Who, step: Step) {
        self.tasks.push_back((at, step));
    }

    fn answer(&mut self, _at: Who, request: RequestId, answer: Result<Answer, Refusal>) {
        self.answers.insert(request.0, answer);
    }

    fn answer_node(&mut self, _at: Who, request: RequestId, bytes: Vec<u8>) {
        self.replies.insert(request.0, bytes);
    }

    fn remove(&mut self, at: Who, object: ObjectId) {
        self.parties[at.0].objects.remove(&object);
    }

    fn wake_at(&mut self, at: Who, time: Timestamp) {
        let ahead = self.parties[at.0].ahead_ms;
        self.wakes.insert((Timestamp(time.0.saturating_sub(ahead)), at, Wake::Tick));
    }

    fn hello(&mut self, at: Who, to: PartyId, node: NodeId) {
        let start = self.start(at);
        let answer = self.greet(at, to, node);
        if self.start(at) == start {
            let next = self.agenda(at).greeted(node, answer);
            self.obey(at, next);
        }
    }

    fn letter(&mut self, at: Who, letter: &Letter) {
        let start = self.start(at);
        let sent = self.send(at, letter);
        if self.start(at) == start {
            let next = self.agenda(at).sent(letter.to, sent);
            self.obey(at, next);
        }
    }

    fn outcome(
        &mut self,
        at: Who,
        to: PartyId,
        number: u64,
        result: Result<Vec<u8>, DeliveryFailure>,
    ) {
        let start = self.start(at);
        self.event(at, Event::Delivery { to, number, from: self.reach, result });
        if self.start(at) == start && self.agenda(at).concluded(to).is_some() {
            // What waits goes before what this one set going: a revocation, before objects are asked for.
            self.tasks.push_front((at, Step::Outbox(to)));
        }
    }

    fn fetch(&mut self, at: Who, fetch: &Fetch) {
        let holder = self.at_node(fetch.node).filter(|holder| self.reachable(at, *holder));
        let node = self.parties[at.0].peer.node();
        let fetched = match holder.filter(|holder| !self.silent.contains(holder)) {
            None => Fetched::Broken { progressed: false },
            Some(holder) => match self.serve(holder, node, &fetch.transfer) {
                Ok(bytes) if bytes.len() <= SMALL_OBJECT_BYTES_MAX => Fetched::Whole(Some(bytes)),
                Ok(bytes) => {
                    self.parties[at.0].objects.insert(fetch.transfer.object, bytes);
                    Fetched::Whole(None)
                }
                Err(refusal) => Fetched::Refused(refusal),
            },
        };
        let next = self.agenda(at).fetched(fetch.id, fetched);
        self.obey(at, next);
    }

    fn pull_ended(&mut self, at: Who, id: TransferId, result: TransferResult) {
        self.event(at, Event::Transfer { id, result });
    }

    fn later(&mut self, at: Who, wait_ms: u64, retry: Retry) {
        self.wakes.insert((self.now.plus_ms(wait_ms), at, Wake::Retry(retry)));
    }
}

impl World {
    /// Says `hello`; gives what came of it.
    fn greet(&mut self, from: Who, to: PartyId, node: NodeId) -> Result<(), DeliveryFailure> {
        let now = self.clock(from);
        let party = &mut self.parties[from.0];
        let ours = party.agenda.choose_nonce(node, &mut party.rng);
        let addresses = vec![format!("memory/{}", from.0)];
        let greeting = party.peer.hello(&party.store, now, (to, node), addresses.clone(), ours);
        let mut welcome = self.say_hello(from, node, &greeting.expect("memory does not fail"))?;
        if welcome.asks_for_proof() {
            let party = &self.parties[from.0];
            let proof = party.peer.prove(&party.store, now, (to, node), addresses, ours, &welcome);
            if let Some(proof) = proof.expect("memory does not fail") {
                welcome = self.say_hello(from, node, &proof)?;
            }
        }
        let nonce = welcome.nonce().map_err(|_| DeliveryFailure::GateClosed);
        let starts = self.parties[from.0].starts;
        self.event(from, Event::Welcome { node, from: self.reach, welcome: Box::new(welcome) });
        let party = &mut self.parties[from.0];
        if party.starts == starts {
            party.agenda.learn_nonce(node, nonce?);
        }
        Ok(())
    }

    /// Says `hello`; gives the answer.
    fn say_hello(
        &mut self,
        from: Who,
        node: NodeId,
        greeting: &Greeting,
    ) -> Result<CheckedWelcome, DeliveryFailure> {
        let target = self.at_node(node).filter(|target| self.reachable(from, *target));
        let Some(target) = target else { return Err(DeliveryFailure::NeverSent) };
        let from_node = self.parties[from.0].peer.node();
        let hello = CheckedHello::prepare(from_node, &greeting.bytes)
            .map_err(|_| DeliveryFailure::GateClosed)?;
        let party = &mut self.parties[target.0];
        let nonce = party.agenda.choose_nonce(from_node, &mut party.rng);
        let (request, addresses) = (self.request(), vec![format!("memory/{}", target.0)]);
        let hello = Box::new(hello);
        self.event(
            target,
            Event::Hello { request, node: from_node, nonce, addresses, from: self.reach, hello },
        );
        let reply = self.replies.remove(&request.0).unwrap_or_default();
        CheckedWelcome::prepare(node, &reply, greeting).map_err(|_| DeliveryFailure::NeverSent)
    }

    /// Sends a message; gives what came of it.
    fn send(&mut self, from: Who, letter: &Letter) -> Sent {
        let target = self.at_node(letter.node).filter(|target| self.reachable(from, *target));
        let Some(target) = target else { return Sent::NeverSent };
        // Not by `Letter::compose`: also a party whose clock is a year ahead of all certificates says what it says.
        let Letter { to, number, nonce, .. } = *letter;
        let party = &self.parties[from.0];
        let composed = party.peer.compose(&party.store, to, number, nonce);
        let Some(bytes) = composed.expect("memory does not fail") else { return Sent::Gone };
        if self.record_wire {
            self.wire.push((from, target, bytes.clone()));
        }
        let reply = match self.inject(from, target, &bytes) {
            Ok(reply) => reply,
            Err(DeliveryFailure::NeverSent) => return Sent::NeverSent,
            Err(DeliveryFailure::OutcomeUnknown) => return Sent::Unknown,
            Err(DeliveryFailure::GateClosed) => return Sent::Forgotten,
        };
        let lost = self.lose_replies > 0
            && u64::from(self.lose_replies) > u64::from(self.chance.next_u32()) % 100;
        if lost {
            return Sent::Unknown;
        }
        Sent::Answered(match &self.liar {
            Some((liar, lie)) if *liar == target => self.lied(target, &reply, lie),
            _ => self.otherwise(target, &bytes, reply),
        })
    }

    fn at_node(&self, node: NodeId) -> Option<Who> {
        (0..self.parties.len()).find(|at| self.parties[*at].peer.node() == node).map(Who)
    }
}
