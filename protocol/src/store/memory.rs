//! A store in memory, for tests and simulations.

use super::{ReadTxn, Row, StoreError, Table, Txn};
use std::collections::BTreeMap;
use std::ops::Bound;

/// All tables in one map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl ReadTxn for Memory {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.get(&table).and_then(|rows| rows.get(key)).cloned())
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
        let upper = if to.is_empty() { Bound::Unbounded } else { Bound::Excluded(to) };
        Ok(self
            .tables
            .get(&table)
            .into_iter()
            .flat_map(|rows| rows.range::<[u8], _>((Bound::Included(from), upper)))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl Txn for Memory {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.tables.entry(table).or_default().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        if let Some(rows) = self.tables.get_mut(&table) {
            rows.remove(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Overlay, merge};
    use proptest::prelude::*;

    const T: Table = Table("t");

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
            let got = overlay.get(T, &[from]).unwrap();
            let changes = overlay.into_changes();
            let mut merged = store.clone();
            merge(changes, &mut merged).unwrap();
            prop_assert_eq!(page, merged.page(T, &[from], &to, limit).unwrap());
            prop_assert_eq!(got, merged.get(T, &[from]).unwrap());
        }
    }
}
