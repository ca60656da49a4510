//! Typed rows over [`ReadTxn`] and [`Txn`].

use super::txn::{ReadTxn, StoreError, Table, Txn, prefix_end};
use crate::codec::{Bytes, DecodeError, Wire};
use crate::limits;

/// Decodes a row's value, or says which table is damaged.
pub(crate) fn decode<T: Wire>(table: Table, value: &[u8]) -> Result<T, StoreError> {
    T::from_bytes(value, limits::ROW_BYTES_MAX)
        .map_err(|error| StoreError::Corrupt { table: table.name(), why: error.to_string() })
}

/// The row at `key`.
pub(crate) fn get<T: Wire>(
    txn: &(impl ReadTxn + ?Sized),
    table: Table,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    txn.get(table, key)?.map(|value| decode(table, &value)).transpose()
}

/// Sets the row at `key`, if it could be read back.
pub(crate) fn put<T: Wire>(
    txn: &mut (impl Txn + ?Sized),
    table: Table,
    key: &[u8],
    row: &T,
) -> Result<(), StoreError> {
    let too_large = |why| StoreError::TooLarge { table: table.name(), why };
    let value = row.to_readable_bytes().map_err(too_large)?;
    if value.len() > limits::ROW_BYTES_MAX {
        let (len, limit) = (value.len(), limits::ROW_BYTES_MAX);
        return Err(too_large(DecodeError::TooLarge { len, limit }));
    }
    txn.put(table, key, &value)
}

/// Up to `limit` rows whose key begins with `prefix` and comes after `after`, in order of key.
pub(crate) fn scan<T: Wire>(
    txn: &(impl ReadTxn + ?Sized),
    table: Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let from = match after {
        Some(after) => [after, &[0]].concat(),
        None => prefix.to_vec(),
    };
    txn.page(table, &from, &prefix_end(prefix), limit)?
        .into_iter()
        .map(|(key, value)| Ok((key, decode(table, &value)?)))
        .collect()
}

/// Every row whose key begins with `prefix`, page by page.
pub(crate) fn all<T: Wire>(
    txn: &(impl ReadTxn + ?Sized),
    table: Table,
    prefix: &[u8],
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    const PAGE: usize = 256;
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map(|(key, _): &(Vec<u8>, T)| key.clone());
        let page = scan(txn, table, prefix, after.as_deref(), PAGE)?;
        let last = page.len() < PAGE;
        rows.extend(page);
        if last {
            return Ok(rows);
        }
    }
}

/// Every row of a table, whatever it holds.
pub(crate) fn keys(
    txn: &(impl ReadTxn + ?Sized),
    table: Table,
) -> Result<Vec<crate::store::Row>, StoreError> {
    txn.page(table, &[], &[], usize::MAX)
}

/// A row of nothing but its key.
pub(crate) fn mark(
    txn: &mut (impl Txn + ?Sized),
    table: Table,
    key: &[u8],
) -> Result<(), StoreError> {
    put(txn, table, key, &Bytes::default())
}

/// Two identifiers as one key.
pub(crate) fn pair(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, second].concat()
}

/// The last `N` bytes of a key.
pub(crate) fn tail<const N: usize>(table: Table, key: &[u8]) -> Result<[u8; N], StoreError> {
    key.last_chunk::<N>().copied().ok_or_else(|| StoreError::Corrupt {
        table: table.name(),
        why: "a key is too short".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{Failure, RefusalCode};
    use crate::store::Memory;

    #[test]
    fn a_row_that_could_not_be_read_back_is_refused_and_not_written() {
        const TABLE: Table = Table::rows("t");
        let mut txn = Memory::default();
        let long = "x".repeat(limits::TEXT_BYTES_MAX + 1);
        let error = put(&mut txn, TABLE, b"k", &long).unwrap_err();
        assert!(txn.get(TABLE, b"k").unwrap().is_none());
        let Failure::Refused(refusal) = error.into() else {
            panic!("a request too large is no fault")
        };
        assert_eq!(refusal.code, RefusalCode::LimitReached);
        put(&mut txn, TABLE, b"k", &"x".repeat(limits::TEXT_BYTES_MAX)).unwrap();
    }
}
