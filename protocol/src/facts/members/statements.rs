//! The charter and the statements of this node's federation.

use super::reasons::Reason;
use super::roll;
use crate::id::StatementId;
use crate::membership::{Charter, Insertion, Ledger, MembershipStatement};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::turn::Context;

/// Nothing -> the charter.
const CHARTER: Table = Table("federation_charter");
/// Running number -> a statement; in an order in which each stands after what it names.
const STATEMENTS: Table = Table("federation_statement");
/// Statement's id -> nothing: whether one is here is asked with every `hello` and every copy that comes.
const KNOWN: Table = Table("federation_known");
/// Nothing -> the newest statements' ids, and some ever further back.
const LOCATOR: Table = Table("federation_locator");

/// The charter, if this node is in a federation.
pub(crate) fn charter(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Option<Signed<Charter>>, StoreError> {
    Ok(rows::get::<Unverified<Charter>>(txn, CHARTER, &[])?.map(Unverified::from_own_store))
}

/// All statements, in order.
fn statements(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<Signed<MembershipStatement>>, StoreError> {
    Ok(rows::all::<Unverified<MembershipStatement>>(txn, STATEMENTS, &[])?
        .into_iter()
        .map(|(_, statement)| statement.from_own_store())
        .collect())
}

/// The ledger, made again from its rows; see [`super::ledger`] for one that may be at hand.
pub(crate) fn rebuilt(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Ledger>, StoreError> {
    let Some(charter) = charter(txn)? else { return Ok(None) };
    let mut ledger = Ledger::new(charter)
        .map_err(|error| StoreError::Corrupt { table: CHARTER.0, why: error.to_string() })?;
    for statement in statements(txn)? {
        let _ = ledger.insert(statement);
    }
    Ok(Some(ledger))
}

/// Takes up a charter: this node is in a federation from now on.
pub(crate) fn begin(ctx: &mut Context<'_>, charter: &Signed<Charter>) -> Handled<()> {
    if let Some(known) = self::charter(ctx.txn)? {
        if known.id() == charter.id() {
            return Ok(());
        }
        return refuse(Reason::InAnother);
    }
    charter.check()?;
    rows::put(ctx.txn, CHARTER, &[], &charter.to_unverified())?;
    if let Some(ledger) = rebuilt(ctx.txn)? {
        conclude(ctx, &ledger)?;
    }
    Ok(())
}

/// Whether a statement is here, or is the charter.
pub(crate) fn knows(txn: &(impl ReadTxn + ?Sized), id: StatementId) -> Result<bool, StoreError> {
    Ok(txn.get(KNOWN, &id.0)?.is_some() || charter(txn)?.is_some_and(|known| known.id() == id))
}

/// Takes a statement in; gives whether the ledger grew. Once all are in, [`conclude`].
pub(crate) fn insert(
    ctx: &mut Context<'_>,
    ledger: &mut Ledger,
    statement: Signed<MembershipStatement>,
) -> Handled<bool> {
    let id = statement.id();
    let released = match ledger.insert(statement) {
        Insertion::Inserted { released, .. } => released,
        Insertion::Duplicate | Insertion::Pending { .. } => return Ok(false),
        Insertion::Refused { why, .. } => {
            tracing::info!(statement = %id.short(), %why, "a membership statement was refused");
            return Ok(false);
        }
    };
    // Those taken in just now are not among the rows yet.
    let mut next = (ledger.statements().len() - 1 - released.len()) as u64;
    for id in core::iter::once(id).chain(released) {
        if let Some(statement) = ledger.get(id) {
            rows::put(ctx.txn, STATEMENTS, &next.to_be_bytes(), &statement.to_unverified())?;
            rows::mark(ctx.txn, KNOWN, &id.0)?;
            next += 1;
        }
    }
    Ok(true)
}

/// Writes down what the ledger says now.
pub(crate) fn conclude(ctx: &mut Context<'_>, ledger: &Ledger) -> Handled<()> {
    roll::write(ctx, ledger)?;
    rows::put(ctx.txn, LOCATOR, &[], &ledger.locator())?;
    Ok(())
}

/// The newest statements' ids and some ever further back, for `hello`.
pub(crate) fn locator(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<StatementId>, StoreError> {
    Ok(rows::get(txn, LOCATOR, &[])?.unwrap_or_default())
}

/// Forgets a federation that this institution is out of, so that it can be in another.
pub(crate) fn forget(ctx: &mut Context<'_>) -> Handled<()> {
    roll::forget(ctx)?;
    for table in [CHARTER, STATEMENTS, KNOWN, LOCATOR] {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    Ok(())
}
