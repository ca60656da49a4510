//! The nodes of an institution, tried one after the other.

use super::orders::Order;
use super::under_way::{Agenda, Errand, Tries};
use crate::id::{NodeId, PartyId};
use crate::peer::{Nonce, Route};

/// How the first node can be reached.
pub(super) enum Reached {
    /// In a session: the node, where it is, its nonce.
    Session(NodeId, Vec<String>, Nonce),
    /// Once it was greeted, which is to begin, or is under way.
    Greeting(Option<Order>),
    /// There is none left.
    Nobody,
}

impl Agenda {
    /// The nodes of a route, those first that we are in a session with.
    pub(super) fn tries(&self, to: PartyId, mut route: Route) -> Tries {
        route.sort_by_key(|(node, _)| self.sessions.theirs(*node).is_none());
        Tries { to, left: route.into(), asked: None, again: false }
    }

    /// Sees how the first node can be reached; `errand` waits for it if that takes a greeting.
    pub(super) fn reach(&mut self, tries: &mut Tries, errand: Errand) -> Reached {
        let Some((node, addresses)) = tries.left.front().cloned() else { return Reached::Nobody };
        tries.asked = self.sessions.theirs(node);
        match tries.asked {
            Some(nonce) => Reached::Session(node, addresses, nonce),
            None => Reached::Greeting(self.say_hello(tries.to, node, addresses, Some(errand))),
        }
    }

    /// The first node has forgotten us, perhaps because it started anew. Gives whether that is no news.
    pub(super) fn forgotten(&mut self, tries: &mut Tries) -> bool {
        if let (Some((node, _)), Some(nonce)) = (tries.left.front(), tries.asked) {
            self.sessions.outdated(*node, nonce);
        }
        let before = std::mem::replace(&mut tries.again, true);
        if before {
            tries.give_up();
        }
        before
    }
}

impl Tries {
    /// Whether none is left.
    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// The first node is of no use: the next is tried.
    pub(super) fn give_up(&mut self) {
        self.left.pop_front();
        self.again = false;
    }
}
