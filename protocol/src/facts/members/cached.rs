//! The ledger, kept in memory from one event to the next.
//!
//! Its rows are what counts; to make it again from hundreds of them for each statement that comes would be most
//! of the work of founding a federation of hundreds. A ledger that is kept is used only where it is the very
//! one that the rows would give.

use super::statements::{locator, rebuilt};
use crate::identity::Role;
use crate::limits;
use crate::membership::Ledger;
use crate::store::{ReadTxn, StoreError};
use crate::turn::Own;

/// The ledger, if this node is in a federation. Whoever has done with it gives it to [`keep`].
pub(crate) fn ledger(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Option<Ledger>, StoreError> {
    match own.swap_ledger(None) {
        Some(kept) if is_of(&kept, txn)? => Ok(Some(kept)),
        _ => rebuilt(txn),
    }
}

/// Keeps a ledger for the next event; `more`: whether one is about to come. A relay hears of members once and
/// then hardly ever, and there are a hundred relays for each of them: it keeps none for long.
pub(crate) fn keep(own: &Own, mut ledger: Ledger, more: bool) {
    if more || own.role() != Role::Patient {
        ledger.forget_waiting();
        own.swap_ledger(Some(ledger));
    }
}

/// Whether a ledger is what the rows would give. Each statement is a head or leads up to one, and a head's id
/// is a hash over all that it names: where the heads are the same, all is. The rows' locator has all heads as
/// long as there are few; a transaction that was dropped, a crash or an older copy of the store shows in it.
fn is_of(ledger: &Ledger, txn: &(impl ReadTxn + ?Sized)) -> Result<bool, StoreError> {
    let kept = ledger.locator();
    let whole = kept.len() < limits::LOCATOR_MAX && ledger.heads().len() < limits::HEADS_MAX;
    Ok(whole && locator(txn)? == kept)
}
