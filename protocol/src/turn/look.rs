//! What a front door asks to see, and what it is answered from.

use super::{Own, Shown};
use crate::identity::PatientKeys;
use crate::refusal::Handled;
use crate::store::ReadTxn;
use crate::time::Timestamp;

/// A snapshot that a question is answered from. Only a peer makes one.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Who we are.
    pub(crate) own: &'a Own,
    /// What was committed.
    pub(crate) txn: &'a dyn ReadTxn,
    /// UTC, never before a time that was handled.
    pub(crate) now: Timestamp,
    /// A patient's keys, when they are unlocked.
    pub(crate) keys: Option<&'a PatientKeys>,
}

impl core::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Look at {:?}", self.now)
    }
}

/// What a front door asks to see, which says what it is answered with. None of it discloses the content of a
/// record.
pub trait Question {
    /// What it is answered with.
    type Answer: Shown;

    /// The answer. Called by [`crate::peer::Peer::query`].
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    fn answer(&self, look: &Look<'_>) -> Handled<Self::Answer>;
}
