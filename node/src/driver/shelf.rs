//! The store as the driver has it: it can be opened anew while the node runs.

use std::sync::{PoisonError, RwLock};

use chartmesh_protocol::store::StoreError;

use super::parts::Reopen;
use crate::store::{Batch, Erasure, OpenError, Snapshot, Store, StoreUse};

/// Holds the store. Once its file could not be written, an open store answers nothing any more.
pub(super) struct Shelf {
    store: RwLock<Option<Store>>,
    reopen: Option<Reopen>,
}

impl Shelf {
    pub(super) const fn new(store: Store, reopen: Option<Reopen>) -> Self {
        Self { store: RwLock::new(Some(store)), reopen }
    }

    /// See [`Store::begin_read`].
    pub(super) fn begin_read(&self) -> Result<Snapshot, StoreError> {
        self.with(Store::begin_read)
    }

    /// See [`Store::batch`].
    pub(super) fn batch(&self) -> Result<Batch, StoreError> {
        self.with(Store::batch)
    }

    /// See [`Store::tidy`].
    pub(super) fn tidy(&self) -> Result<bool, StoreError> {
        self.with(Store::tidy)
    }

    /// See [`Store::erase`].
    pub(super) fn erase(&self) -> Result<Erasure, StoreError> {
        self.with(Store::erase)
    }

    /// See [`Store::usage`].
    pub(super) fn usage(&self) -> Result<StoreUse, StoreError> {
        self.with(|store| Ok(store.usage()))
    }

    fn with<T>(&self, ask: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match &*self.store.read().unwrap_or_else(PoisonError::into_inner) {
            Some(store) => ask(store),
            None => Err(StoreError::Fault("the store is closed, and opened anew soon".to_owned())),
        }
    }

    /// Closes the store and opens it again, from what is on the disk. `false` where there is nothing to open again.
    pub(super) fn reopen(&self) -> Result<bool, OpenError> {
        let Some(reopen) = &self.reopen else { return Ok(false) };
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        // Its lock goes with it.
        *store = None;
        *store = Some(reopen()?);
        Ok(true)
    }
}
