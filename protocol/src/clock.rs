//! The time that counts: never before one that was handled.

use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;

/// Nothing -> the latest time that was handled.
const CLOCK: Table = Table("clock");

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
