//! Reading: a redb read transaction, and the packs that its rows point into.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use chartmesh_protocol::store::{ReadTxn, Row, StoreError, Table};
use redb::{AccessGuard, Range, ReadOnlyTable, ReadTransaction, TableError};

use super::accounts::definition;
use super::fault::fault;
use super::log::Shared;
use super::pack::Stored;
use super::pins::Pin;

/// All our tables are plain bytes to redb.
type Bytes = &'static [u8];

/// What redb gives for each row of a range.
type Found = Result<(AccessGuard<'static, Bytes>, AccessGuard<'static, Bytes>), redb::StorageError>;

/// The committed state at one moment. It can go to another thread; while it lives, the pages it
/// sees are not reused, so it should not live for hours.
pub struct Snapshot {
    transaction: ReadTransaction,
    shared: Arc<Shared>,
    _pin: Pin,
}

impl Snapshot {
    /// Of what `begin` sees; until it is dropped, no pack goes that it sees.
    pub(super) fn new(
        shared: &Arc<Shared>,
        begin: impl FnOnce() -> Result<ReadTransaction, StoreError>,
    ) -> Result<Self, StoreError> {
        let pin = shared.pins.pin();
        Ok(Self { transaction: begin()?, shared: Arc::clone(shared), _pin: pin })
    }

    /// redb's part of it.
    pub(super) const fn redb(&self) -> &ReadTransaction {
        &self.transaction
    }

    /// A value as redb has it.
    pub(super) fn stored(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.table(table)? else { return Ok(None) };
        let value = table.get(key).map_err(fault)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    /// A value, from what redb has of it.
    fn value(&self, table: Table, key: &[u8], stored: &[u8]) -> Result<Vec<u8>, StoreError> {
        match Stored::read(stored) {
            Some(Stored::Here(value)) => Ok(value.to_vec()),
            Some(Stored::Packed(place)) => self.shared.packs.value(place, table, key),
            None => Err(StoreError::Corrupt {
                table: table.name(),
                why: "a value is of no known form".into(),
            }),
        }
    }

    /// None for a table that nobody has written to yet.
    fn table(&self, table: &str) -> Result<Option<ReadOnlyTable<Bytes, Bytes>>, StoreError> {
        match self.transaction.open_table(definition(table)) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }
}

impl Snapshot {
    /// Takes rows from a range; none from one that is reversed, at which redb would panic.
    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        take: impl FnOnce(Range<'static, Bytes, Bytes>) -> Result<Vec<Row>, redb::StorageError>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.stored_range(table, from, to, take)?;
        for (key, value) in &mut rows {
            *value = self.value(table, key, value)?;
        }
        Ok(rows)
    }

    fn stored_range(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        take: impl FnOnce(Range<'static, Bytes, Bytes>) -> Result<Vec<Row>, redb::StorageError>,
    ) -> Result<Vec<Row>, StoreError> {
        if !to.is_empty() && from >= to {
            return Ok(Vec::new());
        }
        let Some(table) = self.table(table.name())? else {
            return Ok(Vec::new());
        };
        let end = match to {
            [] => Bound::Unbounded,
            to => Bound::Excluded(to),
        };
        let range = table.range::<&[u8]>((Bound::Included(from), end)).map_err(fault)?;
        take(range).map_err(fault)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

impl ReadTxn for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.stored(table.name(), key)?;
        stored.map(|stored| self.value(table, key, &stored)).transpose()
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.range(table, from, to, |range| range.take(limit).map(owned).collect())
    }

    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.range(table, from, to, |range| range.rev().take(limit).map(owned).collect())
    }

    fn get_many(&self, table: Table, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(rows) = self.table(table.name())? else {
            return Ok(vec![None; keys.len()]);
        };
        let value = |key: &&[u8]| match rows.get(*key).map_err(fault)? {
            Some(stored) => self.value(table, key, stored.value()).map(Some),
            None => Ok(None),
        };
        keys.iter().map(value).collect()
    }
}

fn owned(row: Found) -> Result<Row, redb::StorageError> {
    row.map(|(key, value)| (key.value().to_vec(), value.value().to_vec()))
}
