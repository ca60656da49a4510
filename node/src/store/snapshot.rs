//! Reading: a redb read transaction, and what was written over it but is not committed yet.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use chartmesh_protocol::store::{ReadTxn, Row, StoreError, Table};
use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, TableError};

use super::fault;

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
        merged_page(self, &[], table, from, to, limit)
    }
}

/// Rows set (`Some`) or deleted (`None`) over those below, in one table.
type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows set or deleted over those below, by table.
#[derive(Default, Debug)]
pub(super) struct Changes {
    tables: BTreeMap<Table, Rows>,
    bytes: usize,
}

impl Changes {
    /// What these changes say about `key`: nothing, or that it is deleted, or its value.
    fn get(&self, table: Table, key: &[u8]) -> Option<Option<&Vec<u8>>> {
        Some(self.tables.get(&table)?.get(key)?.as_ref())
    }

    pub(super) fn set(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        self.bytes += key.len() + value.map_or(0, <[u8]>::len);
        let rows = self.tables.entry(table).or_default();
        rows.insert(key.to_vec(), value.map(<[u8]>::to_vec));
    }

    /// Puts `newer` over these.
    pub(super) fn fold(&mut self, newer: Self) {
        self.bytes += newer.bytes;
        for (table, rows) in newer.tables {
            self.tables.entry(table).or_default().extend(rows);
        }
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (Table, &Rows)> {
        self.tables.iter().map(|(table, rows)| (*table, rows))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Bytes of all keys and values ever set here; a row set twice counts twice.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The value at `key`, as the first of `layers` that mentions it says, else as in `base`.
pub(super) fn merged_get(
    base: &Snapshot,
    layers: &[&Changes],
    table: Table,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    for layer in layers {
        if let Some(value) = layer.get(table, key) {
            return Ok(value.cloned());
        }
    }
    base.get(table, key)
}

/// A page of rows where the first of `layers` that mentions a key wins over the later ones and
/// over `base`: all sources are walked side by side, always the smallest key next.
pub(super) fn merged_page(
    base: &Snapshot,
    layers: &[&Changes],
    table: Table,
    from: &[u8],
    to: &[u8],
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut page = Vec::new();
    // A reversed range is empty; `BTreeMap::range` would panic.
    if !to.is_empty() && from >= to {
        return Ok(page);
    }
    let end = match to {
        [] => Bound::Unbounded,
        to => Bound::Excluded(to),
    };
    let range = (Bound::Included(from), end);

    let opened = base.table(table)?;
    let mut stored = match &opened {
        Some(opened) => Some(opened.range::<&[u8]>(range).map_err(fault)?),
        None => None,
    };
    let mut next_stored = || -> Result<Option<Row>, StoreError> {
        match stored.as_mut().and_then(Iterator::next) {
            None => Ok(None),
            Some(row) => {
                let (key, value) = row.map_err(fault)?;
                Ok(Some((key.value().to_vec(), value.value().to_vec())))
            }
        }
    };
    let mut written: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer.tables.get(&table))
        .map(|rows| rows.range::<[u8], _>(range).peekable())
        .collect();

    let mut row = next_stored()?;
    while page.len() < limit {
        let keys = written.iter_mut().filter_map(|rows| rows.peek());
        let key = match (keys.map(|(key, _)| *key).min(), &row) {
            (Some(written), Some((stored, _))) => written.min(stored).clone(),
            (Some(written), None) => written.clone(),
            (None, Some((stored, _))) => stored.clone(),
            (None, None) => break,
        };
        let stored = match row.take_if(|(stored, _)| *stored == key) {
            None => None,
            Some((_, value)) => {
                row = next_stored()?;
                Some(value)
            }
        };
        // Every source must move past the key, so all are asked and only the first counts.
        let mentions: Vec<_> = written
            .iter_mut()
            .filter_map(|rows| rows.next_if(|(mentioned, _)| **mentioned == key))
            .collect();
        let value = match mentions.first() {
            Some((_, value)) => (*value).clone(),
            None => stored,
        };
        if let Some(value) = value {
            page.push((key, value));
        }
    }
    Ok(page)
}
