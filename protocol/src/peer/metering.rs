//! What an event costs, and whom: which tables others can make grow, what bounds each of them, and the bills for those that
//! nothing else bounds. See [`crate::quota`].

mod tables;

use crate::codec::{DecodeError, Wire};
use crate::entries::EntryRow;
use crate::holdings;
use crate::identity::Role;
use crate::limits;
use crate::quota::{self, BillRow, Limit, Owner, Use};
use crate::refusal::{Handled, refuse};
use crate::store::{Overlay, ReadTxn, StoreError, Table, Txn};
use crate::turn::{Own, Payer};
use std::collections::BTreeMap;

pub use tables::{Bounds, TABLES};
use tables::{CATALOGUE, COMPARTMENT, COUNTED, ENTRY, KEPT, RESERVATION, TREATS};

/// Bytes that an entry takes where a catalogue lists it: its row, and its share of the tree of roots.
const LISTED_BYTES: u64 = 160;

/// The bills that an event changes, and their sums.
#[derive(Default)]
pub(super) struct Bills {
    rows: Vec<(u8, Vec<u8>, Option<BillRow>)>,
    sums: BTreeMap<Owner, Use>,
}

impl Bills {
    /// Those of what an event would change. Refused when it is bounded, and somebody would have more than the limit by it.
    pub(super) fn of<R: ReadTxn + ?Sized>(
        own: &Own,
        event: &Overlay<'_, R>,
        payer: Option<Payer>,
    ) -> Handled<Self> {
        let mut bills = Self::default();
        let mut before = BTreeMap::new();
        for (table, number) in counted(own.role()) {
            for (key, value) in event.changes().table(table).into_iter().flatten() {
                let known = quota::bill(event, number, key)?;
                let new = match value {
                    Some(value) => bill(event, table, (key, value), known.as_ref(), payer)?,
                    None => None,
                };
                if known == new {
                    continue;
                }
                for (bill, add) in [(&known, false), (&new, true)] {
                    let Some(bill) = bill else { continue };
                    for owner in bill.owners() {
                        if !bills.sums.contains_key(&owner) {
                            before.insert(owner, quota::take_up(event, owner)?);
                        }
                        let sum = bills.sums.entry(owner).or_insert_with(|| before[&owner]);
                        *sum = changed(*sum, bill.taken(), add);
                    }
                }
                bills.rows.push((number, key.clone(), new));
            }
        }
        if payer.is_some_and(|payer| payer.bounded) {
            for (owner, after) in &bills.sums {
                within(*owner, before[owner], *after, quota::limit(event, own.role(), *owner)?)?;
            }
        }
        Ok(bills)
    }

    /// Writes them down, with what they are for.
    pub(super) fn settle(self, txn: &mut dyn Txn) -> Result<(), StoreError> {
        for (number, key, bill) in &self.rows {
            quota::put_bill(txn, *number, key, bill.as_ref())?;
        }
        self.sums.into_iter().try_for_each(|(owner, sum)| quota::put_take_up(txn, owner, sum))
    }
}

fn changed(sum: Use, by: Use, add: bool) -> Use {
    let change = if add { u64::saturating_add } else { u64::saturating_sub };
    Use { entries: change(sum.entries, by.entries), bytes: change(sum.bytes, by.bytes) }
}

/// The bill of a row as it will stand. Whoever made it larger pays for it from then on, so nobody makes another pay; what
/// was ours stays ours.
fn bill<R: ReadTxn + ?Sized>(
    event: &Overlay<'_, R>,
    table: Table,
    (key, value): (&[u8], &[u8]),
    known: Option<&BillRow>,
    payer: Option<Payer>,
) -> Result<Option<BillRow>, StoreError> {
    let (stands, taken) = weigh(event, table, key, value)?;
    if let Some(payer) = stands {
        return Ok(Some(BillRow::of(payer, taken)));
    }
    Ok(match (known, payer) {
        (Some(known), Some(payer)) if taken.bytes > known.bytes => Some(BillRow::of(payer, taken)),
        (Some(known), _) => {
            Some(BillRow { entries: taken.entries, bytes: taken.bytes, ..known.clone() })
        }
        (None, Some(payer)) if event.below().get(table, key)?.is_none() => {
            Some(BillRow::of(payer, taken))
        }
        (None, _) => None,
    })
}

/// What a row takes up, with what it stands for; and who pays for it, where the row itself says so.
fn weigh(
    txn: &(impl ReadTxn + ?Sized),
    table: Table,
    key: &[u8],
    value: &[u8],
) -> Result<(Option<Payer>, Use), StoreError> {
    let corrupt =
        |error: DecodeError| StoreError::Corrupt { table: table.name(), why: error.to_string() };
    let (payer, stands_for) = match table {
        _ if table == KEPT => {
            crate::backup::kept_bill(key, value).map(|(payer, kept)| (Some(payer), kept))
        }
        _ if table == RESERVATION => {
            crate::backup::reserved_bill(value).map(|(payer, to_come)| (Some(payer), to_come))
        }
        _ if table == CATALOGUE => crate::catalogue::listed_rows(value)
            .map(|rows| (None, Use { entries: 1, bytes: rows.saturating_mul(LISTED_BYTES) })),
        _ if table == ENTRY => {
            let row = EntryRow::from_bytes(value, limits::ROW_BYTES_MAX).map_err(corrupt)?;
            let manifest = holdings::small(txn, row.label.claims().manifest)?;
            let bytes = manifest.map_or(0, |bytes| bytes.len() as u64);
            Ok((None, Use { entries: 1, bytes }))
        }
        // Bytes of its patient's, which is a row of its own.
        _ if table == COMPARTMENT || table == TREATS => Ok((None, Use::default())),
        _ => Ok((None, Use { entries: 1, bytes: 0 })),
    }
    .map_err(corrupt)?;
    let row = (key.len() + value.len()) as u64;
    Ok((payer, Use { bytes: stands_for.bytes.saturating_add(row), ..stands_for }))
}

/// Refuses more beyond a limit. What is beyond it already may shrink, or stay.
fn within(owner: Owner, before: Use, after: Use, most: Limit) -> Handled<()> {
    let more = after.bytes > before.bytes && after.bytes > most.bytes;
    let bytes = (before.bytes, after.bytes.saturating_sub(before.bytes), most.bytes);
    if more {
        let (used, asked, most) = bytes;
        return match owner {
            Owner::Institution(_) => refuse(quota::Reason::Bytes { used, asked, most }),
            Owner::Patient(_) => refuse(quota::Reason::PatientBytes { most }),
            Owner::RelaysOf(_) => refuse(quota::Reason::Relays),
        };
    }
    if after.entries > before.entries && after.entries > most.entries {
        let (used, asked, most) = (before.entries, after.entries - before.entries, most.entries);
        return match owner {
            Owner::Institution(_) => refuse(quota::Reason::Entries { used, asked, most }),
            Owner::Patient(_) => refuse(quota::Reason::PatientEntries { most }),
            Owner::RelaysOf(_) => refuse(quota::Reason::Relays),
        };
    }
    Ok(())
}

/// The counted tables at a node of this role, with their numbers.
fn counted(role: Role) -> impl Iterator<Item = (Table, u8)> {
    let here = move |table: Table| match table {
        // A depositary and a reader count what they keep for others by other rows, and what they fetched is theirs.
        _ if table == ENTRY => role == Role::Patient,
        _ if table == CATALOGUE => role != Role::Patient,
        _ => true,
    };
    COUNTED.iter().copied().zip(1..).filter(move |(table, _)| here(*table))
}

/// Counts once more, from the tables: what is wrong with bills and sums. For tests, and for whoever checks a run.
///
/// # Errors
/// [`StoreError`].
pub fn audit(txn: &dyn ReadTxn, role: Role) -> Result<Vec<String>, StoreError> {
    let (mut wrong, mut sums) = (Vec::new(), BTreeMap::<Owner, Use>::new());
    let mut bills = 0;
    for (table, number) in counted(role) {
        for (key, value) in txn.page(table, &[], &[], usize::MAX)? {
            let Some(bill) = quota::bill(txn, number, &key)? else { continue };
            bills += 1;
            let (payer, taken) = weigh(txn, table, &key, &value)?;
            if bill.taken() != taken || payer.is_some_and(|payer| BillRow::of(payer, taken) != bill)
            {
                wrong.push(format!(
                    "a bill of {} is {bill:?}, and its row takes {taken:?}",
                    table.name()
                ));
            }
            for owner in bill.owners() {
                let sum = sums.entry(owner).or_default();
                *sum = changed(*sum, taken, true);
            }
        }
    }
    let written = quota::all_take_up(txn)?;
    if written != sums {
        wrong.push(format!("the sums are {written:?}, and the rows make {sums:?}"));
    }
    let kept = quota::bills(txn)?;
    if kept != bills {
        wrong.push(format!("there are {kept} bills, for {bills} rows"));
    }
    Ok(wrong)
}
