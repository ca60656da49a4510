//! Who waits for the answer to a request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::peer::{Answer, RequestId};
use chartmesh_protocol::refusal::Failure;
use tokio::sync::oneshot;

use super::ended::Undone;
use crate::net::Reply;

/// What a front door gets.
pub(super) type Answered = Result<Answer, Failure>;

/// One who waits.
#[derive(Debug)]
enum Waiter {
    Door(oneshot::Sender<Answered>),
    Node(Reply),
}

/// All who wait, by request.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    last: AtomicU64,
    waiters: Mutex<HashMap<RequestId, Waiter>>,
}

/// A front door's place; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    waiting: &'a Waiting,
    pub(super) request: RequestId,
    pub(super) answer: oneshot::Receiver<Answered>,
}

impl Waiting {
    pub(super) fn door(&self) -> Place<'_> {
        let (sender, answer) = oneshot::channel();
        let request = self.add(Waiter::Door(sender));
        Place { waiting: self, request, answer }
    }

    pub(super) fn node(&self, reply: Reply) -> RequestId {
        self.add(Waiter::Node(reply))
    }

    fn add(&self, waiter: Waiter) -> RequestId {
        let request = RequestId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        self.lock().insert(request, waiter);
        request
    }

    /// Answers a front door.
    pub(super) fn answer(&self, request: RequestId, answer: Answered) {
        match self.lock().remove(&request) {
            // A door that is gone meanwhile never learns of it.
            Some(Waiter::Door(door)) => drop(door.send(answer)),
            Some(Waiter::Node(reply)) => reply.refuse(),
            None => {}
        }
    }

    /// Answers a node.
    pub(super) fn reply(&self, request: RequestId, bytes: Vec<u8>) {
        match self.lock().remove(&request) {
            Some(Waiter::Node(reply)) => reply.send(bytes),
            Some(Waiter::Door(_)) => tracing::error!("a front door was answered like a node"),
            None => {}
        }
    }

    /// The event came to nothing: a node may ask again, a door is told why.
    pub(super) fn undone(&self, request: RequestId, undone: &Undone) {
        match self.lock().remove(&request) {
            Some(Waiter::Door(door)) => drop(door.send(Err(undone.clone().into()))),
            Some(Waiter::Node(reply)) => reply.busy(),
            None => {}
        }
    }

    /// Nobody will answer any more.
    pub(super) fn clear(&self, undone: &Undone) {
        let requests: Vec<_> = self.lock().keys().copied().collect();
        for request in requests {
            self.undone(request, undone);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.request);
    }
}
