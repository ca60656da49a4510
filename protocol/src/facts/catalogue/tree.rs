//! The root over a list: a tree by the digits of the entries' ids, of which only the way to what has
//! changed is made anew.
//!
//! ```text
//!              ┌──── up to 64 entries ────> leaf   BLAKE3(0x00 || entry || label || entry || ...)
//!  entries ────┤
//!              └──── more ────────────────> inner  BLAKE3(0x01 || root of those whose next digit is 0
//!                                                              || ... || of those whose next digit is 15)
//! ```
//!
//! The next digit is the next four bits of the entry's id, from the first. Entries' ids are random, so
//! a list of n entries is about log16(n / 64) deep; whoever chooses ids makes only its own list deeper.

use super::listed::Listed;
use crate::codec::wire_struct;
use crate::id::EntryId;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn, prefix_end};

/// Entries of a leaf at most [CAT-1]: their rows are read for one change; fewer would make more inner nodes.
const LEAF_ENTRIES: usize = 64;
const CHILDREN: usize = 16;

/// Patient, compartment -> [`PartRow`] of the whole list.
const ROOTS: Table = Table::rows("catalogue_root");
/// Patient, compartment, digits, the digits' number -> [`InnerRow`].
const INNER: Table = Table::rows("catalogue_inner");

wire_struct! {
    /// Entries with the same first digits.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct PartRow {
        /// How many.
        1 => count: u64,
        /// The root over them.
        2 => root: [u8; 32],
    }
}

wire_struct! {
    /// An inner node.
    #[derive(Debug, Clone)]
    pub struct InnerRow {
        /// Its sixteen parts, by the next digit.
        1 => parts: Vec<PartRow>,
    }
}

/// The root over entries in ascending order. [CAT-1]
pub fn root<'a>(listed: impl IntoIterator<Item = &'a Listed>) -> [u8; 32] {
    let listed: Vec<Listed> = listed.into_iter().copied().collect();
    part(&listed, 0, &mut |_, _| ()).root
}

/// Count and root of what is listed under `list`: patient and compartment.
pub(super) fn whole(
    txn: &(impl ReadTxn + ?Sized),
    list: &[u8],
) -> Result<(u64, [u8; 32]), StoreError> {
    let whole = rows::get::<PartRow>(txn, ROOTS, list)?.unwrap_or_else(|| leaf(&[]));
    Ok((whole.count, whole.root))
}

/// Makes the root anew after these entries were put into the list or taken from it. `page` gives what is
/// listed from one key to before another.
pub(super) fn refresh(
    txn: &mut dyn Txn,
    list: &[u8],
    changed: impl IntoIterator<Item = EntryId>,
    page: Page,
) -> Result<(), StoreError> {
    let mut changed: Vec<_> = changed.into_iter().collect();
    changed.sort_unstable();
    if changed.is_empty() {
        return Ok(());
    }
    let whole = Tree { list, page }.refresh(txn, &changed, 0)?;
    rows::put(txn, ROOTS, list, &whole)
}

/// Forgets the tree of a list of which nothing is listed any more.
pub(super) fn forget(txn: &mut dyn Txn, list: &[u8]) -> Result<(), StoreError> {
    for (key, _) in txn.page(INNER, list, &prefix_end(list), usize::MAX)? {
        txn.delete(INNER, &key)?;
    }
    txn.delete(ROOTS, list)
}

/// What is listed from one key to before another.
pub(super) type Page = fn(&dyn ReadTxn, &[u8], &[u8]) -> Result<Vec<Listed>, StoreError>;

struct Tree<'a> {
    list: &'a [u8],
    page: Page,
}

impl Tree<'_> {
    /// The part that all of `changed` are in: their first `depth` digits are the same.
    fn refresh(
        &self,
        txn: &mut dyn Txn,
        changed: &[EntryId],
        depth: usize,
    ) -> Result<PartRow, StoreError> {
        let key = self.key(&changed[0], depth);
        if let Some(mut inner) = rows::get::<InnerRow>(txn, INNER, &key)? {
            for same in changed.chunk_by(|a, b| digit(a, depth) == digit(b, depth)) {
                inner.parts[digit(&same[0], depth)] = self.refresh(txn, same, depth + 1)?;
            }
            let part = joined(&inner.parts);
            if part.count > LEAF_ENTRIES as u64 {
                rows::put(txn, INNER, &key, &inner)?;
                return Ok(part);
            }
            // Its parts are leaves by now.
            txn.delete(INNER, &key)?;
        }
        let (from, to) = self.range(&changed[0], depth);
        let listed = (self.page)(txn, &from, &to)?;
        let mut made = Vec::new();
        let part = part(&listed, depth, &mut |key, inner| made.push((key, inner)));
        for ((entry, depth), inner) in made {
            rows::put(txn, INNER, &self.key(&entry, depth), &inner)?;
        }
        Ok(part)
    }

    fn key(&self, entry: &EntryId, depth: usize) -> Vec<u8> {
        let (first, _) = digits(entry, depth);
        [self.list, &first, &[u8::try_from(depth).unwrap_or(u8::MAX)]].concat()
    }

    /// From the first key with an entry's first `depth` digits to behind the last.
    fn range(&self, entry: &EntryId, depth: usize) -> (Vec<u8>, Vec<u8>) {
        let (first, last) = digits(entry, depth);
        (rows::pair(self.list, &first), prefix_end(&rows::pair(self.list, &last)))
    }
}

/// The bytes of an entry's first digits, half a byte filled up with zeros and with ones.
fn digits(entry: &EntryId, depth: usize) -> (Vec<u8>, Vec<u8>) {
    let mut first = entry.0[..depth.div_ceil(2)].to_vec();
    let mut last = first.clone();
    if !depth.is_multiple_of(2) {
        first.iter_mut().next_back().into_iter().for_each(|byte| *byte &= 0xf0);
        last.iter_mut().next_back().into_iter().for_each(|byte| *byte |= 0x0f);
    }
    (first, last)
}

fn digit(entry: &EntryId, depth: usize) -> usize {
    let byte = entry.0[depth / 2];
    usize::from(if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f })
}

/// The part of a list whose entries have their first `depth` digits in common. Shows each inner node to
/// `made`, with one of its entries and its depth.
fn part(
    listed: &[Listed],
    depth: usize,
    made: &mut impl FnMut((EntryId, usize), InnerRow),
) -> PartRow {
    if listed.len() <= LEAF_ENTRIES || depth == 2 * EntryId::LEN {
        return leaf(listed);
    }
    let mut parts = vec![leaf(&[]); CHILDREN];
    for same in listed.chunk_by(|a, b| digit(&a.entry, depth) == digit(&b.entry, depth)) {
        parts[digit(&same[0].entry, depth)] = part(same, depth + 1, made);
    }
    let joined = joined(&parts);
    made((listed[0].entry, depth), InnerRow { parts });
    joined
}

fn leaf(listed: &[Listed]) -> PartRow {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[0]);
    for listed in listed {
        hasher.update(&listed.entry.0).update(&listed.label.0);
    }
    PartRow { count: listed.len() as u64, root: hasher.finalize().into() }
}

fn joined(parts: &[PartRow]) -> PartRow {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[1]);
    for part in parts {
        hasher.update(&part.root);
    }
    let count = parts.iter().map(|part| part.count).sum();
    PartRow { count, root: hasher.finalize().into() }
}

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;
    use crate::id::{CompartmentId, PartyId, StatementId};
    use crate::store::Memory;
    use proptest::prelude::*;

    const LIST: (PartyId, CompartmentId) = (PartyId([1; 32]), CompartmentId([2; 16]));

    /// Some ids that have many first digits in common, and some that have none.
    fn entry(n: u16) -> EntryId {
        let mut id = [0; 16];
        let at = if n.is_multiple_of(3) { 0 } else { 13 };
        id[at..at + 2]
            .copy_from_slice(&n.wrapping_mul(if at == 0 { 40_503 } else { 1 }).to_be_bytes());
        EntryId(id)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_made_anew_on_the_way_alone_is_the_root_over_all(
            batches in proptest::collection::vec(
                (proptest::collection::vec(0u16..700, 1..120), any::<bool>(), any::<u8>()), 1..20),
        ) {
            let (patient, compartment) = LIST;
            let mut store = Memory::default();
            let mut all = std::collections::BTreeMap::new();
            for (numbers, take, label) in batches {
                for entry in numbers.iter().map(|n| entry(*n)) {
                    let listed = Listed { entry, label: StatementId([label; 32]) };
                    if take {
                        tables::drop_entry(&mut store, patient, compartment, entry).unwrap();
                        all.remove(&entry);
                    } else {
                        tables::put_entry(&mut store, patient, compartment, &listed, 0).unwrap();
                        all.insert(entry, listed);
                    }
                }
                let changed = numbers.iter().map(|n| entry(*n));
                tables::refresh(&mut store, patient, compartment, changed).unwrap();
                prop_assert_eq!(
                    tables::count_and_root(&store, patient, compartment).unwrap(),
                    (all.len() as u64, root(all.values()))
                );
            }
            tables::forget(&mut store, patient, compartment).unwrap();
            prop_assert_eq!(&store, &Memory::default(), "nothing is left of it");
        }
    }
}
