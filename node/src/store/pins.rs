//! What is being read: a pack that nothing names any more stays until nobody reads from before that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The groups whose state somebody may be reading.
#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// The group that is applied next: what is pinned now sees all before it.
    next: u64,
    pinned: BTreeMap<u64, usize>,
}

/// Held for as long as something is read.
#[derive(Debug)]
pub(super) struct Pin {
    pins: Arc<Pins>,
    at: u64,
}

impl Pins {
    /// Whoever begins to read now.
    pub(super) fn pin(self: &Arc<Self>) -> Pin {
        let mut held = self.lock();
        let at = held.next;
        *held.pinned.entry(at).or_default() += 1;
        Pin { pins: Arc::clone(self), at }
    }

    /// All before this group is applied.
    pub(super) fn applied(&self, next: u64) {
        self.lock().next = next;
    }

    /// The group before which everything is seen by everybody.
    pub(super) fn seen_by_all(&self) -> u64 {
        let held = self.lock();
        held.pinned.keys().next().map_or(held.next, |first| *first)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut held = self.pins.lock();
        if let Some(count) = held.pinned.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                held.pinned.remove(&self.at);
            }
        }
    }
}
