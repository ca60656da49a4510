//! The nonces of the sessions with other nodes, and whom the gate is open to. Memory only: after a
//! restart, and after a connection ended, both sides say `hello` anew.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::NodeId;
use chartmesh_protocol::peer::Nonce;
use rand_core::Rng as _;

use crate::random::system;

/// What is remembered of the nodes we talk with.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What we chose: a proof made for us must name it.
    ours: HashMap<NodeId, Nonce>,
    /// What they chose, from their welcome: our proofs must name it.
    theirs: HashMap<NodeId, Nonce>,
    admitted: HashSet<NodeId>,
    greeting: HashMap<NodeId, Arc<tokio::sync::Mutex<()>>>,
}

impl Sessions {
    /// Our nonce for the session with `node`, chosen now if there is none.
    pub(super) fn choose(&self, node: NodeId) -> Nonce {
        *self.lock().ours.entry(node).or_insert_with(|| {
            let mut nonce = [0; 16];
            system().fill_bytes(&mut nonce);
            nonce
        })
    }

    /// Our nonce for the session with `node`, if it was told one.
    pub(super) fn ours(&self, node: NodeId) -> Option<Nonce> {
        self.lock().ours.get(&node).copied()
    }

    /// The nonce that `node` told us in this session.
    pub(super) fn theirs(&self, node: NodeId) -> Option<Nonce> {
        self.lock().theirs.get(&node).copied()
    }

    pub(super) fn learn(&self, node: NodeId, nonce: Nonce) {
        self.lock().theirs.insert(node, nonce);
    }

    /// `node` does not take `nonce` any more. A newer one stays.
    pub(super) fn outdated(&self, node: NodeId, nonce: Nonce) {
        let mut inner = self.lock();
        if inner.theirs.get(&node) == Some(&nonce) {
            inner.theirs.remove(&node);
        }
    }

    /// The last connection with `node` ended.
    pub(super) fn end(&self, node: NodeId) {
        let mut inner = self.lock();
        inner.ours.remove(&node);
        inner.theirs.remove(&node);
        // Whoever is waiting to say hello holds it too.
        inner.greeting.retain(|other, lock| *other != node || Arc::strong_count(lock) > 1);
    }

    pub(super) fn admit(&self, node: NodeId) {
        self.lock().admitted.insert(node);
    }

    pub(super) fn put_out(&self, node: NodeId) {
        self.lock().admitted.remove(&node);
        self.end(node);
    }

    pub(super) fn is_admitted(&self, node: NodeId) -> bool {
        self.lock().admitted.contains(&node)
    }

    /// Held while `hello` is said to `node`, so that it is said once.
    pub(super) fn greeting(&self, node: NodeId) -> Arc<tokio::sync::Mutex<()>> {
        self.lock().greeting.entry(node).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    #[test]
    fn a_nonce_lasts_for_a_session_and_no_longer() {
        let sessions = Sessions::default();
        assert_eq!(sessions.ours(NODE), None);
        let first = sessions.choose(NODE);
        assert_eq!(sessions.choose(NODE), first);
        sessions.learn(NODE, [7; 16]);
        sessions.end(NODE);
        assert_eq!((sessions.ours(NODE), sessions.theirs(NODE)), (None, None));
        assert_ne!(sessions.choose(NODE), first);
    }

    #[test]
    fn only_the_nonce_that_failed_is_forgotten() {
        let sessions = Sessions::default();
        sessions.learn(NODE, [2; 16]);
        sessions.outdated(NODE, [1; 16]);
        assert_eq!(sessions.theirs(NODE), Some([2; 16]));
        sessions.outdated(NODE, [2; 16]);
        assert_eq!(sessions.theirs(NODE), None);
    }

    #[test]
    fn whoever_is_put_out_must_say_hello_again() {
        let sessions = Sessions::default();
        sessions.choose(NODE);
        sessions.admit(NODE);
        sessions.end(NODE);
        assert!(sessions.is_admitted(NODE), "a gate stays open over reconnects");
        sessions.choose(NODE);
        sessions.put_out(NODE);
        assert!(!sessions.is_admitted(NODE));
        assert_eq!(sessions.ours(NODE), None);
    }
}
