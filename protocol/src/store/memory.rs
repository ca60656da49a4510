//! A store in memory, for tests and simulations.

mod interner;
mod rows;

pub use interner::Interner;

use super::txn::{ReadTxn, Row, StoreError, Table, Txn};
use rows::Rows;
use std::collections::BTreeMap;

/// All tables in one map. A clone has its rows in common with the first until either is written.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    tables: BTreeMap<Named, Rows>,
}

/// A table by its name. The number says it in one comparison where names would be read letter by letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Named {
    number: u64,
    table: Table,
}

impl From<Table> for Named {
    fn from(table: Table) -> Self {
        let name = table.name().as_bytes();
        let mut ends = [[0; 8]; 2];
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            ends = [*first, *last];
        } else {
            ends[0][..name.len()].copy_from_slice(name);
        }
        let [first, last] = ends.map(u64::from_le_bytes);
        Self { number: first.rotate_left(32) ^ last ^ name.len() as u64, table }
    }
}

impl Memory {
    /// Has this store keep what others have, too, once with them; it stays theirs and its own alike,
    /// since a row that is written is taken apart again. Costs a look at what was written since the last
    /// time.
    pub fn intern(&mut self, interner: &mut Interner) {
        for rows in self.tables.values_mut() {
            rows.intern(|chunk| interner.chunk(chunk));
        }
    }
}

impl PartialEq for Memory {
    /// By rows: a table that has none is like one that never was.
    fn eq(&self, other: &Self) -> bool {
        let rows = |store: &Self| -> Vec<_> {
            let tables = store.tables.iter();
            let rows = |(name, rows): (&Named, &'_ Rows)| {
                (name.table, rows.iter().cloned().collect::<Vec<_>>())
            };
            tables.map(rows).filter(|(_, rows)| !rows.is_empty()).collect()
        };
        rows(self) == rows(other)
    }
}

impl Eq for Memory {}

/// How much of a [`Memory`] one table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableSize {
    /// The table.
    pub table: Table,
    /// Its rows.
    pub rows: usize,
    /// Bytes of their keys.
    pub key_bytes: usize,
    /// Bytes of their values.
    pub value_bytes: usize,
}

impl Memory {
    /// How much each table is.
    pub fn sizes(&self) -> impl Iterator<Item = TableSize> {
        self.tables.iter().map(|(name, rows)| TableSize {
            table: name.table,
            rows: rows.iter().count(),
            key_bytes: rows.iter().map(|row| row.key.len()).sum(),
            value_bytes: rows.iter().map(|row| row.value.len()).sum(),
        })
    }

    /// The values of all rows.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.tables.values().flat_map(Rows::iter).map(|row| &*row.value)
    }
}

impl ReadTxn for Memory {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .tables
            .get(&table.into())
            .and_then(|rows| rows.get(key))
            .map(|value| value.to_vec()))
    }

    fn page(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if !to.is_empty() && from >= to {
            return Ok(Vec::new());
        }
        Ok(self
            .tables
            .get(&table.into())
            .into_iter()
            .flat_map(|rows| rows.from(from))
            .take_while(|row| to.is_empty() || *row.key < *to)
            .take(limit)
            .map(|row| (row.key.to_vec(), row.value.to_vec()))
            .collect())
    }

    fn page_down(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let end = (!to.is_empty()).then_some(to);
        Ok(self
            .tables
            .get(&table.into())
            .into_iter()
            .flat_map(|rows| rows.before(end))
            .take_while(|row| *row.key >= *from)
            .take(limit)
            .map(|row| (row.key.to_vec(), row.value.to_vec()))
            .collect())
    }
}

impl Txn for Memory {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.tables.entry(table.into()).or_default().put(key, value);
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        if let Some(rows) = self.tables.get_mut(&table.into()) {
            rows.delete(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Overlay, merge};
    use proptest::prelude::*;

    const T: Table = Table::rows("t");

    proptest! {
        #[test]
        fn an_overlay_reads_like_the_merged_store(
            below in proptest::collection::btree_map(0u8..30, any::<u8>(), 0..20),
            changes in proptest::collection::vec((0u8..30, any::<Option<u8>>()), 0..20),
            from in 0u8..30, to in 0u8..30, limit in 0usize..12,
        ) {
            let mut store = Memory::default();
            for (key, value) in below {
                store.put(T, &[key], &[value]).unwrap();
            }
            let mut overlay = Overlay::new(&store);
            for (key, value) in changes {
                match value {
                    Some(value) => overlay.put(T, &[key], &[value]).unwrap(),
                    None => overlay.delete(T, &[key]).unwrap(),
                }
            }
            let to = if to == 0 { vec![] } else { vec![to] };
            let page = overlay.page(T, &[from], &to, limit).unwrap();
            let down = overlay.page_down(T, &[from], &to, limit).unwrap();
            let got = overlay.get(T, &[from]).unwrap();
            let many = overlay.get_many(T, &[&to, &[from], &to]).unwrap();
            let changes = overlay.into_changes();
            let mut merged = store.clone();
            merge(changes, &mut merged).unwrap();
            prop_assert_eq!(page, merged.page(T, &[from], &to, limit).unwrap());
            prop_assert_eq!(down, merged.page_down(T, &[from], &to, limit).unwrap());
            prop_assert_eq!(many[1].as_ref(), got.as_ref());
            prop_assert_eq!(many, merged.get_many(T, &[&to, &[from], &to]).unwrap());
            prop_assert_eq!(got, merged.get(T, &[from]).unwrap());
        }

        #[test]
        fn a_store_reads_like_a_map_whether_it_is_shared_or_not(
            steps in proptest::collection::vec((any::<u16>(), 0u8..8, 0u8..3), 0..600),
            looks in proptest::collection::vec((any::<u16>(), any::<u16>(), 0usize..200), 0..10),
        ) {
            let mut map = BTreeMap::new();
            let (mut store, mut other) = (Memory::default(), Memory::default());
            let mut interner = Interner::new();
            for (key, value, step) in steps {
                let (key, value) = ((key % 512).to_be_bytes(), vec![value; 200]);
                match step {
                    0 => {
                        store.delete(T, &key).unwrap();
                        other.delete(T, &key).unwrap();
                        map.remove(key.as_slice());
                    }
                    _ => {
                        store.put(T, &key, &value).unwrap();
                        other.put(T, &key, &value).unwrap();
                        map.insert(key.to_vec(), value);
                    }
                }
                if step == 2 && key[1] % 8 == 0 {
                    store.intern(&mut interner);
                    interner.forget_single();
                }
            }
            prop_assert_eq!(&store, &other);
            let copy = store.clone();
            for (from, to, limit) in looks {
                let (from, to) = ((from % 512).to_be_bytes(), (to % 600).to_be_bytes());
                let page: Vec<_> = map
                    .range(from.to_vec()..)
                    .take_while(|(key, _)| ***key < to[..])
                    .take(limit)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                prop_assert_eq!(store.page(T, &from, &to, limit).unwrap(), page);
                let down: Vec<_> = map
                    .iter()
                    .rev()
                    .filter(|(key, _)| ***key < to[..] && ***key >= from[..])
                    .take(limit)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                prop_assert_eq!(store.page_down(T, &from, &to, limit).unwrap(), down);
                prop_assert_eq!(store.get(T, &from).unwrap(), map.get(from.as_slice()).cloned());
                store.delete(T, &from).unwrap();
                map.remove(from.as_slice());
            }
            // What was taken apart is nobody else's.
            prop_assert_eq!(copy, other);
        }
    }

    #[test]
    fn what_many_stores_have_stands_in_memory_once() {
        let mut interner = Interner::new();
        let mut stores: Vec<_> = (0u8..4).map(|_| Memory::default()).collect();
        for (number, store) in (0u8..).zip(&mut stores) {
            for key in 0..1000u16 {
                store.put(T, &blake3::hash(&key.to_be_bytes()).as_bytes()[..], &[7; 200]).unwrap();
            }
            // Its own row stands somewhere among them.
            store.put(T, blake3::hash(&[number]).as_bytes(), &[number; 200]).unwrap();
            store.intern(&mut interner);
        }
        let places = |store: &Memory| -> std::collections::BTreeSet<usize> {
            store.tables[&T.into()].iter().map(|row| core::ptr::from_ref(row).addr()).collect()
        };
        let common = places(&stores[0]).intersection(&places(&stores[3])).count();
        assert!(common > 800, "{common} of 1000 rows are in common");
        stores[3].put(T, b"another", b"row").unwrap();
        assert_ne!(stores[0], stores[3]);
        assert_eq!(stores[0].get(T, b"another").unwrap(), None);
    }
}
