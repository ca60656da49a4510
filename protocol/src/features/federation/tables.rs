//! What is kept besides the statements: a federation that is being founded, what others were asked for.

use crate::codec::wire_struct;
use crate::id::{PartyId, StatementId};
use crate::limits;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::Context;

/// Institution -> [`AskedRow`].
const ASKED: Table = Table("federation_asked");
/// Nothing -> [`FoundingRow`].
const FOUNDING: Table = Table("federation_founding");

wire_struct! {
    /// A federation that is being founded here.
    #[derive(Debug, Clone)]
    pub struct FoundingRow {
        /// Its name.
        1 => name: String,
        /// Sponsors that an admission will need.
        2 => threshold: u16,
        /// First members so far.
        3 => members: Vec<PartyId>,
        /// Since when.
        4 => since: Timestamp,
        /// First members that the charter will name, if more than that.
        5 => first_members: Option<u16>,
    }
}

impl FoundingRow {
    /// First members that the charter will name.
    pub(super) fn first_members(&self) -> u16 {
        self.first_members.unwrap_or(self.threshold)
    }
}

wire_struct! {
    /// What an institution was last asked for.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AskedRow {
        /// The first statement that others name and that is not here.
        1 => missing: StatementId,
        /// When.
        2 => at: Timestamp,
    }
}

pub(super) fn founding(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<FoundingRow>, StoreError> {
    rows::get(txn, FOUNDING, &[])
}

pub(super) fn put_founding(
    ctx: &mut Context<'_>,
    row: Option<&FoundingRow>,
) -> Result<(), StoreError> {
    match row {
        Some(row) => rows::put(ctx.txn, FOUNDING, &[], row),
        None => ctx.txn.delete(FOUNDING, &[]),
    }
}

/// Whether `party` is to be asked for `missing`: not again and again, since it may not have it or bring
/// what does not count here.
pub(super) fn may_ask(
    ctx: &mut Context<'_>,
    party: PartyId,
    missing: StatementId,
) -> Result<bool, StoreError> {
    let asked = rows::get::<AskedRow>(ctx.txn, ASKED, &party.0)?;
    let lately = |row: &AskedRow| ctx.now < row.at.plus_ms(limits::ASK_AGAIN_MS);
    if asked.is_some_and(|row| row.missing == missing && lately(&row)) {
        return Ok(false);
    }
    rows::put(ctx.txn, ASKED, &party.0, &AskedRow { missing, at: ctx.now })?;
    Ok(true)
}

/// Forgets what others were asked for.
pub(super) fn forget_asked(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    for (key, _) in rows::keys(ctx.txn, ASKED)? {
        ctx.txn.delete(ASKED, &key)?;
    }
    Ok(())
}
