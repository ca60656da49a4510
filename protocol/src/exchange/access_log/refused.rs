//! Refusals on the record, as many as somebody can read.
//!
//! Whoever is let in may be refused as often as it likes; each refusal is a line of the patient's log,
//! for ever. Beyond a day's number nothing new is learned from one more.

use crate::codec::wire_struct;
use crate::limits;
use crate::rows;
use crate::store::{StoreError, Table, Txn};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::Draft;

/// Patient, who was refused -> [`RefusedRow`].
const REFUSED: Table = Table::rows("access_log_refused");

wire_struct! {
    /// How often a party was refused about a patient on one day.
    #[derive(Debug, Clone, Default)]
    pub struct RefusedRow {
        /// The day, counted from 1970-01-01.
        1 => day: u64,
        /// Lines of that day.
        2 => lines: u64,
    }
}

/// Whether a refusal gets a line; the last one of a day says that further ones get none.
pub(crate) fn on_record(
    txn: &mut dyn Txn,
    now: Timestamp,
    mut line: Draft,
) -> Result<Option<Draft>, StoreError> {
    let key = rows::pair(&line.patient.0, &line.by.0);
    let day = now.0 / DAY_MS;
    let mut row = rows::get::<RefusedRow>(txn, REFUSED, &key)?.unwrap_or_default();
    if row.day != day {
        row = RefusedRow { day, lines: 0 };
    }
    let most = limits::REFUSED_LINES_PER_DAY_MAX as u64;
    if row.lines >= most {
        return Ok(None);
    }
    row.lines += 1;
    line.last = row.lines == most;
    rows::put(txn, REFUSED, &key, &row)?;
    Ok(Some(line))
}
