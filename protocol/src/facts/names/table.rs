//! The table of names.

use super::normal::normalise;
use crate::limits;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn, prefix_end};
use std::collections::BTreeSet;

/// Kind, normalised name, 0, id -> nothing.
const NAMES: Table = Table::rows("name");

/// What bears a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// An institution, by its card: as it calls itself.
    Institution = 1,
    /// A patient that this relay serves.
    Patient = 2,
    /// A chart, by its name and its identifiers.
    Chart = 3,
    /// A member of the federation, as the members admitted it.
    Member = 4,
}

/// Something that a word names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its id.
    pub(crate) id: Vec<u8>,
    /// Whether the word is the whole name; otherwise the name only begins so.
    pub(crate) whole: bool,
}

/// What a word names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Whole names first; each thing once.
    pub(crate) found: Vec<Named>,
    /// Whether there may be more.
    pub(crate) cut_off: bool,
}

/// What is borne by `id` is no longer called `before` but `after`.
pub(crate) fn rename(
    txn: &mut dyn Txn,
    bearer: Bearer,
    id: &[u8],
    before: &[&str],
    after: &[&str],
) -> Result<(), StoreError> {
    let keys = |names: &[&str]| -> BTreeSet<Vec<u8>> {
        let names = names.iter().map(|name| normalise(name)).filter(|name| !name.is_empty());
        names.map(|name| key(bearer, &name, id)).collect()
    };
    let (before, after) = (keys(before), keys(after));
    for gone in before.difference(&after) {
        txn.delete(NAMES, gone)?;
    }
    for new in after.difference(&before) {
        rows::mark(txn, NAMES, new)?;
    }
    Ok(())
}

/// What a word names, from up to `limit` rows.
pub(crate) fn named(
    txn: &(impl ReadTxn + ?Sized),
    bearer: Bearer,
    word: &str,
    limit: usize,
) -> Result<Names, StoreError> {
    let begun = [&[bearer as u8], normalise(word).as_bytes()].concat();
    let rows = txn.page(NAMES, &begun, &prefix_end(&begun), limit)?;
    let cut_off = rows.len() == limit;
    let mut found: Vec<Named> = Vec::new();
    // What ends here comes first: no name has the byte that ends one.
    for (key, _) in rows {
        let end = key.iter().position(|byte| *byte == 0).unwrap_or(key.len());
        let (name, id) = (&key[..end], key.get(end + 1..).unwrap_or_default());
        if !found.iter().any(|known| known.id == id) {
            found.push(Named { id: id.to_vec(), whole: name == begun });
        }
    }
    Ok(Names { found, cut_off })
}

/// An id of the length that its bearer's has.
pub(crate) fn id<const N: usize>(bytes: &[u8]) -> Result<[u8; N], StoreError> {
    rows::tail(NAMES, bytes)
}

fn key(bearer: Bearer, name: &str, id: &[u8]) -> Vec<u8> {
    debug_assert!(name.len() <= limits::NAME_COMPARED_BYTES_MAX);
    [&[bearer as u8], name.as_bytes(), &[0], id].concat()
}
