//! Receiving an object in pieces, over any number of connections, restarts and power cuts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::{ObjectId, TransferId};

use super::arriving::State;
use super::{ObjectError, ObjectFolder, Verified};
use crate::disk::Disk;

/// An object on its way in. Takes only what a [`super::Verifier`] has verified, in order.
///
/// What it has may be lost in a power cut back to [`Partial::durable_offset`], never further; one
/// transfer has one `Partial` at a time.
#[derive(Debug)]
pub struct Partial<D: Disk> {
    state: Arc<Mutex<State<D>>>,
    id: ObjectId,
    len: u64,
}

impl<D: Disk> Partial<D> {
    pub(super) fn open(
        folder: &ObjectFolder<D>,
        transfer: TransferId,
        id: ObjectId,
        len: u64,
    ) -> Result<Self, ObjectError> {
        let state = State::open(folder, transfer, id, len)?;
        Ok(Self { state: Arc::new(Mutex::new(state)), id, len })
    }

    /// The object.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the object has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where to go on: a multiple of 16 KiB, or the length when nothing is missing.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.lock().next()
    }

    /// How much a power cut now would leave for certain.
    #[must_use]
    pub fn durable_offset(&self) -> u64 {
        self.lock().promised()
    }

    /// Writes what was verified, and every [`super::CHECKPOINT`] bytes makes it durable.
    ///
    /// # Errors
    /// [`ObjectError::OutOfStep`] when it is not what comes next; [`ObjectError::Disk`], after
    /// which [`Partial::next_offset`] tells where to go on once the disk is well.
    pub fn accept(&mut self, verified: &Verified<'_>) -> Result<(), ObjectError> {
        let mut state = self.lock();
        state.accept(verified)?;
        if state.unrecorded() >= state.checkpoint_distance() && state.next() < self.len {
            state.checkpoint()?;
        }
        Ok(())
    }

    /// Makes all that was accepted durable, and the record of it.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn checkpoint(&mut self) -> Result<(), ObjectError> {
        self.lock().checkpoint()
    }

    /// Puts the object into the folder, durably.
    ///
    /// # Errors
    /// [`ObjectError::Unfinished`] while bytes are missing; [`ObjectError::Disk`], after which the
    /// partial object can be opened again and goes on from what is certainly durable.
    pub fn finish(self) -> Result<(), ObjectError> {
        self.lock().finish()
    }

    /// The state, for the thread that writes.
    pub(crate) fn state(&self) -> Arc<Mutex<State<D>>> {
        self.state.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
