//! Saying `hello`, once for all who need it, and again to those who are to hear it and did not.

use super::limits::{GREETING_RETRIES_MAX, GREETING_RETRY_MS_MIN};
use super::orders::{Order, Retry};
use super::under_way::{Agenda, Errand, Untold};
use crate::id::{NodeId, PartyId};
use crate::peer::DeliveryFailure;

impl Agenda {
    /// Has `hello` said to a node unless we are in a session with it, and makes nothing of it if nobody is there: after
    /// a start, to those we know.
    pub fn greet(&mut self, to: PartyId, node: NodeId, addresses: Vec<String>) -> Option<Order> {
        let in_session = self.sessions.theirs(node).is_some();
        if in_session { None } else { self.say_hello(to, node, addresses, None) }
    }

    /// Has `hello` said to a node that is to hear it, for what is to be told is told by a `hello`, and one that was said
    /// before does not tell it: [`crate::peer::Effect::Greet`]. Said again a few times if it is not heard.
    pub fn tell(&mut self, to: PartyId, node: NodeId, addresses: Vec<String>) -> Option<Order> {
        self.untold.insert(node, Untold { place: (to, addresses.clone()), tries: 0 });
        if let Some(under_way) = self.greetings.get_mut(&node) {
            under_way.outdated = true;
            return None;
        }
        self.sessions.forget_theirs(node);
        self.say_hello(to, node, addresses, None)
    }

    /// A node of an institution that we know was found at these addresses: it hears that we are here, so that what waits
    /// on either side need not wait for the next try.
    pub fn found(&mut self, to: PartyId, node: NodeId, addresses: Vec<String>) -> Option<Order> {
        match self.greetings.get_mut(&node) {
            Some(under_way) => {
                under_way.found = Some((to, addresses));
                None
            }
            None => self.greet(to, node, addresses),
        }
    }

    /// What came of [`Order::Hello`], once the peer took the node's answer in.
    pub fn greeted(&mut self, node: NodeId, answer: Result<(), DeliveryFailure>) -> Vec<Order> {
        let Some(greeting) = self.greetings.get_mut(&node) else { return Vec::new() };
        let open = self.sessions.theirs(node).is_some() && self.sessions.is_admitted(node);
        // It refused us, or we refuse whoever answered.
        let answer = answer.and(if open { Ok(()) } else { Err(DeliveryFailure::GateClosed) });
        let outdated = std::mem::take(&mut greeting.outdated);
        if answer.is_err() || outdated {
            self.sessions.forget_theirs(node);
        }
        let elsewhere = greeting.found.take().filter(|_| answer.is_err());
        let untold = self.untold.get(&node).filter(|_| outdated).map(|untold| untold.place.clone());
        if let Some((to, addresses)) = elsewhere.or(untold) {
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
        orders.extend(self.heard(node, answer != Err(DeliveryFailure::NeverSent)));
        orders
    }

    /// The wait of [`Order::Later`] is over.
    pub fn retry(&mut self, retry: Retry) -> Option<Order> {
        match retry {
            Retry::Pull { id, turn } => self.pull_again(id, turn),
            Retry::Hello { node, tries } => {
                let untold = self.untold.get(&node).filter(|untold| untold.tries == tries)?;
                let (to, addresses) = untold.place.clone();
                self.say_hello(to, node, addresses, None)
            }
        }
    }

    /// Whether a `hello` was heard, by a node that may have had to: who answers heard it, whatever it answers.
    fn heard(&mut self, node: NodeId, heard: bool) -> Option<Order> {
        let untold = self.untold.get_mut(&node)?;
        if heard || untold.tries == GREETING_RETRIES_MAX {
            self.untold.remove(&node);
            return None;
        }
        let wait_ms = GREETING_RETRY_MS_MIN << untold.tries;
        untold.tries += 1;
        Some(Order::Later { wait_ms, retry: Retry::Hello { node, tries: untold.tries } })
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
