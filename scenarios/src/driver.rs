//! The driver of the simulator's peers: what becomes of their effects, and of what their agendas order. The engine
//! does it over links, disks and time, the world of tests at once: a [`Driver`] says only how.

use chartmesh_protocol::agenda::{Agenda, Fetch, Letter, Order, Retry};
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId, TransferId};
use chartmesh_protocol::peer::{
    Answer, DeliveryFailure, Effect, Peer, RequestId, Route, TransferResult,
};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::{ReadTxn, StoreError};
use chartmesh_protocol::time::Timestamp;

/// What is looked up at a party before its agenda can go on, or an object go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// What waits for an institution.
    Outbox(PartyId),
    /// Whether an object is wanted, and who holds it.
    Transfer(TransferId),
    /// Where an institution is to be greeted.
    Tell(PartyId),
    /// Whether anything holds an object.
    Drop(ObjectId),
}

/// Many parties, and how what they order is done.
pub(crate) trait Driver {
    /// Which party.
    type Who: Copy;

    /// What a party has under way.
    fn agenda(&mut self, at: Self::Who) -> &mut Agenda;
    /// Which start a party is at; none while it is off.
    fn start(&self, at: Self::Who) -> Option<u32>;
    /// Reads at a party.
    fn read<T>(
        &self,
        at: Self::Who,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, StoreError>,
    ) -> T;
    /// Has a step taken by [`Driver::step`], at once or in its turn.
    fn plan(&mut self, at: Self::Who, step: Step);
    /// A front door is answered.
    fn answer(&mut self, at: Self::Who, request: RequestId, answer: Result<Answer, Refusal>);
    /// Another node is answered.
    fn answer_node(&mut self, at: Self::Who, request: RequestId, bytes: Vec<u8>);
    /// A gate was opened or closed.
    fn gate(&mut self, _at: Self::Who, _node: NodeId, _open: bool) {}
    /// An object's bytes go.
    fn remove(&mut self, at: Self::Who, object: ObjectId);
    /// [`Effect::WakeAt`].
    fn wake_at(&mut self, at: Self::Who, time: Timestamp);
    /// These nodes may be asked next.
    fn to_be_asked(&mut self, _at: Self::Who, _route: &Route) {}
    /// [`Order::Hello`].
    fn hello(&mut self, at: Self::Who, to: PartyId, node: NodeId);
    /// [`Order::Send`].
    fn letter(&mut self, at: Self::Who, letter: &Letter);
    /// [`Order::Conclude`].
    fn outcome(
        &mut self,
        at: Self::Who,
        to: PartyId,
        number: u64,
        result: Result<Vec<u8>, DeliveryFailure>,
    );
    /// [`Order::Fetch`].
    fn fetch(&mut self, at: Self::Who, fetch: &Fetch);
    /// [`Order::End`].
    fn pull_ended(&mut self, at: Self::Who, id: TransferId, result: TransferResult);
    /// [`Order::Later`].
    fn later(&mut self, at: Self::Who, wait_ms: u64, retry: Retry);

    /// Does what a peer asks for, once that is durable.
    fn perform(&mut self, at: Self::Who, effect: Effect) {
        match effect {
            Effect::Answer { request, answer } => self.answer(at, request, answer),
            Effect::Reply { request, bytes } => self.answer_node(at, request, bytes),
            Effect::Greet { to } => self.plan(at, Step::Tell(to)),
            Effect::Deliver { to } => {
                let next = self.agenda(at).deliver(to);
                self.obey(at, next);
            }
            Effect::Gate { node, open_for } => {
                let open = open_for.is_some();
                self.agenda(at).gate(node, open);
                self.gate(at, node, open);
            }
            Effect::Pull { id, from } => {
                let next = self.agenda(at).pull(id, from);
                self.obey(at, next);
            }
            Effect::Stop { id } => {
                let next = self.agenda(at).stop(id);
                self.obey(at, next);
            }
            Effect::Drop { object } => self.plan(at, Step::Drop(object)),
            Effect::WakeAt(time) => self.wake_at(at, time),
        }
    }

    /// Does what an agenda orders, until its party starts anew.
    fn obey(&mut self, at: Self::Who, orders: impl IntoIterator<Item = Order>) {
        let start = self.start(at);
        for order in orders {
            if start.is_some() && self.start(at) == start {
                self.follow(at, order);
            }
        }
    }

    /// Does one thing that an agenda orders.
    fn follow(&mut self, at: Self::Who, order: Order) {
        match order {
            Order::Next { to } => self.plan(at, Step::Outbox(to)),
            Order::Look { id } => self.plan(at, Step::Transfer(id)),
            Order::Hello { to, node, .. } => self.hello(at, to, node),
            Order::Send(letter) => self.letter(at, &letter),
            Order::Conclude { to, number, result } => self.outcome(at, to, number, result),
            Order::Fetch(fetch) => self.fetch(at, &fetch),
            Order::End { id, result } => self.pull_ended(at, id, result),
            Order::Later { wait_ms, retry } => self.later(at, wait_ms, retry),
            Order::WakeAt(time) => self.wake_at(at, time),
            // Objects come at once or not at all; who is asked for one looks whether it is wanted still.
            Order::BreakOff { .. } | Order::Discard { .. } => {}
        }
    }

    /// Takes a step whose turn has come.
    fn step(&mut self, at: Self::Who, step: Step) {
        match step {
            Step::Drop(object) => {
                if !self.read(at, |peer, txn, _| peer.is_held(txn, object)) {
                    self.remove(at, object);
                }
            }
            _ if self.start(at).is_none() => {}
            Step::Outbox(to) => {
                let next = |peer: &Peer, txn: &dyn ReadTxn, now| {
                    Ok((now, peer.next_delivery(txn, now, to)?))
                };
                let (now, next) = self.read(at, next);
                if let Some(next) = next.as_ref().filter(|next| next.wait_ms == 0) {
                    self.to_be_asked(at, &next.route);
                }
                let next = self.agenda(at).next(to, now, next);
                self.obey(at, next);
            }
            Step::Transfer(id) => {
                let found = self.read(at, |peer, txn, _| peer.transfer(txn, id));
                if let Some((_, route)) = &found {
                    self.to_be_asked(at, route);
                }
                let next = self.agenda(at).wanted(id, found);
                self.obey(at, next);
            }
            Step::Tell(to) => {
                let start = self.start(at);
                for (node, addresses) in self.read(at, |peer, txn, _| peer.route(txn, to)) {
                    if self.start(at) == start {
                        let next = self.agenda(at).tell(to, node, addresses);
                        self.obey(at, next);
                    }
                }
            }
        }
    }
}
