//! A store that was put back from an older copy: ours, as far as others' numbers or the count of starts beside the store
//! tell; and that of others, as they say in `hello`. [MSG-8] to [MSG-10]
//!
//! ```text
//!  started ──> how often, and until when the store knows        (the node keeps the number beside the store, too)
//!  notice  ──> ClaimRow: one party's numbers say so; shown, and said to that party alone, which tells again
//!         └──> CopiedRow: said in every hello for 30 days       by the count, or by the numbers of two that do not hang together
//!  heard   ──> whoever deals with that party tells it again what it can
//! ```

use crate::capability::Forgot;
use crate::codec::wire_struct;
use crate::codes;
use crate::directory::{self, Standing};
use crate::id::PartyId;
use crate::limits;
use crate::members;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, HOUR_MS, Timestamp};
use crate::turn::{Effect, Own};
use std::collections::BTreeSet;

/// Nothing -> [`StartedRow`].
const STARTED: Table = Table("started");
/// Nothing -> [`CopiedRow`]: of this node.
const COPIED: Table = Table("copied");
/// Party -> [`ClaimRow`]: its numbers say that this node was put back.
const CLAIMED: Table = Table("copied_claimed");
/// Party -> when we last did something about its having been put back.
const HEARD: Table = Table("copied_heard");

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
        /// Whether the count beside the store says so, too: our own evidence.
        4 => counted: Option<bool>,
    }
}

impl CopiedRow {
    /// Whether our own evidence says so.
    pub(crate) fn is_counted(&self) -> bool {
        self.counted.unwrap_or(self.by.is_empty())
    }
}

wire_struct! {
    /// One party's numbers say that this node was put back.
    #[derive(Debug, Clone, Copy)]
    pub struct ClaimRow {
        /// Since when it says so, and since when things may be missing if that is true.
        1 => put_back: PutBack,
        /// When it said so last.
        2 => last: Timestamp,
        /// The member that stands behind it: itself, or of a relay the one that certified it; none of other relays.
        3 => behind: Option<PartyId>,
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
/// It may lie: so that is its claim, and it alone is told so that it tells again what it has, until the numbers of another
/// say so, too, behind whom somebody else stands. Gives who is to hear of it now. [MSG-8, MSG-13]
pub(crate) fn notice(
    own: &Own,
    txn: &mut dyn Txn,
    now: Timestamp,
    by: PartyId,
) -> Result<Vec<Effect>, StoreError> {
    let anew = limits::PUT_BACK_ANEW_DAYS * DAY_MS;
    let known = rows::get::<CopiedRow>(txn, COPIED, &[])?;
    if known.as_ref().is_some_and(|row| now.since(row.put_back.noticed) < anew) {
        note(txn, now, Some(by))?;
        return Ok(Vec::new());
    }
    let new = claim(txn, now, by)?;
    // What was counted before is no evidence of another time.
    let before = known.map_or(Timestamp(0), |row| row.put_back.noticed);
    let claims: Vec<_> =
        claimed(txn, now)?.into_iter().filter(|(_, claim)| claim.last > before).collect();
    let behind: BTreeSet<_> = claims.iter().filter_map(|(_, claim)| claim.behind).collect();
    if behind.len() < 2 {
        let to = Some(by).filter(|_| new);
        return Ok(to.into_iter().map(|to| Effect::Greet { to }).collect());
    }
    for (by, _) in claims {
        note(txn, now, Some(by))?;
    }
    Ok(directory::others(own, txn)?.into_iter().map(|to| Effect::Greet { to }).collect())
}

/// Remembers a party's claim; gives whether it is heard for it anew, which is once a week.
fn claim(txn: &mut dyn Txn, now: Timestamp, by: PartyId) -> Result<bool, StoreError> {
    let known = rows::get::<ClaimRow>(txn, CLAIMED, &by.0)?;
    let anew = limits::PUT_BACK_ANEW_DAYS * DAY_MS;
    let recent = known.filter(|row| now.since(row.put_back.noticed) < anew);
    let put_back = match recent {
        Some(row) => row.put_back,
        None => PutBack { noticed: now, since: since(txn, now)? },
    };
    let row = ClaimRow { put_back, last: now, behind: behind(txn, now, by)? };
    rows::put(txn, CLAIMED, &by.0, &row)?;
    if recent.is_none() {
        tracing::warn!(by = %by.short(), "a party says that it has had more from this node than its store knows of; nobody else does so far");
    }
    Ok(recent.is_none())
}

/// The member that stands behind a party's word: for itself, and for the relays that it certified, of which it can make any
/// number. Of other relays anybody can, so their word is theirs alone.
fn behind(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    party: PartyId,
) -> Result<Option<PartyId>, StoreError> {
    if members::is_member(txn, party)? {
        return Ok(Some(party));
    }
    Ok(match directory::standing(txn, party, now)? {
        Some(Standing::CertifiedRelay(word)) => Some(word.by),
        _ => None,
    })
}

/// Whose numbers have said within 30 days that this node was put back, and what follows of it if it is true.
pub(crate) fn claimed(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<(PartyId, ClaimRow)>, StoreError> {
    let said = limits::PUT_BACK_SAID_DAYS * DAY_MS;
    let all = rows::all::<ClaimRow>(txn, CLAIMED, &[])?.into_iter();
    let lately = all.filter(|(_, claim)| now.since(claim.last) < said);
    lately.map(|(key, claim)| Ok((PartyId(rows::tail(CLAIMED, &key)?), claim))).collect()
}

/// Since when things may be missing here.
fn since(txn: &(impl ReadTxn + ?Sized), now: Timestamp) -> Result<Timestamp, StoreError> {
    let started = rows::get::<StartedRow>(txn, STARTED, &[])?.unwrap_or_default();
    let lately = now.minus_ms(limits::PUT_BACK_SAID_DAYS * DAY_MS);
    let since = started.before.iter().copied().filter(|before| *before >= lately).min();
    Ok(since.or(started.before.last().copied()).unwrap_or_default().minus_ms(DAY_MS))
}

/// What a party is told of it: what this node says of itself, or else what that party's own numbers say. One that was told the
/// latter goes on hearing that: it has told again what it has, and a second time of noticing would make it do so once more.
pub(crate) fn told(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    to: PartyId,
) -> Result<Option<PutBack>, StoreError> {
    let said = limits::PUT_BACK_SAID_DAYS * DAY_MS;
    let claim = rows::get::<ClaimRow>(txn, CLAIMED, &to.0)?;
    let claim = claim.filter(|claim| now.since(claim.last) < said).map(|claim| claim.put_back);
    let Some(row) = ours(txn, now)? else { return Ok(claim) };
    // By our own evidence it may be another time, of which the party has not heard.
    let anew = limits::PUT_BACK_ANEW_DAYS * DAY_MS;
    let same = |claim: &PutBack| row.put_back.noticed.since(claim.noticed) < anew;
    Ok(Some(claim.filter(|claim| !row.is_counted() && same(claim)).unwrap_or(row.put_back)))
}

/// Whether the number beside the store, or what was noticed lately by own evidence or by two others', says that this store is
/// an older copy: before the node has started.
pub(crate) fn seems(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    beside: u64,
) -> Result<bool, StoreError> {
    let started = rows::get::<StartedRow>(txn, STARTED, &[])?.unwrap_or_default();
    Ok(beside > started.number || ours(txn, now)?.is_some())
}

/// Gives whether it was not known.
fn note(txn: &mut dyn Txn, now: Timestamp, by: Option<PartyId>) -> Result<bool, StoreError> {
    let known = rows::get::<CopiedRow>(txn, COPIED, &[])?;
    let known = known.as_ref();
    let anew = limits::PUT_BACK_ANEW_DAYS * DAY_MS;
    let recent =
        known.cloned().filter(|row| by.is_some() && now.since(row.put_back.noticed) < anew);
    let new = recent.is_none();
    // A copy that knows that it is one may be put back, too, so what says so ends what logs have written so far: of others' word the
    // first of each within a week, and once an hour, since one may lie.
    let said_before = |row: &CopiedRow| by.is_some_and(|by| row.by.contains(&by));
    let volume = match known {
        Some(row) if said_before(row) && now.since(row.volume) < HOUR_MS => row.volume,
        Some(row) => now.max(row.volume.plus_ms(1)),
        None => now,
    };
    let put_back = PutBack { noticed: now, since: since(txn, now)? };
    let counted = Some(by.is_none());
    let mut row = recent.unwrap_or_else(|| CopiedRow { put_back, by: Vec::new(), volume, counted });
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

/// What this node may have forgotten since it was last put back, a permission that was taken back among it: of whoever presents
/// one also by its own numbers, which hold up nobody else.
pub(crate) fn forgot(
    txn: &(impl ReadTxn + ?Sized),
    presenter: PartyId,
) -> Result<Option<Forgot>, StoreError> {
    // Not each time that somebody says so: a liar would have us hold up whom we serve for as long as it likes.
    let of = |put_back: PutBack| Forgot { since: put_back.since, noticed: put_back.noticed };
    if let Some(row) = rows::get::<CopiedRow>(txn, COPIED, &[])? {
        return Ok(Some(of(row.put_back)));
    }
    Ok(rows::get::<ClaimRow>(txn, CLAIMED, &presenter.0)?.map(|claim| of(claim.put_back)))
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
