//! The nonces of the sessions with other nodes, and whom the gate is open to.

use super::under_way::{Agenda, Sessions};
use crate::crypto;
use crate::id::NodeId;
use crate::peer::Nonce;
use rand_core::CryptoRng;

impl Sessions {
    pub(super) fn theirs(&self, node: NodeId) -> Option<Nonce> {
        self.theirs.get(&node).copied()
    }

    pub(super) fn is_admitted(&self, node: NodeId) -> bool {
        self.admitted.contains(&node)
    }

    /// `hello` is to be said anew, whatever was said before.
    pub(super) fn forget_theirs(&mut self, node: NodeId) {
        self.theirs.remove(&node);
    }

    /// `node` does not take `nonce` any more. A newer one stays.
    pub(super) fn outdated(&mut self, node: NodeId, nonce: Nonce) {
        if self.theirs.get(&node) == Some(&nonce) {
            self.theirs.remove(&node);
        }
    }

    fn end(&mut self, node: NodeId) {
        self.ours.remove(&node);
        self.theirs.remove(&node);
    }
}

impl Agenda {
    /// Our nonce for the session with `node`, chosen now if there is none.
    pub fn choose_nonce(&mut self, node: NodeId, rng: &mut dyn CryptoRng) -> Nonce {
        *self.sessions.ours.entry(node).or_insert_with(|| crypto::random(rng))
    }

    /// Our nonce for the session with `node`, if it was told one: without, it cannot know it, and is to say `hello`.
    #[must_use]
    pub fn our_nonce(&self, node: NodeId) -> Option<Nonce> {
        self.sessions.ours.get(&node).copied()
    }

    /// The nonce that `node` told us in this session.
    #[must_use]
    pub fn their_nonce(&self, node: NodeId) -> Option<Nonce> {
        self.sessions.theirs(node)
    }

    /// `node` answered our `hello` with its nonce.
    pub fn learn_nonce(&mut self, node: NodeId, nonce: Nonce) {
        self.sessions.theirs.insert(node, nonce);
    }

    /// Whether the gate is open to `node`. It stays open over reconnects.
    #[must_use]
    pub fn is_admitted(&self, node: NodeId) -> bool {
        self.sessions.is_admitted(node)
    }

    /// [`crate::peer::Effect::Gate`], besides what the transport does.
    pub fn gate(&mut self, node: NodeId, open: bool) {
        if open {
            self.sessions.admitted.insert(node);
        } else {
            self.sessions.admitted.remove(&node);
            self.sessions.end(node);
        }
    }

    /// The last connection with `node` ended.
    pub fn disconnected(&mut self, node: NodeId) {
        self.sessions.end(node);
    }
}
