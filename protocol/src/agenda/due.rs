//! When the protocol wants to be called again.

use super::limits::DUE_MAX;
use super::under_way::Agenda;
use crate::time::Timestamp;

/// Milliseconds between two ticks at least: something that is always due must not keep a disk busy.
pub const TICK_PAUSE_MS: u64 = 20;

impl Agenda {
    /// A tick is wanted at this time: [`crate::peer::Effect::WakeAt`]. Gives whether it is the earliest.
    pub fn wake_at(&mut self, time: Timestamp) -> bool {
        self.due.insert(time);
        if self.due.len() > DUE_MAX {
            self.due.pop_last();
        }
        self.due.first() == Some(&time)
    }

    /// Takes out what is due; gives whether anything was.
    pub fn take_due(&mut self, now: Timestamp) -> bool {
        let later = self.due.split_off(&now.plus_ms(1));
        !std::mem::replace(&mut self.due, later).is_empty()
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().copied()
    }
}
