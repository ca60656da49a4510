//! Saying `hello`, once for all who need it.

use super::{Agenda, Errand, Order};
use crate::id::{NodeId, PartyId};
use crate::peer::DeliveryFailure;

/// A node that `hello` is being said to.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// What goes on when it ends.
    waiting: Vec<Errand>,
    /// Whose node it is to be, and where it was found meanwhile.
    found: Option<(PartyId, Vec<String>)>,
}

impl Agenda {
    /// Has `hello` said to a node, also if we are in a session with it: what is to be told is told by a `hello`, and one
    /// that was said before does not tell it. ([`crate::peer::Effect::Greet`], and after a start.)
    pub fn greet(&mut self, to: PartyId, node: NodeId, addresses: Vec<String>) -> Option<Order> {
        self.sessions.forget_theirs(node);
        self.say_hello(to, node, addresses, None)
    }

    /// A node of an institution that we know was found at these addresses: it hears that we are here, so that what waits
    /// on either side need not wait for the next try.
    pub fn found(&mut self, to: PartyId, node: NodeId, addresses: Vec<String>) -> Option<Order> {
        if self.sessions.theirs(node).is_some() {
            return None;
        }
        if let Some(greeting) = self.greetings.get_mut(&node) {
            greeting.found = Some((to, addresses));
            return None;
        }
        self.say_hello(to, node, addresses, None)
    }

    /// What came of [`Order::Hello`], once the peer took the node's answer in.
    pub fn greeted(&mut self, node: NodeId, answer: Result<(), DeliveryFailure>) -> Vec<Order> {
        let Some(greeting) = self.greetings.get_mut(&node) else { return Vec::new() };
        let open = self.sessions.theirs(node).is_some() && self.sessions.is_admitted(node);
        // It refused us, or we refuse whoever answered.
        let answer = answer.and(if open { Ok(()) } else { Err(DeliveryFailure::GateClosed) });
        if answer.is_err() {
            self.sessions.forget_theirs(node);
        }
        if let (Err(_), Some((to, addresses))) = (answer, greeting.found.take()) {
            return vec![Order::Hello { to, node, addresses }];
        }
        let waiting = self.greetings.remove(&node).map_or_else(Vec::new, |ended| ended.waiting);
        let mut orders = Vec::new();
        for errand in waiting {
            match errand {
                Errand::Deliver(to) => orders.extend(self.delivery_goes_on(to, answer)),
                Errand::Pull(id) => orders.extend(self.pull_goes_on(id, answer.is_ok())),
            }
        }
        orders
    }

    pub(super) fn say_hello(
        &mut self,
        to: PartyId,
        node: NodeId,
        addresses: Vec<String>,
        errand: Option<Errand>,
    ) -> Option<Order> {
        let under_way = self.greetings.contains_key(&node);
        self.greetings.entry(node).or_default().waiting.extend(errand);
        (!under_way).then_some(Order::Hello { to, node, addresses })
    }
}
