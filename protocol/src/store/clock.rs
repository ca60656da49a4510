//! The time that counts: never before one that was handled.

use super::txn::{ReadTxn, StoreError, Table, Txn};
use crate::codec::wire_struct;
use crate::rows;
use crate::time::Timestamp;

/// Nothing -> the latest time that was handled.
const CLOCK: Table = Table::rows("clock");
/// The time to which an operator lowered it -> [`LoweredRow`].
const LOWERED: Table = Table::rows("clock_lowered");

wire_struct! {
    /// An operator set the time back on purpose.
    #[derive(Debug, Clone)]
    pub struct LoweredRow {
        /// From this time.
        1 => from: Timestamp,
    }
}

/// The time to work with at `now`: a clock that jumped back is not followed, so what has expired stays
/// expired.
pub(crate) fn advance(txn: &mut dyn Txn, now: Timestamp) -> Result<Timestamp, StoreError> {
    let high = rows::get::<Timestamp>(txn, CLOCK, &[])?.unwrap_or_default();
    // With every event: a restart does not go back by a millisecond, and logs stay in order.
    if now > high {
        rows::put(txn, CLOCK, &[], &now)?;
    }
    Ok(now.max(high))
}

/// The time to read with at `now`.
pub(crate) fn read(txn: &(impl ReadTxn + ?Sized), now: Timestamp) -> Result<Timestamp, StoreError> {
    Ok(now.max(rows::get::<Timestamp>(txn, CLOCK, &[])?.unwrap_or_default()))
}

/// Takes `now` for the time that counts though later ones were handled: an operator says that those
/// were wrong. It is on the record. Gives the time that counted before, if it was later.
pub(crate) fn lower(txn: &mut dyn Txn, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let from = rows::get::<Timestamp>(txn, CLOCK, &[])?.unwrap_or_default();
    if from <= now {
        return Ok(None);
    }
    rows::put(txn, CLOCK, &[], &now)?;
    rows::put(txn, LOWERED, &now.0.to_be_bytes(), &LoweredRow { from })?;
    Ok(Some(from))
}

/// When the time was lowered, and from what, oldest first.
pub(crate) fn lowered(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(Timestamp, Timestamp)>, StoreError> {
    rows::all::<LoweredRow>(txn, LOWERED, &[])?
        .into_iter()
        .map(|(key, row)| Ok((Timestamp(u64::from_be_bytes(rows::tail(LOWERED, &key)?)), row.from)))
        .collect()
}
