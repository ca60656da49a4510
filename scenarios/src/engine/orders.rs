//! How the engine does what is ordered: in its time, and over its links.

use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::{Driver, Step};
use chartmesh_protocol::agenda::{Agenda, Fetch, Fetched, Letter, Retry, Sent};
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId, TransferId};
use chartmesh_protocol::peer::{
    Answer, DeliveryFailure, Event, Peer, RequestId, Route, TransferResult,
};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::{ReadTxn, StoreError};
use chartmesh_protocol::time::Timestamp;

impl Driver for Engine<'_> {
    type Who = u32;

    fn agenda(&mut self, at: u32) -> &mut Agenda {
        &mut self.machine(at).party.agenda
    }

    fn start(&self, at: u32) -> Option<u32> {
        let machine = &self.stage.machines[at as usize];
        machine.on.then_some(machine.epoch)
    }

    fn read<T>(
        &self,
        at: u32,
        read: impl FnOnce(&Peer, &dyn ReadTxn, Timestamp) -> Result<T, StoreError>,
    ) -> T {
        let machine = &self.stage.machines[at as usize];
        let now = machine.clock(self.stage.now_us);
        read(&machine.party.peer, &machine.disk, now).expect("memory does not fail")
    }

    fn plan(&mut self, at: u32, step: Step) {
        self.step(at, step);
    }

    fn answer(&mut self, _at: u32, request: RequestId, answer: Result<Answer, Refusal>) {
        self.answered(request, answer);
    }

    fn answer_node(&mut self, at: u32, request: RequestId, bytes: Vec<u8>) {
        self.reply(at, request, bytes);
    }

    fn gate(&mut self, at: u32, node: NodeId, open: bool) {
        if let Some(other) = self.stage.by_node.get(&node).copied().filter(|_| !open) {
            self.hang_up(at, other);
        }
    }

    fn remove(&mut self, at: u32, object: ObjectId) {
        self.machine(at).party.objects.remove(&object);
    }

    fn wake_at(&mut self, at: u32, time: Timestamp) {
        self.machine(at).party.agenda.wake_at(time);
        self.plan_tick(at);
    }

    /// Notices which connections with them are no more.
    fn to_be_asked(&mut self, at: u32, route: &Route) {
        for (node, _) in route {
            if let Some(target) = self.stage.by_node.get(node).copied() {
                self.connected(at, target);
            }
        }
    }

    fn hello(&mut self, at: u32, _to: PartyId, node: NodeId) {
        let target = self.machine_of(node);
        self.dial(at, target);
    }

    fn letter(&mut self, at: u32, letter: &Letter) {
        let target = self.machine_of(letter.node);
        if self.connected(at, target) {
            return self.send(at, target, letter);
        }
        let next = self.agenda(at).sent(letter.to, Sent::Forgotten);
        self.obey(at, next);
    }

    fn outcome(
        &mut self,
        at: u32,
        to: PartyId,
        number: u64,
        result: Result<Vec<u8>, DeliveryFailure>,
    ) {
        let failure = result.expect_err("nothing was sent");
        self.conclude_failure(at, to, number, failure);
    }

    fn fetch(&mut self, at: u32, fetch: &Fetch) {
        let holder = self.machine_of(fetch.node);
        if self.connected(at, holder) {
            self.ask_for(at, holder, fetch.id);
        } else {
            self.fetched(at, fetch.id, Fetched::Forgotten);
        }
    }

    fn pull_ended(&mut self, at: u32, id: TransferId, result: TransferResult) {
        self.handle(at, Event::Transfer { id, result }, "pull", Then::Nothing);
    }

    fn later(&mut self, at: u32, wait_ms: u64, retry: Retry) {
        let epoch = self.machine(at).epoch;
        let at_us = self.stage.now_us + wait_ms * 1000;
        self.queue.plan(at_us, Task::Retry { at, epoch, retry });
    }
}

impl Engine<'_> {
    fn machine_of(&self, node: NodeId) -> u32 {
        self.stage.by_node.get(&node).copied().expect("routes are of machines")
    }
}
