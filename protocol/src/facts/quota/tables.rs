//! Bills, their sums, and what an operator said of limits.

use super::limits::Owner;
use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::turn::Payer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Number of a counted table, key of its row -> [`BillRow`].
const BILLS: Table = Table::rows("quota_bill");
/// Owner -> [`Use`]: the sum of the owner's bills, while there are any.
pub(super) const USES: Table = Table::rows("quota_use");
/// Owner -> [`LimitRow`]; nobody stands for all of a sort.
pub(super) const LIMITS: Table = Table::rows("quota_limit");

wire_struct! {
    /// What one row costs, and whom.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BillRow {
        /// The institution that caused it.
        1 => institution: Option<PartyId>,
        /// The member by whose certificate that is heard.
        2 => relays_of: Option<PartyId>,
        /// The patient for whom it is kept.
        3 => patient: Option<PartyId>,
        /// Things that it is, or stands for.
        4 => entries: u64,
        /// Bytes, likewise.
        5 => bytes: u64,
    }
}

impl BillRow {
    /// A row's bill.
    pub(crate) const fn of(payer: Payer, taken: Use) -> Self {
        Self {
            institution: payer.institution,
            relays_of: payer.relays_of,
            patient: payer.patient,
            entries: taken.entries,
            bytes: taken.bytes,
        }
    }

    /// How much it is.
    pub(crate) const fn taken(&self) -> Use {
        Use { entries: self.entries, bytes: self.bytes }
    }

    /// Those under whom it is counted.
    pub(crate) fn owners(&self) -> impl Iterator<Item = Owner> {
        let institution = self.institution.map(Owner::Institution);
        let (relays, patient) =
            (self.relays_of.map(Owner::RelaysOf), self.patient.map(Owner::Patient));
        [institution, relays, patient].into_iter().flatten()
    }
}

wire_struct! {
    /// What somebody takes up here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Use {
        /// Things.
        1 => entries: u64,
        /// Bytes of them.
        2 => bytes: u64,
    }
}

wire_struct! {
    /// What an operator said of an owner's limits.
    #[derive(Debug, Clone, Default)]
    pub struct LimitRow {
        /// Things.
        1 => entries: Option<u64>,
        /// Bytes.
        2 => bytes: Option<u64>,
    }
}

fn bill_key(table: u8, key: &[u8]) -> Vec<u8> {
    [&[table], key].concat()
}

/// The bill of a row of a counted table.
pub(crate) fn bill(
    txn: &(impl ReadTxn + ?Sized),
    table: u8,
    key: &[u8],
) -> Result<Option<BillRow>, StoreError> {
    rows::get(txn, BILLS, &bill_key(table, key))
}

/// Puts a row's bill in the place of the one before. The sums are the caller's to change.
pub(crate) fn put_bill(
    txn: &mut dyn Txn,
    table: u8,
    key: &[u8],
    bill: Option<&BillRow>,
) -> Result<(), StoreError> {
    match bill {
        Some(bill) => rows::put(txn, BILLS, &bill_key(table, key), bill),
        None => txn.delete(BILLS, &bill_key(table, key)),
    }
}

/// What an owner takes up.
pub(crate) fn take_up(txn: &(impl ReadTxn + ?Sized), owner: Owner) -> Result<Use, StoreError> {
    Ok(rows::get(txn, USES, &owner.key())?.unwrap_or_default())
}

/// What an owner takes up, anew; nothing is kept of one that takes up nothing.
pub(crate) fn put_take_up(txn: &mut dyn Txn, owner: Owner, taken: Use) -> Result<(), StoreError> {
    match taken == Use::default() {
        true => txn.delete(USES, &owner.key()),
        false => rows::put(txn, USES, &owner.key(), &taken),
    }
}

/// What an operator said of an owner.
pub(super) fn limit(
    txn: &(impl ReadTxn + ?Sized),
    owner: Owner,
) -> Result<Option<LimitRow>, StoreError> {
    rows::get(txn, LIMITS, &owner.key())
}

/// What an operator says of an owner from now on; nothing, to let what counts for all count.
pub(super) fn put_limit(
    txn: &mut dyn Txn,
    owner: Owner,
    row: Option<&LimitRow>,
) -> Result<(), StoreError> {
    match row {
        Some(row) => rows::put(txn, LIMITS, &owner.key(), row),
        None => txn.delete(LIMITS, &owner.key()),
    }
}

/// What everybody takes up.
pub(crate) fn all_take_up(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<BTreeMap<Owner, Use>, StoreError> {
    let rows = rows::all::<Use>(txn, USES, &[])?.into_iter();
    Ok(rows.filter_map(|(key, taken)| Some((Owner::of_key(&key)?, taken))).collect())
}

/// How many bills there are.
pub(crate) fn bills(txn: &(impl ReadTxn + ?Sized)) -> Result<usize, StoreError> {
    Ok(rows::keys(txn, BILLS)?.len())
}
