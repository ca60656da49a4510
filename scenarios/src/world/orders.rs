//! What a party's agenda has it do, at once: only looking at the outbox and at transfers waits for its turn.

use super::{Task, Wake, World};
use crate::party::Who;
use chartmesh_protocol::agenda::{Fetch, Fetched, Letter, Order, Sent};
use chartmesh_protocol::id::{NodeId, PartyId, TransferId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::peer::{CheckedHello, CheckedWelcome, DeliveryFailure, Event};
use rand_core::Rng as _;

impl World {
    /// Does what the agenda says, until the party starts anew.
    pub(super) fn obey(&mut self, at: Who, orders: impl IntoIterator<Item = Order>) {
        let starts = self.parties[at.0].starts;
        for order in orders {
            if self.parties[at.0].starts == starts {
                self.follow(at, order);
            }
        }
    }

    /// The turn of [`Order::Next`] has come.
    pub(super) fn look_at_outbox(&mut self, from: Who, to: PartyId) {
        let now = self.clock(from);
        let party = &mut self.parties[from.0];
        if party.online {
            let next = party.peer.next_delivery(&party.store, now, to);
            let next = party.agenda.next(to, now, next.expect("memory does not fail"));
            self.obey(from, next);
        }
    }

    /// The turn of [`Order::Look`] has come.
    pub(super) fn look_at_transfer(&mut self, at: Who, id: TransferId) {
        let party = &mut self.parties[at.0];
        if party.online {
            let found = party.peer.transfer(&party.store, id).expect("memory does not fail");
            let next = party.agenda.wanted(id, found);
            self.obey(at, next);
        }
    }

    fn follow(&mut self, at: Who, order: Order) {
        let starts = self.parties[at.0].starts;
        // What came of an order is told to the agenda that gave it.
        let began_anew = |world: &Self| world.parties[at.0].starts != starts;
        let next = match order {
            Order::Next { to } => return self.tasks.push_back(Task::Next { from: at, to }),
            Order::Look { id } => return self.tasks.push_back(Task::Look { at, id }),
            Order::Hello { to, node, .. } => {
                let answer = self.greet(at, to, node);
                if began_anew(self) {
                    return;
                }
                self.parties[at.0].agenda.greeted(node, answer)
            }
            Order::Send(letter) => {
                let sent = self.send(at, &letter);
                if began_anew(self) {
                    return;
                }
                Vec::from_iter(self.parties[at.0].agenda.sent(letter.to, sent))
            }
            Order::Conclude { to, number, result } => {
                self.event(at, Event::Delivery { to, number, result });
                if !began_anew(self) && self.parties[at.0].agenda.concluded(to).is_some() {
                    // What waits goes before what this one set going: a revocation, before objects are asked for.
                    self.tasks.push_front(Task::Next { from: at, to });
                }
                return;
            }
            Order::Fetch(fetch) => {
                let fetched = self.fetch(at, &fetch);
                self.parties[at.0].agenda.fetched(fetch.id, fetched)
            }
            Order::End { id, result } => return self.event(at, Event::Transfer { id, result }),
            Order::Later { id, wait_ms, turn } => {
                let when = self.now.plus_ms(wait_ms);
                self.wakes.insert((when, at, Wake::Retry { id, turn }));
                return;
            }
            Order::WakeAt(time) => return self.wake_at(at, time),
            // Objects come at once or not at all.
            Order::BreakOff { .. } | Order::Discard { .. } => return,
        };
        self.obey(at, next);
    }

    fn greet(&mut self, from: Who, to: PartyId, node: NodeId) -> Result<(), DeliveryFailure> {
        let target = self.at_node(node).filter(|target| self.reachable(from, *target));
        let Some(target) = target else { return Err(DeliveryFailure::NeverSent) };
        let now = self.clock(from);
        let party = &mut self.parties[from.0];
        let from_node = party.peer.node();
        let ours = party.agenda.choose_nonce(node, &mut party.rng);
        let addresses = vec![format!("memory/{}", from.0)];
        let hello = party.peer.hello(&party.store, now, to, addresses, ours);
        let hello = hello.expect("memory does not fail");
        let hello =
            CheckedHello::prepare(from_node, &hello).map_err(|_| DeliveryFailure::GateClosed)?;
        let party = &mut self.parties[target.0];
        let nonce = party.agenda.choose_nonce(from_node, &mut party.rng);
        let (request, addresses) = (self.request(), vec![format!("memory/{}", target.0)]);
        let hello = Box::new(hello);
        self.event(target, Event::Hello { request, node: from_node, nonce, addresses, hello });
        let reply = self.replies.remove(&request.0).unwrap_or_default();
        let welcome =
            CheckedWelcome::prepare(node, &reply).map_err(|_| DeliveryFailure::NeverSent)?;
        let nonce = welcome.nonce().map_err(|_| DeliveryFailure::GateClosed);
        let starts = self.parties[from.0].starts;
        self.event(from, Event::Welcome { node, welcome: Box::new(welcome) });
        let party = &mut self.parties[from.0];
        if party.starts == starts {
            party.agenda.learn_nonce(node, nonce?);
        }
        Ok(())
    }

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

    fn fetch(&mut self, at: Who, fetch: &Fetch) -> Fetched {
        let holder = self.at_node(fetch.node).filter(|holder| self.reachable(at, *holder));
        let Some(holder) = holder.filter(|holder| !self.silent.contains(holder)) else {
            return Fetched::Broken { progressed: false };
        };
        let node = self.parties[at.0].peer.node();
        match self.serve(holder, node, &fetch.transfer) {
            Ok(bytes) if bytes.len() <= SMALL_OBJECT_BYTES_MAX => Fetched::Whole(Some(bytes)),
            Ok(bytes) => {
                self.parties[at.0].objects.insert(fetch.transfer.object, bytes);
                Fetched::Whole(None)
            }
            Err(refusal) => Fetched::Refused(refusal),
        }
    }

    fn at_node(&self, node: NodeId) -> Option<Who> {
        (0..self.parties.len()).find(|at| self.parties[*at].peer.node() == node).map(Who)
    }
}
