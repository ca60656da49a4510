//! When the protocol wants to be called again.

use super::Agenda;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// Milliseconds between two ticks at least: something that is always due must not keep a disk busy.
pub const TICK_PAUSE_MS: u64 = 20;

/// Due times that are remembered; the earliest count, and a tick finds all that is due.
pub(super) const DUE_MAX: usize = 1024;

/// The times at which something is due.
#[derive(Debug)]
pub(super) struct Due(BTreeSet<Timestamp>);

impl Due {
    pub(super) const fn new() -> Self {
        Self(BTreeSet::new())
    }
}

impl Agenda {
    /// A tick is wanted at this time: [`crate::peer::Effect::WakeAt`]. Gives whether it is the earliest.
    pub fn wake_at(&mut self, time: Timestamp) -> bool {
        let Due(due) = &mut self.due;
        due.insert(time);
        if due.len() > DUE_MAX {
            due.pop_last();
        }
        due.first() == Some(&time)
    }

    /// Takes out what is due; gives whether anything was.
    pub fn take_due(&mut self, now: Timestamp) -> bool {
        let Due(due) = &mut self.due;
        let later = due.split_off(&now.plus_ms(1));
        let was_due = !due.is_empty();
        *due = later;
        was_due
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.0.first().copied()
    }
}
