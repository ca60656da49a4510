//! Which entries of a record are in which compartment, in order: what a permission covers is found
//! where it begins, and not by looking at every entry of a record.

use crate::capability::Scope;
use crate::id::{CompartmentId, EntryId, PartyId};
use crate::kind::Kind;
use crate::limits;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn, prefix_end};
use std::collections::BTreeSet;

/// Subject, compartment, entry -> nothing. Written with the entry's own row, by [`enter`] and [`leave`].
/// An entry without compartment is in none.
const ENTRIES_IN: Table = Table("entry_in");

fn prefix(subject: PartyId, compartment: CompartmentId) -> Vec<u8> {
    rows::pair(&subject.0, &compartment.0)
}

fn key(subject: PartyId, compartment: CompartmentId, entry: EntryId) -> Vec<u8> {
    [&subject.0[..], &compartment.0, &entry.0].concat()
}

/// An entry is kept in `compartment`.
pub(super) fn enter(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    compartment: Option<CompartmentId>,
) -> Result<(), StoreError> {
    match compartment {
        Some(compartment) => rows::mark(txn, ENTRIES_IN, &key(subject, compartment, entry)),
        None => Ok(()),
    }
}

/// An entry is not kept in `compartment` any more.
pub(super) fn leave(
    txn: &mut dyn Txn,
    (subject, entry): (PartyId, EntryId),
    compartment: Option<CompartmentId>,
) -> Result<(), StoreError> {
    match compartment {
        Some(compartment) => txn.delete(ENTRIES_IN, &key(subject, compartment, entry)),
        None => Ok(()),
    }
}

/// The compartments in which there are entries of a patient's record: a row is read for each of them.
pub(crate) fn compartments_of(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
) -> Result<Vec<CompartmentId>, StoreError> {
    let (mut found, mut from, end) = (Vec::new(), subject.0.to_vec(), prefix_end(&subject.0));
    while let Some((key, _)) = txn.page(ENTRIES_IN, &from, &end, 1)?.into_iter().next() {
        let of = key.get(PartyId::LEN..PartyId::LEN + CompartmentId::LEN);
        let Some(compartment) = of.and_then(CompartmentId::from_slice) else { break };
        found.push(compartment);
        from = prefix_end(&prefix(subject, compartment));
    }
    Ok(found)
}

/// How many entries of one compartment are here.
pub(crate) fn count_in(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    compartment: CompartmentId,
) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = page(txn, (subject, compartment), after)?;
        count += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == limits::PAGE_ENTRIES_MAX => after = Some(*last),
            _ => return Ok(count),
        }
    }
}

/// The entries that are in any of these compartments, and who is known to hold them: two rows are read for each, and none is
/// opened.
pub(crate) fn held_in(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    compartments: &[CompartmentId],
) -> Result<(Vec<EntryId>, BTreeSet<PartyId>), StoreError> {
    let (mut found, mut holding) = (Vec::new(), BTreeSet::new());
    for compartment in compartments {
        let mut after = None;
        loop {
            let page = page(txn, (subject, *compartment), after)?;
            for entry in &page {
                holding.extend(super::holders(txn, subject, *entry)?);
            }
            after = page.last().copied().filter(|_| page.len() == limits::PAGE_ENTRIES_MAX);
            found.extend(page);
            if after.is_none() {
                break;
            }
        }
    }
    Ok((found, holding))
}

/// The kind of the first entry in a compartment that was opened here, if any was.
pub(crate) fn kind_opened_in(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    compartment: CompartmentId,
) -> Result<Option<Kind>, StoreError> {
    let mut after = None;
    loop {
        let page = page(txn, (subject, compartment), after)?;
        for entry in &page {
            if let Some(index) = super::index(txn, subject, *entry)? {
                return Ok(Some(index.kind));
            }
        }
        after = page.last().copied().filter(|_| page.len() == limits::PAGE_ENTRIES_MAX);
        if after.is_none() {
            return Ok(None);
        }
    }
}

/// The next entries behind `after` that are in a compartment of `scope` or named by it, in ascending
/// order: at most [`limits::PAGE_ENTRIES_MAX`], and fewer only when there are no more. Of what is named,
/// not all need be here.
pub(crate) fn covered(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    scope: &Scope,
    after: Option<EntryId>,
) -> Result<Vec<EntryId>, StoreError> {
    let limit = limits::PAGE_ENTRIES_MAX;
    let mut next: BTreeSet<EntryId> = scope.entries().iter().copied().collect();
    next.retain(|entry| after.is_none_or(|after| *entry > after));
    for compartment in scope.compartments() {
        next.extend(page(txn, (subject, *compartment), after)?);
        // What comes behind the first so many is for the next page, whatever the rest brings.
        while next.len() > limit {
            next.pop_last();
        }
    }
    Ok(next.into_iter().take(limit).collect())
}

fn page(
    txn: &(impl ReadTxn + ?Sized),
    (subject, compartment): (PartyId, CompartmentId),
    after: Option<EntryId>,
) -> Result<Vec<EntryId>, StoreError> {
    let after = after.map(|entry| key(subject, compartment, entry));
    let prefix = prefix(subject, compartment);
    let limit = limits::PAGE_ENTRIES_MAX;
    rows::scan::<crate::codec::Bytes>(txn, ENTRIES_IN, &prefix, after.as_deref(), limit)?
        .into_iter()
        .map(|(key, _)| rows::tail(ENTRIES_IN, &key).map(EntryId))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Set;
    use crate::store::{Counting, Memory};

    const SUBJECT: PartyId = PartyId([1; 32]);

    #[test]
    fn who_holds_what_is_of_a_kind_is_known_without_opening_anything() {
        let [wanted, also, other] = [2, 3, 4].map(|byte| CompartmentId([byte; 16]));
        let mut store = Memory::default();
        for n in 0..900 {
            let compartment = [wanted, also, other][n as usize % 3];
            enter(&mut store, (SUBJECT, entry(n)), Some(compartment)).unwrap();
            let holder = PartyId([u8::try_from(n % 3).unwrap(); 32]);
            super::super::learn_holder(&mut store, SUBJECT, entry(n), holder).unwrap();
        }
        let counting = Counting::new(&mut store);
        let (found, holding) = held_in(&counting, SUBJECT, &[wanted, also]).unwrap();
        // Nothing of the third compartment is read, and of an entry neither row nor manifest.
        assert!(counting.read() <= 2 * found.len() + 2, "{}", counting.read());
        assert_eq!(found.len(), 600);
        assert_eq!(holding, BTreeSet::from([PartyId([0; 32]), PartyId([1; 32])]));
    }

    fn entry(n: u32) -> EntryId {
        EntryId(*blake3::hash(&n.to_be_bytes()).as_bytes().first_chunk().unwrap())
    }

    #[test]
    fn a_page_costs_as_many_rows_as_it_has_entries_wherever_in_a_long_record_it_begins() {
        let compartments = [2, 3, 4].map(|byte| CompartmentId([byte; 16]));
        let mut store = Memory::default();
        for n in 0..3000 {
            let compartment = compartments[n as usize % 3];
            enter(&mut store, (SUBJECT, entry(n)), Some(compartment)).unwrap();
        }
        // Two compartments, and an entry of the third.
        let two = Set::new(compartments[..2].iter().copied());
        let scope = Scope::new(Set::new([entry(2)]), two).unwrap();
        let mut expected: Vec<_> = (0..3000).filter(|n| n % 3 != 2 || *n == 2).map(entry).collect();
        expected.sort_unstable();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let counting = Counting::new(&mut store);
            let page = covered(&counting, SUBJECT, &scope, after).unwrap();
            assert!(counting.read() <= 2 * limits::PAGE_ENTRIES_MAX, "{}", counting.read());
            found.extend(page.iter().copied());
            after = page.last().copied();
            if page.len() < limits::PAGE_ENTRIES_MAX {
                break;
            }
        }
        assert_eq!(found, expected);
        assert_eq!(count_in(&store, SUBJECT, compartments[0]).unwrap(), 1000);
        leave(&mut store, (SUBJECT, entry(0)), Some(compartments[0])).unwrap();
        assert_eq!(count_in(&store, SUBJECT, compartments[0]).unwrap(), 999);
    }
}
