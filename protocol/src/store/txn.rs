//! The traits that storage is asked through, and how it fails.

use crate::codec::DecodeError;

/// A table's name. Tables are declared as constants by the module that alone writes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Table(pub &'static str);

/// One row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A consistent view of all tables.
pub trait ReadTxn {
    /// The value at `key`, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` rows with `from <= key < to`, in ascending order of key bytes. An empty `to`
    /// means no upper end.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
}

/// A view that can be written. What is written is seen by later reads of the same transaction and
/// becomes durable only when the driver commits.
pub trait Txn: ReadTxn {
    /// Sets the value at `key`.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Removes `key`; no error when it is absent.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError>;
}

/// A fault of the storage itself, never a refusal: it aborts the transaction it occurred in.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage below failed.
    #[error("storage failed: {0}")]
    Fault(String),
    /// A row cannot be read back as what was written: damage, or a newer version's data.
    #[error("table {table} holds a row that cannot be read: {why}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// A row was to be written that could not be read back: whatever asked for it asked for too much.
    #[error("a row of table {table} would be too large: {why}")]
    TooLarge {
        /// The table.
        table: &'static str,
        /// What the decoder would say.
        why: DecodeError,
    },
}

/// The end of the range of all keys that begin with `prefix`, for [`ReadTxn::page`].
#[must_use]
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}
