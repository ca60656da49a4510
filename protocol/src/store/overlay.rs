//! Writes that can still be dropped.

use super::txn::{ReadTxn, Row, StoreError, Table, Txn};
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;

/// Rows set (`Some`) or deleted (`None`) in one table.
pub type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows set or deleted over those of a store below, by table.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    tables: BTreeMap<Table, Rows>,
    bytes: usize,
}

impl Changes {
    /// Sets a row, or deletes it.
    pub fn set(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        self.bytes += key.len() + value.map_or(0, <[u8]>::len);
        let rows = self.tables.entry(table).or_default();
        rows.insert(key.to_vec(), value.map(<[u8]>::to_vec));
    }

    /// Puts `newer` over these.
    pub fn fold(&mut self, newer: Self) {
        self.bytes += newer.bytes;
        for (table, rows) in newer.tables {
            self.tables.entry(table).or_default().extend(rows);
        }
    }

    /// Bytes of all keys and values ever set here; a row set twice counts twice.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// What was changed, by table, in order of keys.
    pub fn tables(&self) -> impl Iterator<Item = (Table, &Rows)> {
        self.tables.iter().map(|(table, rows)| (*table, rows))
    }

    /// What was changed in one table.
    #[must_use]
    pub fn table(&self, table: Table) -> Option<&Rows> {
        self.tables.get(&table)
    }

    /// [`ReadTxn::get`] where these stand over `below`.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    pub fn get_over(
        &self,
        below: &(impl ReadTxn + ?Sized),
        table: Table,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match self.tables.get(&table).and_then(|rows| rows.get(key)) {
            Some(value) => Ok(value.clone()),
            None => below.get(table, key),
        }
    }

    /// [`ReadTxn::get_many`] where these stand over `below`, which is asked once.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    pub fn get_many_over(
        &self,
        below: &(impl ReadTxn + ?Sized),
        table: Table,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(changed) = self.tables.get(&table) else { return below.get_many(table, keys) };
        let unchanged: Vec<_> =
            keys.iter().copied().filter(|key| !changed.contains_key(*key)).collect();
        let mut stored = below.get_many(table, &unchanged)?.into_iter();
        let value = |key: &&[u8]| match changed.get(*key) {
            Some(value) => value.clone(),
            None => stored.next().flatten(),
        };
        Ok(keys.iter().map(value).collect())
    }

    /// [`ReadTxn::page`] where these stand over `below`.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    pub fn page_over(
        &self,
        below: &(impl ReadTxn + ?Sized),
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(changed) = self.range(table, from, to) else {
            return below.page(table, from, to, limit);
        };
        let asked = limit.saturating_add(hidden(changed.clone()));
        let stored = below.page(table, from, to, asked)?;
        Ok(merged(stored, asked, changed, limit, |one, other| one < other))
    }

    /// [`ReadTxn::page_down`] where these stand over `below`.
    ///
    /// # Errors
    /// [`StoreError`] when the storage below fails.
    pub fn page_down_over(
        &self,
        below: &(impl ReadTxn + ?Sized),
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(changed) = self.range(table, from, to) else {
            return below.page_down(table, from, to, limit);
        };
        let asked = limit.saturating_add(hidden(changed.clone()));
        let stored = below.page_down(table, from, to, asked)?;
        Ok(merged(stored, asked, changed.rev(), limit, |one, other| one > other))
    }

    /// What was changed in a range of one table; none when nothing was, or the range is empty.
    fn range(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
    ) -> Option<btree_map::Range<'_, Vec<u8>, Option<Vec<u8>>>> {
        // A reversed range is empty; `BTreeMap::range` would panic.
        if !to.is_empty() && from >= to {
            return None;
        }
        let end = if to.is_empty() { Bound::Unbounded } else { Bound::Excluded(to) };
        Some(self.tables.get(&table)?.range::<[u8], _>((Bound::Included(from), end)))
    }
}

/// Each removed key can hide one row below, so that many more are asked for.
fn hidden<'a>(changed: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>) -> usize {
    changed.filter(|(_, value)| value.is_none()).count()
}

/// Up to `limit` rows of `stored`, of which `asked` were asked for, with what was changed in their place or
/// between them; both in the order in which one key comes `before` another.
fn merged<'a>(
    stored: Vec<Row>,
    asked: usize,
    changed: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
    limit: usize,
    before: fn(&Vec<u8>, &Vec<u8>) -> bool,
) -> Vec<Row> {
    // Beyond the last row read below there may be others that come first.
    let last = match stored.last() {
        Some((key, _)) if stored.len() == asked => Some(key.clone()),
        _ => None,
    };
    let within = |key: &Vec<u8>| last.as_ref().is_none_or(|last| !before(last, key));
    let mut written = changed.take_while(|(key, _)| within(key)).peekable();
    let mut page = Vec::new();
    for (key, value) in stored {
        while page.len() < limit
            && let Some((earlier, value)) = written.next_if(|(written, _)| before(written, &key))
        {
            page.extend(value.clone().map(|value| (earlier.clone(), value)));
        }
        if page.len() >= limit {
            return page;
        }
        match written.next_if(|(written, _)| **written == key) {
            Some((_, instead)) => page.extend(instead.clone().map(|value| (key, value))),
            None => page.push((key, value)),
        }
    }
    let rest = written.filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    let room = limit - page.len();
    page.extend(rest.take(room));
    page
}

/// A transaction over another one. Reads see its own writes first; the one below changes only when
/// the changes are merged, so an event that is refused spoils nothing.
pub struct Overlay<'a, R: ReadTxn + ?Sized> {
    below: &'a R,
    changes: Changes,
}

impl<'a, R: ReadTxn + ?Sized> Overlay<'a, R> {
    /// Over `below`, nothing changed yet.
    pub fn new(below: &'a R) -> Self {
        Self { below, changes: Changes::default() }
    }

    /// What was changed so far.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What it stands over.
    #[must_use]
    pub const fn below(&self) -> &R {
        self.below
    }

    /// The changes; dropping the overlay instead drops them.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

impl<R: ReadTxn + ?Sized> core::fmt::Debug for Overlay<'_, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Overlay").field("bytes", &self.changes.bytes).finish_non_exhaustive()
    }
}

/// Writes changes into the transaction they belong to.
///
/// # Errors
/// [`StoreError`] when the storage below fails.
pub fn merge(changes: Changes, txn: &mut (impl Txn + ?Sized)) -> Result<(), StoreError> {
    for (table, rows) in changes.tables {
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
        self.changes.get_over(self.below, table, key)
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.changes.page_over(self.below, table, from, to, limit)
    }

    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.changes.page_down_over(self.below, table, from, to, limit)
    }

    fn get_many(&self, table: Table, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.changes.get_many_over(self.below, table, keys)
    }
}

impl<R: ReadTxn + ?Sized> Txn for Overlay<'_, R> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.changes.set(table, key, Some(value));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        self.changes.set(table, key, None);
        Ok(())
    }
}
