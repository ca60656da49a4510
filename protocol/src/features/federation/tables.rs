//! What is kept besides the views: what this institution wants, who applied, what others were told.

use crate::codec::wire_struct;
use crate::id::PartyId;
use crate::limits;
use crate::membership::{Application, Expulsion, Standpoint};
use crate::refusal::Refusal;
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::Context;

/// Party -> the application that this institution sponsors.
const ADMIT: Table = Table::rows("federation_admit");
/// Party -> [`Expulsion`] that this institution votes for.
const EXPEL: Table = Table::rows("federation_expel");
/// Nothing -> [`WishRow`].
const WISH: Table = Table::rows("federation_wish");
/// Party -> [`ApplicationRow`].
const APPLICATIONS: Table = Table::rows("federation_application");
/// Party -> [`SentRow`].
const SENT: Table = Table::rows("federation_sent");
/// Institution -> when it was asked for seals, and has not answered.
const ASKED: Table = Table::rows("federation_asked");
/// Nothing -> when this member gave its last pulse.
const PULSED: Table = Table::rows("federation_pulsed");
/// Nothing -> when this node, put back from a copy, last asked how far the others are.
const HOW_FAR: Table = Table::rows("federation_how_far");
/// At a relay: nothing -> the hospital that it is to follow to another federation.
const FOLLOWED: Table = Table::rows("federation_followed");
/// Member -> nothing: its key log is longer than the newest view knows.
const ROTATED: Table = Table::rows("federation_rotated");

/// Nothing -> [`RefusedRow`].
const REFUSED: Table = Table::rows("federation_refused");

wire_struct! {
    /// What became of the newest application of ours, if it was refused.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RefusedRow {
        /// Who refused it.
        1 => by: PartyId,
        /// Why.
        2 => refusal: Refusal,
    }
}

wire_struct! {
    /// What else this institution wants.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct WishRow {
        /// The threshold.
        1 => threshold: Option<u16>,
        /// Whether it leaves.
        2 => leave: bool,
    }
}

wire_struct! {
    /// An application, and who told of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ApplicationRow {
        /// The application.
        1 => application: Unverified<Application>,
        /// Who told: the applicant itself, or a member.
        2 => by: PartyId,
    }
}

wire_struct! {
    /// What another was told.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct SentRow {
        /// All that was said before this running number.
        1 => up_to: u64,
        /// Whether a message is on its way.
        2 => under_way: bool,
        /// Where we stood when it was told last.
        3 => position: Option<Standpoint>,
    }
}

/// What this institution sponsors.
pub(super) fn sponsored(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<Unverified<Application>>, StoreError> {
    let all = rows::all::<Unverified<Application>>(txn, ADMIT, &[])?;
    Ok(all.into_iter().map(|(_, application)| application).collect())
}

pub(super) fn sponsor(
    ctx: &mut Context<'_>,
    application: &Unverified<Application>,
) -> Result<(), StoreError> {
    rows::put(ctx.txn, ADMIT, &application.claims().member.party.0, application)
}

/// Whom this institution votes to expel.
pub(super) fn voted(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<Expulsion>, StoreError> {
    let all = rows::all::<Expulsion>(txn, EXPEL, &[])?;
    Ok(all.into_iter().map(|(_, expulsion)| expulsion).collect())
}

pub(super) fn vote(ctx: &mut Context<'_>, expulsion: &Expulsion) -> Result<(), StoreError> {
    rows::put(ctx.txn, EXPEL, &expulsion.party.0, expulsion)
}

/// Takes back what this institution wants about a party; gives whether there was anything.
pub(super) fn withdraw(ctx: &mut Context<'_>, party: PartyId) -> Result<bool, StoreError> {
    let mut any = false;
    for table in [ADMIT, EXPEL] {
        any |= ctx.txn.get(table, &party.0)?.is_some();
        ctx.txn.delete(table, &party.0)?;
    }
    Ok(any)
}

pub(super) fn wish(txn: &(impl ReadTxn + ?Sized)) -> Result<WishRow, StoreError> {
    Ok(rows::get(txn, WISH, &[])?.unwrap_or_default())
}

pub(super) fn put_wish(ctx: &mut Context<'_>, row: &WishRow) -> Result<(), StoreError> {
    rows::put(ctx.txn, WISH, &[], row)
}

/// How the newest application of ours was refused, if it was.
pub(super) fn refused(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<RefusedRow>, StoreError> {
    rows::get(txn, REFUSED, &[])
}

pub(super) fn put_refused(
    ctx: &mut Context<'_>,
    row: Option<&RefusedRow>,
) -> Result<(), StoreError> {
    match row {
        Some(row) => rows::put(ctx.txn, REFUSED, &[], row),
        None => ctx.txn.delete(REFUSED, &[]),
    }
}

/// The application of a party.
pub(super) fn application(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<Unverified<Application>>, StoreError> {
    let row = rows::get::<ApplicationRow>(txn, APPLICATIONS, &party.0)?;
    Ok(row.map(|row| row.application))
}

/// All applications.
pub(super) fn applications(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<ApplicationRow>, StoreError> {
    let all = rows::all::<ApplicationRow>(txn, APPLICATIONS, &[])?;
    Ok(all.into_iter().map(|(_, row)| row).collect())
}

/// Keeps an application; gives whether there was room for what this party tells.
pub(super) fn put_application(
    ctx: &mut Context<'_>,
    by: PartyId,
    application: &Unverified<Application>,
) -> Result<bool, StoreError> {
    let party = application.claims().member.party;
    // An applicant may apply again, under another name; whoever tells of what it applied with before changes nothing.
    let known = self::application(ctx.txn, party)?;
    if known.is_some_and(|known| known.claims().issued > application.claims().issued) {
        return Ok(true);
    }
    let told = applications(ctx.txn)?.into_iter().filter(|row| row.by == by);
    let others = told.filter(|row| row.application.claims().member.party != party);
    if others.count() >= limits::APPLICATIONS_TOLD_MAX {
        return Ok(false);
    }
    let row = ApplicationRow { application: application.clone(), by };
    rows::put(ctx.txn, APPLICATIONS, &party.0, &row)?;
    Ok(true)
}

pub(super) fn drop_application(ctx: &mut Context<'_>, party: PartyId) -> Result<(), StoreError> {
    ctx.txn.delete(APPLICATIONS, &party.0)
}

pub(super) fn sent(txn: &(impl ReadTxn + ?Sized), to: PartyId) -> Result<SentRow, StoreError> {
    Ok(rows::get(txn, SENT, &to.0)?.unwrap_or_default())
}

pub(super) fn put_sent(
    ctx: &mut Context<'_>,
    to: PartyId,
    row: &SentRow,
) -> Result<(), StoreError> {
    rows::put(ctx.txn, SENT, &to.0, row)
}

/// Whether an institution is to be asked for seals: not while it owes an answer.
pub(super) fn may_ask(ctx: &mut Context<'_>, to: PartyId) -> Result<bool, StoreError> {
    let asked = rows::get::<Timestamp>(ctx.txn, ASKED, &to.0)?;
    if asked.is_some_and(|at| ctx.now < at.plus_ms(limits::ASK_AGAIN_MS)) {
        return Ok(false);
    }
    rows::put(ctx.txn, ASKED, &to.0, &ctx.now)?;
    Ok(true)
}

pub(super) fn has_answered(ctx: &mut Context<'_>, to: PartyId) -> Result<(), StoreError> {
    ctx.txn.delete(ASKED, &to.0)
}

pub(super) fn pulsed(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    rows::get(txn, PULSED, &[])
}

pub(super) fn put_pulsed(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    let now = ctx.now;
    rows::put(ctx.txn, PULSED, &[], &now)
}

pub(super) fn asked_how_far(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Option<Timestamp>, StoreError> {
    rows::get(txn, HOW_FAR, &[])
}

pub(super) fn put_asked_how_far(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    let now = ctx.now;
    rows::put(ctx.txn, HOW_FAR, &[], &now)
}

pub(super) fn rotated(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    let all = rows::keys(txn, ROTATED)?.into_iter();
    all.map(|(key, _)| rows::tail(ROTATED, &key).map(PartyId)).collect()
}

pub(super) fn is_marked_rotated(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(ROTATED, &party.0)?.is_some())
}

pub(super) fn mark_rotated(
    ctx: &mut Context<'_>,
    party: PartyId,
    rotated: bool,
) -> Result<(), StoreError> {
    match rotated {
        true => rows::mark(ctx.txn, ROTATED, &party.0),
        false => ctx.txn.delete(ROTATED, &party.0),
    }
}

/// The hospital that a relay's operator said to follow.
pub(super) fn followed(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<PartyId>, StoreError> {
    rows::get(txn, FOLLOWED, &[])
}

pub(super) fn put_followed(ctx: &mut Context<'_>, party: PartyId) -> Result<(), StoreError> {
    rows::put(ctx.txn, FOLLOWED, &[], &party)
}

/// Forgets all that concerned a federation.
pub(super) fn forget(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    let told = [SENT, ASKED, PULSED, HOW_FAR, ROTATED, FOLLOWED];
    for table in [ADMIT, EXPEL, WISH, APPLICATIONS].into_iter().chain(told) {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    Ok(())
}
