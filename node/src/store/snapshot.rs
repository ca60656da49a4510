//! Reading: a redb read transaction.

use std::fmt;
use std::ops::Bound;

use chartmesh_protocol::store::{ReadTxn, Row, StoreError, Table};
use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, TableError};

use super::fault::fault;

/// All our tables are plain bytes to redb.
type Bytes = &'static [u8];

/// The redb table of this name.
pub(super) fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.0)
}

/// The committed state at one moment. It can go to another thread; while it lives, the pages it
/// sees are not reused, so it should not live for hours.
pub struct Snapshot {
    transaction: ReadTransaction,
}

impl Snapshot {
    pub(super) fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }

    /// None for a table that nobody has written to yet.
    fn table(&self, table: Table) -> Result<Option<ReadOnlyTable<Bytes, Bytes>>, StoreError> {
        match self.transaction.open_table(definition(table)) {
            Ok(table) => Ok(Some(table)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot(..)")
    }
}

impl ReadTxn for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(table) = self.table(table)? else {
            return Ok(None);
        };
        let value = table.get(key).map_err(fault)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        // A reversed range is empty; redb would panic.
        if !to.is_empty() && from >= to {
            return Ok(Vec::new());
        }
        let Some(table) = self.table(table)? else {
            return Ok(Vec::new());
        };
        let end = match to {
            [] => Bound::Unbounded,
            to => Bound::Excluded(to),
        };
        let mut page = Vec::new();
        for row in table.range::<&[u8]>((Bound::Included(from), end)).map_err(fault)?.take(limit) {
            let (key, value) = row.map_err(fault)?;
            page.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(page)
    }
}
