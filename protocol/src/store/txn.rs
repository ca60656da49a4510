//! The traits that storage is asked through, and how it fails.

use crate::codec::DecodeError;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// A table: its name, and what its rows are like. Tables are declared as constants by the module that alone writes
/// them. Two of one name are one table, whatever shape they say.
#[derive(Clone, Copy)]
pub struct Table {
    name: &'static str,
    shape: Shape,
}

/// What the rows of a table are like: a hint for what storing them costs, never for what they mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Small, changed often.
    Rows,
    /// Values are large, written once and deleted seldom: whatever carries bulk.
    Bodies,
    /// Keys without values, many, in no order of time.
    Marks,
}

impl Table {
    /// A table of small rows that change often.
    #[must_use]
    pub const fn rows(name: &'static str) -> Self {
        Self { name, shape: Shape::Rows }
    }

    /// A table of values that are large, written once and deleted seldom.
    #[must_use]
    pub const fn bodies(name: &'static str) -> Self {
        Self { name, shape: Shape::Bodies }
    }

    /// A table of many keys in no order of time, whose values are nothing.
    #[must_use]
    pub const fn marks(name: &'static str) -> Self {
        Self { name, shape: Shape::Marks }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What its rows are like.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Table {}

impl PartialOrd for Table {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Table {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl Hash for Table {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({:?})", self.name)
    }
}

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

    /// As [`ReadTxn::page`], the last rows of the range first: in descending order of key bytes. The page behind
    /// one is asked for with its last key as the upper end.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// [`ReadTxn::get`] for each of `keys`, in their order: one request where the storage is elsewhere.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    fn get_many(&self, table: Table, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(table, key)).collect()
    }
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
