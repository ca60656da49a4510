//! All rows of a store, and the comparison with what an image holds.

use std::collections::{BTreeMap, BTreeSet};

use chartmesh_node::store::Store;
use chartmesh_protocol::store::{Changes, Memory, ReadTxn, Row, StoreError, Table, Txn as _};

/// All rows of all tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>);

/// What was read from an image.
pub(super) type Found = Vec<(Table, Vec<Row>)>;

impl Rows {
    /// Changes them.
    pub fn change(&mut self, changes: &Changes) {
        for (table, changed) in changes.tables() {
            let rows = self.0.entry(table).or_default();
            for (key, value) in changed {
                match value {
                    Some(value) => rows.insert(key.clone(), value.clone()),
                    None => rows.remove(key),
                };
            }
        }
    }

    /// Whether exactly these were found.
    pub(super) fn are(&self, found: &Found) -> bool {
        let count = |found: &Found| found.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        self.0.values().map(BTreeMap::len).sum::<usize>() == count(found)
            && found.iter().all(|(table, rows)| {
                let expected = self.0.get(table).into_iter().flatten();
                rows.iter().map(|(key, value)| (key, value)).eq(expected)
            })
    }

    /// The same rows in a store that a peer can use.
    pub(super) fn to_memory(&self) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        for (table, rows) in &self.0 {
            for (key, value) in rows {
                memory.put(*table, key, value)?;
            }
        }
        Ok(memory)
    }
}

/// Everything in a store. Whoever recorded it knows the tables: those of all commits, the ones to come
/// among them.
pub(super) fn read(store: &Store, tables: &BTreeSet<Table>) -> Result<Found, StoreError> {
    let snapshot = store.begin_read()?;
    let all = |table: &Table| Ok((*table, snapshot.page(*table, &[], &[], usize::MAX)?));
    tables.iter().map(all).collect()
}
