//! A store that was put back from an older copy: ours, as far as others' numbers or the count of starts beside the store
//! tell; and that of others, as they say in `hello`. [MSG-8] to [MSG-10]
//!
//! ```text
//!  started ──> how often, and until when the store knows        (the node keeps the number beside the store, too)
//!  notice  ──> CopiedRow: said in every hello for 30 days       by the count, or by a peer's numbers
//!  heard   ──> whoever deals with that party tells it again what it can
//! ```

use crate::capability::Forgot;
use crate::codec::wire_struct;
use crate::codes;
use crate::directory;
use crate::id::PartyId;
use crate::limits;
use crate::members;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, HOUR_MS, Timestamp};
use crate::turn::{Effect, Own};

/// Nothing -> [`StartedRow`].
const STARTED: Table = Table::rows("started");
/// Nothing -> [`CopiedRow`]: of this node.
const COPIED: Table = Table::rows("copied");
/// Party -> when we last did something about its having been put back.
const HEARD: Table = Table::rows("copied_heard");

wire_struct! {
    /// This node's starts.
    #[derive(Debug, Clone, Default)]
    pub struct StartedRow {
        /// How many there were.
        1 => number: u64,
        /// The times that counted before each of the last ones, the newest last: what the store knew then, it knew until
        /// then. A copy may have been started several times before anybody notices.
        2 => before: Vec<Timestamp>,
    }
}

wire_struct! {
    /// A store was put back from an older copy, as its node says.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct PutBack {
        /// When that was noticed.
        1 => noticed: Timestamp,
        /// Since when things may be missing.
        2 => since: Timestamp,
    }
}

wire_struct! {
    /// This node's store was put back from an older copy, as it seems.
    #[derive(Debug, Clone)]
    pub struct CopiedRow {
        /// When that was noticed, and since when things may be missing.
        1 => put_back: PutBack,
        /// Whose numbers say so; nobody's where the count beside the store does.
        2 => by: Vec<PartyId>,
        /// When anybody's numbers, or the count, said so last: never the same twice, and ascending.
        3 => volume: Timestamp,
    }
}

/// The node starts, and what counts beside its store is the number of a later start, or not; gives this start's number, for
/// there.
pub(crate) fn started(
    txn: &mut dyn Txn,
    before: Timestamp,
    now: Timestamp,
    beside: u64,
) -> Result<u64, StoreError> {
    let mut row = rows::get::<StartedRow>(txn, STARTED, &[])?.unwrap_or_default();
    let last = row.number;
    let number = last.max(beside).saturating_add(1);
    // Where it is put back now, nothing before this start is in doubt.
    let forgotten = if beside > last { row.before.len() } else { 0 };
    row.before.drain(..forgotten.max(row.before.len().saturating_sub(limits::STARTS_KEPT - 1)));
    // At the first start of all there was nothing before, and nothing is missing.
    let first = before == Timestamp(0) && beside == 0;
    row.before.push(if first { now } else { before });
    rows::put(txn, STARTED, &[], &StartedRow { number, before: row.before })?;
    if beside > last {
        tracing::error!(
            "this node's store was put back from an older copy: what it lacks is asked for again"
        );
        note(txn, now, None)?;
        codes::forget_given_out(txn)?;
        members::lose(txn)?;
    }
    Ok(number)
}

/// A party's numbers say that this node said something to it, or heard something from it, of which the store does not know.
/// Whoever lies makes us ask again what we know, once a week. Gives who is to hear of it now.
pub(crate) fn notice(
    own: &Own,
    txn: &mut dyn Txn,
    now: Timestamp,
    by: PartyId,
) -> Result<Vec<Effect>, StoreError> {
    match note(txn, now, Some(by))? {
        true => {
            Ok(directory::others(own, txn)?.into_iter().map(|to| Effect::Greet { to }).collect())
        }
        false => Ok(Vec::new()),
    }
}

/// Gives whether it was not known.
fn note(txn: &mut dyn Txn, now: Timestamp, by: Option<PartyId>) -> Result<bool, StoreError> {
    let known = rows::get::<CopiedRow>(txn, COPIED, &[])?;
    let known = known.as_ref();
    let anew = limits::PUT_BACK_ANEW_DAYS * DAY_MS;
    let recent =
        known.cloned().filter(|row| by.is_some() && now.since(row.put_back.noticed) < anew);
    let started = rows::get::<StartedRow>(txn, STARTED, &[])?.unwrap_or_default();
    let new = recent.is_none();
    // A copy that knows that it is one may be put back, too, so what says so ends what logs have written so far: of others' word the
    // first of each within a week, and once an hour, since one may lie.
    let said_before = |row: &CopiedRow| by.is_some_and(|by| row.by.contains(&by));
    let volume = match known {
        Some(row) if said_before(row) && now.since(row.volume) < HOUR_MS => row.volume,
        Some(row) => now.max(row.volume.plus_ms(1)),
        None => now,
    };
    let lately = now.minus_ms(limits::PUT_BACK_SAID_DAYS * DAY_MS);
    let since = started.before.iter().copied().filter(|before| *before >= lately).min();
    let since = since.or(started.before.last().copied()).unwrap_or_default().minus_ms(DAY_MS);
    let put_back = PutBack { noticed: now, since };
    let mut row = recent.unwrap_or_else(|| CopiedRow { put_back, by: Vec::new(), volume });
    row.volume = volume;
    let named = row.by.len();
    row.by.extend(by.filter(|by| !row.by.contains(by) && named < limits::PUT_BACK_NAMED_MAX));
    if let Some(by) = row.by.get(named) {
        tracing::error!(by = %by.short(), "another party has had more from this node than its store knows of: it seems to have been put back from an older copy");
    }
    rows::put(txn, COPIED, &[], &row)?;
    Ok(new)
}

/// What is written now follows what an older copy had: the name of the part of it that began when that was noticed.
pub(crate) fn volume(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    Ok(rows::get::<CopiedRow>(txn, COPIED, &[])?.map(|row| row.volume))
}

/// What this node may have forgotten since it was last put back: a permission that was taken back among it.
pub(crate) fn forgot(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Forgot>, StoreError> {
    let row = rows::get::<CopiedRow>(txn, COPIED, &[])?;
    // Not each time that somebody says so: a liar would have us hold up whom we serve for as long as it likes.
    Ok(row.map(|row| Forgot { since: row.put_back.since, noticed: row.put_back.noticed }))
}

/// How this node's store was put back, if that was noticed lately.
pub(crate) fn ours(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Option<CopiedRow>, StoreError> {
    let said = limits::PUT_BACK_SAID_DAYS * DAY_MS;
    let row = rows::get::<CopiedRow>(txn, COPIED, &[])?;
    Ok(row.filter(|row| now.since(row.put_back.noticed) < said))
}

/// A party says that its store was put back; gives whether something is to be done about it: not twice about the same, and
/// not more than once in a day, whatever it says.
pub(crate) fn heard(
    txn: &mut dyn Txn,
    now: Timestamp,
    party: PartyId,
    said: &PutBack,
) -> Result<bool, StoreError> {
    let last = rows::get::<HeardRow>(txn, HEARD, &party.0)?;
    let again =
        last.is_some_and(|last| last.noticed == said.noticed || now.since(last.at) < DAY_MS);
    if !again {
        let row = HeardRow { noticed: said.noticed, at: now };
        rows::put(txn, HEARD, &party.0, &row)?;
    }
    Ok(!again)
}

wire_struct! {
    /// What was done about a party's having been put back.
    #[derive(Debug, Clone)]
    pub struct HeardRow {
        /// When it noticed that, by its own clock.
        1 => noticed: Timestamp,
        /// When we did something about it.
        2 => at: Timestamp,
    }
}
