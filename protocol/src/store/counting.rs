//! A store that counts the rows it is asked for, for tests of what an event costs.

use super::txn::{ReadTxn, Row, StoreError, Table, Txn};
use core::cell::Cell;

/// Over another store.
pub(crate) struct Counting<'a, T: ?Sized> {
    below: &'a mut T,
    read: Cell<usize>,
}

impl<'a, T: Txn + ?Sized> Counting<'a, T> {
    pub(crate) fn new(below: &'a mut T) -> Self {
        Self { below, read: Cell::new(0) }
    }

    /// Rows that were read: each `get` is one, and each row of a page.
    pub(crate) fn read(&self) -> usize {
        self.read.get()
    }
}

impl<T: Txn + ?Sized> ReadTxn for Counting<'_, T> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read.set(self.read.get() + 1);
        self.below.get(table, key)
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let page = self.below.page(table, from, to, limit)?;
        self.read.set(self.read.get() + page.len().max(1));
        Ok(page)
    }

    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let page = self.below.page_down(table, from, to, limit)?;
        self.read.set(self.read.get() + page.len().max(1));
        Ok(page)
    }
}

impl<T: Txn + ?Sized> Txn for Counting<'_, T> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.below.put(table, key, value)
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.below.delete(table, key)
    }
}
