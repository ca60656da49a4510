//! The one who writes: takes waiting events into one transaction, commits, and only then lets their
//! effects happen. A thread of its own, because commits block on the disk.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chartmesh_protocol::peer::{Effect, Event};
use chartmesh_protocol::store::StoreError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ended::{Ended, Undone};
use super::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BATCH_TIME_MAX, ERASE_EVERY, FAULTS_MAX};
use super::parts::Witnessed;
use super::perform::perform;
use super::queue::{Item, Queued, Ticket};
use super::running::Running;
use super::trail::Line;
use crate::random::system;
use crate::store::{Batch, Erasure};

/// Runs until it is told to stop, or the storage fails for good.
pub(super) async fn run(running: Arc<Running>, mut items: mpsc::Receiver<Item>) {
    let running = &running;
    // Also when this thread panics: whoever waits must hear of it.
    let mut end = End { running, why: Ended::Bug };
    let mut faults = 0;
    let mut house = House::new();
    end.why = loop {
        let item = match house.is_untidy {
            true => items.try_recv().ok(),
            false => Some(items.recv().await.unwrap_or(Item::Stop)),
        };
        let first = match item {
            Some(Item::Event(first)) => first,
            Some(Item::Stop) => break Ended::Stopped,
            // While nobody waits.
            None => {
                house.tidy(running);
                continue;
            }
        };
        if running.stopping.is_cancelled() {
            fail(running, first.ticket, Undone::Stopping);
            break Ended::Stopped;
        }
        match batch(running, *first, &mut items) {
            Ok(ControlFlow::Continue(())) => {
                faults = 0;
                house.tidy(running);
            }
            Ok(ControlFlow::Break(())) => break Ended::Stopped,
            Err(error) if reopened(running) => {
                running.counters.faults.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "the disk is full; a batch was dropped, and the store opened anew");
            }
            Err(error) => {
                faults += 1;
                running.counters.faults.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, in_a_row = faults, "the storage failed; a batch was dropped");
                if faults >= FAULTS_MAX {
                    break Ended::Storage(error.to_string());
                }
            }
        }
    };
    items.close();
    while let Ok(item) = items.try_recv() {
        if let Item::Event(queued) = item {
            fail(running, queued.ticket, Undone::Stopping);
        }
    }
}

/// What the store is to do for itself between batches.
struct House {
    is_untidy: bool,
    /// Since when nothing that was deleted is left; none while it is being overwritten.
    erased: Option<Instant>,
}

impl House {
    fn new() -> Self {
        Self { is_untidy: false, erased: Some(Instant::now()) }
    }

    /// One small step. Not on a disk that is full: what is copied needs room before it gives some back.
    fn tidy(&mut self, running: &Running) {
        if running.disk.as_ref().is_some_and(|room| !room.is_above_floor()) {
            self.is_untidy = false;
            return;
        }
        self.erased = self.erased.filter(|since| since.elapsed() < ERASE_EVERY);
        let done = match self.erased {
            Some(_) => running.store.tidy().map(|more| self.is_untidy = more),
            None => running.store.erase().map(|erasure| {
                self.erased = (erasure == Erasure::Done).then(Instant::now);
                self.is_untidy = erasure != Erasure::Waits;
            }),
        };
        if let Err(error) = done {
            tracing::error!(%error, "the storage failed while packs were tidied");
            *self = Self::new();
        }
    }
}

/// Whether a fault was that of a full disk, and reading goes on: a store that could not be written is opened anew.
fn reopened(running: &Running) -> bool {
    let full = running.disk.as_ref().is_some_and(|room| !room.for_a_transaction());
    match full.then(|| running.store.reopen()) {
        Some(Ok(reopened)) => reopened,
        Some(Err(error)) => {
            tracing::error!(%error, "the store cannot be opened again");
            false
        }
        None => false,
    }
}

struct End<'a> {
    running: &'a Arc<Running>,
    why: Ended,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.running.stopping.cancel();
        self.running.waiting.clear(&Undone::Stopping);
        self.running.ended.send_replace(Some(self.why.clone()));
    }
}

/// An event that was handled: what is to happen once it is durable, or why it came to nothing.
struct Handled {
    ticket: Ticket,
    effects: Result<Vec<Effect>, Undone>,
    line: Option<Line>,
}

/// One transaction: `first` and what else waits.
fn batch(
    running: &Arc<Running>,
    first: Queued,
    items: &mut mpsc::Receiver<Item>,
) -> Result<ControlFlow<()>, StoreError> {
    let begun = Instant::now();
    if running.disk.as_ref().is_some_and(|room| !room.for_a_transaction()) {
        // Not a fault of the store: it is not asked, and goes on answering.
        fail(running, first.ticket, Undone::Full);
        return Ok(ControlFlow::Continue(()));
    }
    let mut flow = ControlFlow::Continue(());
    let mut batch = match running.store.batch() {
        Ok(batch) => batch,
        Err(error) => {
            fail(running, first.ticket, Undone::Storage(error.to_string()));
            return Err(error);
        }
    };
    let mut handled = Vec::new();
    let mut next = Some(first);
    let mut fault = None;
    while let Some(queued) = next.take() {
        let (one, failed) = handle(running, &mut batch, queued);
        handled.push(one);
        fault = failed;
        let full = handled.len() >= BATCH_EVENTS_MAX
            || batch.bytes() >= BATCH_BYTES_MAX
            || begun.elapsed() >= BATCH_TIME_MAX;
        if fault.is_some() || full {
            break;
        }
        match items.try_recv() {
            Ok(Item::Event(queued)) => next = Some(*queued),
            Ok(Item::Stop) => flow = ControlFlow::Break(()),
            Err(_) => {}
        }
    }
    #[cfg(test)]
    let fault = fault.or_else(|| wanted_fault(running));
    let committed = match fault {
        None => batch.commit(),
        Some(fault) => Err(fault),
    };
    match committed {
        Ok(()) => {
            running.count(handled.len(), handled[0].ticket.since);
            for one in handled {
                finish(running, one);
            }
            Ok(flow)
        }
        Err(error) => {
            for one in handled {
                fail(running, one.ticket, Undone::Storage(error.to_string()));
            }
            Err(error)
        }
    }
}

/// Handles one event over the batch: what it wrote is added when it ends well. Gives a fault of
/// the storage, which drops the whole batch.
fn handle(running: &Running, batch: &mut Batch, queued: Queued) -> (Handled, Option<StoreError>) {
    let Queued { event, ticket } = queued;
    let (now, kind) = (running.clock.now(), kind_of(&event));
    let line = Line::of(&event);
    let _span = tracing::debug_span!("event", kind).entered();
    if let Some(witness) = &running.witness {
        witness(now, Witnessed::Event(&event));
    }
    let mut overlay = batch.event();
    let peer = &running.peer;
    // A bug that one event sets off must not stop the node for all: the overlay goes with it.
    let outcome =
        catch_unwind(AssertUnwindSafe(|| peer.handle(now, event, &mut overlay, &mut system())));
    let mut fault = None;
    let effects = match outcome {
        Ok(Ok(effects)) => {
            let changes = overlay.into_changes();
            batch.merge(changes);
            if let Some(witness) = &running.witness {
                witness(now, Witnessed::Effects(&effects));
            }
            Ok(effects)
        }
        Ok(Err(error @ (StoreError::Corrupt { .. } | StoreError::TooLarge { .. }))) => {
            tracing::error!(%error, kind, "an event met a row that cannot be read, or written; it is dropped");
            Err(Undone::Storage(error.to_string()))
        }
        Ok(Err(error)) => {
            let undone = Undone::Storage(error.to_string());
            fault = Some(error);
            Err(undone)
        }
        Err(_) => {
            tracing::error!(kind, "an event set off a bug of this program; it is dropped");
            Err(Undone::Bug)
        }
    };
    (Handled { ticket, effects, line }, fault)
}

/// After the commit: what the event asked for happens, then whoever submitted it goes on.
fn finish(running: &Arc<Running>, Handled { ticket, effects, line }: Handled) {
    match effects {
        Ok(effects) => {
            if let Some(line) = line {
                line.write(&effects);
            }
            for effect in effects {
                perform(running, effect);
            }
            let _gone = ticket.done.send(Ok(()));
        }
        Err(undone) => fail(running, ticket, undone),
    }
}

fn fail(running: &Running, ticket: Ticket, undone: Undone) {
    if let Some(request) = ticket.request {
        running.waiting.undone(request, &undone);
    }
    let _gone = ticket.done.send(Err(undone));
}

#[cfg(test)]
fn wanted_fault(running: &Running) -> Option<StoreError> {
    let less = |left: u32| left.checked_sub(1);
    let order = Ordering::Relaxed;
    running.failing.try_update(order, order, less).ok()?;
    Some(StoreError::Fault("a test said so".to_owned()))
}

fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Command { .. } => "command",
        Event::Hello { .. } => "hello",
        Event::Welcome { .. } => "welcome",
        Event::Message { .. } => "message",
        Event::Delivery { .. } => "delivery",
        Event::Transfer { .. } => "transfer",
        Event::Checked { .. } => "stock",
        Event::Tick => "tick",
    }
}
