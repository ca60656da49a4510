//! Writing: one group of the log and one redb transaction for many events, and an overlay of the protocol's for each
//! of them.
//!
//! redb knows no nested transactions (it refuses savepoints once a table is open), so what events
//! write is kept in memory, over a snapshot of the committed state, and goes into redb's tables in
//! key order when the batch commits. The driver bounds a batch, and so this memory, by
//! [`Batch::bytes`].

use std::fmt;
use std::sync::Arc;

use chartmesh_protocol::store::{Changes, Overlay, ReadTxn, Row, StoreError, Table};
use redb::WriteTransaction;

use super::fault::fault;
use super::log::Shared;
use super::pack::Change;
use super::snapshot::Snapshot;

/// The changes of several events that become durable together. Dropped without
/// [`Batch::commit`], it leaves no trace.
pub struct Batch {
    transaction: WriteTransaction,
    committed: Snapshot,
    changes: Changes,
    shared: Arc<Shared>,
}

impl Batch {
    pub(super) fn new(
        transaction: WriteTransaction,
        committed: Snapshot,
        shared: Arc<Shared>,
    ) -> Self {
        Self { transaction, committed, changes: Changes::default(), shared }
    }

    /// A transaction for the next event, which sees what the earlier events of the batch wrote. What it
    /// wrote is added by [`Batch::merge`]; otherwise it leaves no trace.
    #[must_use]
    pub fn event(&self) -> Overlay<'_, Self> {
        Overlay::new(self)
    }

    /// Adds what an event wrote.
    pub fn merge(&mut self, changes: Changes) {
        self.changes.fold(changes);
    }

    /// Bytes of keys and values that the merged events have written; a row written twice counts
    /// twice.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.changes.bytes()
    }

    /// Makes the batch durable: when this returns, it has survived any crash to come.
    ///
    /// # Errors
    /// [`StoreError::Fault`] when the storage failed. Whether the batch is on the disk is then
    /// unknown until the store is opened anew, and the open store refuses everything else.
    pub fn commit(self) -> Result<(), StoreError> {
        let Self { transaction, committed, changes, shared } = self;
        drop(committed);
        if changes.is_empty() {
            return transaction.abort().map_err(fault);
        }
        let changes: Vec<_> = changes
            .tables()
            .map(|(table, rows)| Change { table: table.name(), shape: table.shape(), rows })
            .collect();
        shared.commit(transaction, &changes)
    }
}

impl ReadTxn for Batch {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.changes.get_over(&self.committed, table, key)
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.changes.page_over(&self.committed, table, from, to, limit)
    }

    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.changes.page_down_over(&self.committed, table, from, to, limit)
    }

    fn get_many(&self, table: Table, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.changes.get_many_over(&self.committed, table, keys)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        f.debug_struct("Batch").field("bytes", &bytes).finish()
    }
}
