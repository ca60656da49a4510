//! What a machine's agenda has it do, and the agenda is told at once or when time has passed.

use super::{Engine, Task, Then};
use chartmesh_protocol::agenda::{Fetched, Order, Sent};
use chartmesh_protocol::id::{PartyId, TransferId};
use chartmesh_protocol::peer::{Event, Route};

impl Engine<'_> {
    /// Does what the agenda says, until the machine starts anew.
    pub(super) fn obey(&mut self, at: u32, orders: impl IntoIterator<Item = Order>) {
        let epoch = self.machine(at).epoch;
        for order in orders {
            if self.is_at(at, epoch) {
                self.follow(at, order);
            }
        }
    }

    fn follow(&mut self, at: u32, order: Order) {
        match order {
            Order::Next { to } => self.look_at_outbox(at, to),
            Order::Hello { node, .. } => {
                let target = self.stage.by_node.get(&node).copied();
                self.dial(at, target.expect("routes are of machines"));
            }
            Order::Send(letter) => {
                let target = self.stage.by_node.get(&letter.node).copied();
                let target = target.expect("routes are of machines");
                if self.connected(at, target) {
                    self.send(at, target, &letter);
                } else {
                    let next = self.machine(at).party.agenda.sent(letter.to, Sent::Forgotten);
                    self.obey(at, next);
                }
            }
            Order::Conclude { to, number, result } => {
                let failure = result.expect_err("nothing was sent");
                self.conclude_failure(at, to, number, failure);
            }
            Order::Look { id } => self.look_at_transfer(at, id),
            Order::Fetch(fetch) => {
                let holder = self.stage.by_node.get(&fetch.node).copied();
                let holder = holder.expect("routes are of machines");
                if self.connected(at, holder) {
                    self.ask_for(at, holder, fetch.id);
                } else {
                    self.fetched(at, fetch.id, Fetched::Forgotten);
                }
            }
            // Objects come at once or not at all; who was asked looks whether they are wanted still.
            Order::BreakOff { .. } | Order::Discard { .. } => {}
            Order::End { id, result } => {
                self.handle(at, Event::Transfer { id, result }, "pull", Then::Nothing);
            }
            Order::Later { id, wait_ms, turn } => {
                let epoch = self.machine(at).epoch;
                let at_us = self.stage.now_us + wait_ms * 1000;
                self.queue.plan(at_us, Task::Pull { at, epoch, id, turn });
            }
            Order::WakeAt(time) => self.wake_at(at, time),
        }
    }

    fn look_at_outbox(&mut self, at: u32, to: PartyId) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let now = machine.clock(now_us);
        let next = machine.party.peer.next_delivery(&machine.disk, now, to);
        let next = next.expect("memory does not fail");
        if let Some(next) = next.as_ref().filter(|next| next.wait_ms == 0) {
            self.notice_ended(at, &next.route);
        }
        let next = self.machine(at).party.agenda.next(to, now, next);
        self.obey(at, next);
    }

    fn look_at_transfer(&mut self, at: u32, id: TransferId) {
        let machine = self.machine(at);
        let found = machine.party.peer.transfer(&machine.disk, id).expect("memory does not fail");
        if let Some((_, route)) = &found {
            self.notice_ended(at, route);
        }
        let next = self.machine(at).party.agenda.wanted(id, found);
        self.obey(at, next);
    }

    /// Notices which connections with the nodes of a route are no more.
    fn notice_ended(&mut self, at: u32, route: &Route) {
        for (node, _) in route {
            if let Some(target) = self.stage.by_node.get(node).copied() {
                self.connected(at, target);
            }
        }
    }
}
