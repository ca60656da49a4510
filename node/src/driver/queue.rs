//! What waits for the writer.

use std::sync::atomic::AtomicU64;

use chartmesh_protocol::peer::{Event, RequestId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::ended::Undone;

/// What the writer takes.
#[derive(Debug)]
pub(super) enum Item {
    Event(Box<Queued>),
    Stop,
}

/// One event on its way to the writer.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) event: Event,
    pub(super) ticket: Ticket,
}

/// Who cares what becomes of an event.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Who waits for its answer.
    pub(super) request: Option<RequestId>,
    /// Told when the event is durable and its effects are under way.
    pub(super) done: oneshot::Sender<Result<(), Undone>>,
    pub(super) since: Instant,
    /// The event's share of what may wait in all.
    pub(super) _share: Option<OwnedSemaphorePermit>,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) events: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) faults: AtomicU64,
    /// From being queued to being durable, of the newest batch's first event.
    pub(super) lag_us: AtomicU64,
}
