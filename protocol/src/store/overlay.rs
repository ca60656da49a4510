//! Writes that can still be dropped.

use super::{ReadTxn, Row, StoreError, Table, Txn};
use std::collections::BTreeMap;

/// What an [`Overlay`] changed, to be merged into the transaction below: `None` is a removed key.
pub type Changes = BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>;

/// A transaction over another one. Reads see its own writes first; the one below changes only when
/// the changes are merged, so an event that is refused spoils nothing.
pub struct Overlay<'a, R: ReadTxn + ?Sized> {
    below: &'a R,
    changes: Changes,
}

impl<'a, R: ReadTxn + ?Sized> Overlay<'a, R> {
    /// Over `below`, nothing changed yet.
    pub const fn new(below: &'a R) -> Self {
        Self { below, changes: BTreeMap::new() }
    }

    /// The changes; dropping the overlay instead drops them.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

/// Writes changes into the transaction they belong to.
///
/// # Errors
/// [`StoreError`] when the storage below fails.
pub fn merge(changes: Changes, txn: &mut (impl Txn + ?Sized)) -> Result<(), StoreError> {
    for (table, rows) in changes {
        for (key, value) in rows {
            match value {
                Some(value) => txn.put(table, &key, &value)?,
                None => txn.delete(table, &key)?,
            }
        }
    }
    Ok(())
}

impl<R: ReadTxn + ?Sized> ReadTxn for Overlay<'_, R> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(&table).and_then(|rows| rows.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.below.get(table, key),
        }
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(changed) = self.changes.get(&table) else {
            return self.below.page(table, from, to, limit);
        };
        let inside = |key: &[u8]| key >= from && (to.is_empty() || key < to);
        // Each removed key can hide one row below, so ask for that many more.
        let hidden = changed.iter().filter(|(key, value)| value.is_none() && inside(key)).count();
        let below = self.below.page(table, from, to, limit.saturating_add(hidden))?;
        let full = below.len() == limit.saturating_add(hidden);
        let last = below.last().map(|(key, _)| key.clone());
        let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            below.into_iter().map(|(key, value)| (key, Some(value))).collect();
        for (key, value) in changed.iter().filter(|(key, _)| inside(key)) {
            // Beyond the last row read below there may be others that come first.
            if full && last.as_ref().is_some_and(|last| key > last) {
                break;
            }
            rows.insert(key.clone(), value.clone());
        }
        Ok(rows
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value)))
            .take(limit)
            .collect())
    }
}

impl<R: ReadTxn + ?Sized> Txn for Overlay<'_, R> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.changes.entry(table).or_default().insert(key.to_vec(), Some(value.to_vec()));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.changes.entry(table).or_default().insert(key.to_vec(), None);
        Ok(())
    }
}
