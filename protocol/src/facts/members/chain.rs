//! The charter, the newest view, and the seals that led there from where this node began.

use super::reasons::Reason;
use super::roll;
use crate::codec::Wire;
use crate::directory;
use crate::id::ViewId;
use crate::identity::Rotation;
use crate::limits;
use crate::membership::{Bound, Charter, CheckedView, Fork, Seal, Standpoint, View};
use crate::refusal::{Failure, Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::turn::{Context, Effect};

/// Nothing -> the charter.
const CHARTER: Table = Table::rows("federation_charter");
/// Nothing -> where this node stands: it is told with every `hello`.
const POSITION: Table = Table::rows("federation_position");
/// View -> its number, of those that this node passed.
const PASSED: Table = Table::rows("federation_passed");
/// Nothing -> the newest final view.
const NEWEST: Table = Table::rows("federation_view");
/// Nothing -> the view from which the seals are kept.
const OLDEST: Table = Table::rows("federation_oldest");
/// Number of a view -> the seal that made it final.
const SEALS: Table = Table::rows("federation_seal");
/// Number of a view, of each [`STEP`]th that is kept -> the view: others are made from the one before and its seals.
const STEPS: Table = Table::rows("federation_step");
/// View -> [`ForkRow`].
const FORKS: Table = Table::rows("federation_fork");
/// How many views are made at most, whoever asks for one: each costs about as much as looking at a view.
const STEP: u32 = 32;

crate::codec::wire_struct! {
    /// A view that has two successors, both sealed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ForkRow {
        /// The view's number.
        1 => number: u32,
        /// The seal that this node did not take.
        2 => other: Seal,
        /// The successor that it leads to.
        3 => successor: ViewId,
        /// Who signed both.
        4 => liars: Vec<crate::id::PartyId>,
        /// Whether this node stood at that successor before.
        5 => stood: bool,
    }
}

/// The charter, if this node follows a federation.
pub(crate) fn charter(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Option<Signed<Charter>>, StoreError> {
    Ok(rows::get::<Unverified<Charter>>(txn, CHARTER, &[])?.map(Unverified::from_own_store))
}

fn checked(table: Table, view: View) -> Result<CheckedView, StoreError> {
    view.check().map_err(|why| StoreError::Corrupt { table: table.name(), why: why.to_string() })
}

/// The newest final view.
pub(crate) fn newest(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<CheckedView>, StoreError> {
    rows::get::<View>(txn, NEWEST, &[])?.map(|view| checked(NEWEST, view)).transpose()
}

/// Where this node stands, for `hello`.
pub(crate) fn position(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Standpoint>, StoreError> {
    rows::get(txn, POSITION, &[])
}

fn seal_of(txn: &(impl ReadTxn + ?Sized), number: u32) -> Result<Option<Seal>, StoreError> {
    rows::get(txn, SEALS, &number.to_be_bytes())
}

/// The number of a view that this node passed, or stands at, if its seals are kept.
pub(crate) fn passed_number(
    txn: &(impl ReadTxn + ?Sized),
    view: ViewId,
) -> Result<Option<u32>, StoreError> {
    rows::get(txn, PASSED, &view.0)
}

/// A final view by its number, if its seals are kept. [FED-20]
pub(crate) fn view_at(
    txn: &(impl ReadTxn + ?Sized),
    number: u32,
) -> Result<Option<CheckedView>, StoreError> {
    let Some(oldest) = rows::get::<View>(txn, OLDEST, &[])? else { return Ok(None) };
    if number < oldest.number || seal_of(txn, number)?.is_none() && number > oldest.number {
        return Ok(None);
    }
    let step = rows::get::<View>(txn, STEPS, &(number - number % STEP).to_be_bytes())?;
    let nearest = step.filter(|step| step.number >= oldest.number).unwrap_or(oldest);
    let mut view = checked(STEPS, nearest)?;
    while view.number < number {
        let Some(seal) = seal_of(txn, view.number + 1)? else { return Ok(None) };
        view = view
            .successor(&seal.change)
            .map_err(|why| StoreError::Corrupt { table: SEALS.name(), why: why.to_string() })?;
    }
    Ok((view.number == number).then_some(view))
}

/// The number of the oldest view behind which seals are kept.
pub(crate) fn oldest(txn: &(impl ReadTxn + ?Sized)) -> Result<u32, StoreError> {
    Ok(rows::get::<View>(txn, OLDEST, &[])?.map_or(0, |view| view.number))
}

/// The seals behind a view, as many as an answer takes; and whether there are more.
pub(crate) fn seals_since(
    txn: &(impl ReadTxn + ?Sized),
    number: u32,
    bytes_max: usize,
) -> Result<(Vec<Seal>, bool), StoreError> {
    let (mut seals, mut bytes) = (Vec::new(), 0);
    let mut next = number;
    loop {
        next = next.saturating_add(1);
        let Some(seal) = seal_of(txn, next)? else { return Ok((seals, false)) };
        bytes += seal.to_bytes().len();
        // One always fits, or nothing would ever come of it.
        if bytes > bytes_max && !seals.is_empty() {
            return Ok((seals, true));
        }
        seals.push(seal);
    }
}

/// Begins to follow a federation at an anchor. [FED-6]
pub(crate) fn begin(
    ctx: &mut Context<'_>,
    charter: &Signed<Charter>,
    anchor: &CheckedView,
) -> Handled<()> {
    if anchor.federation.0 != charter.id().0 {
        return refuse(Reason::OtherCharter);
    }
    if let Some(known) = newest(ctx.txn)? {
        return match known.federation == anchor.federation {
            true => Ok(()),
            false => refuse(Reason::InAnother),
        };
    }
    rows::put(ctx.txn, CHARTER, &[], &charter.to_unverified())?;
    rows::put(ctx.txn, OLDEST, &[], &View::clone(anchor))?;
    stand_at(ctx, None, anchor, Bound::default())
}

/// Makes a view the newest.
fn stand_at(
    ctx: &mut Context<'_>,
    before: Option<&CheckedView>,
    view: &CheckedView,
    bound: Bound,
) -> Handled<()> {
    rows::put(ctx.txn, NEWEST, &[], &View::clone(view))?;
    rows::put(ctx.txn, POSITION, &[], &view.position())?;
    rows::put(ctx.txn, PASSED, &view.id().0, &view.number)?;
    if view.number.is_multiple_of(STEP) {
        rows::put(ctx.txn, STEPS, &view.number.to_be_bytes(), &View::clone(view))?;
    }
    super::here::begin(ctx, bound)?;
    Ok(roll::write(ctx, before, view)?)
}

/// What became of a seal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It made this the newest view.
    Moved,
    /// It leads to where this node was already.
    Known,
    /// It leads from a view that this node passed to another one than this node took. [FED-18]
    Forked,
    /// It does not begin at a view that this node knows, or does not hold.
    Not,
}

/// Follows a seal, from whomever it came. [FED-15]
pub(crate) fn follow(ctx: &mut Context<'_>, seal: &Seal) -> Handled<Followed> {
    let Some(view) = newest(ctx.txn)? else { return Ok(Followed::Not) };
    if seal.view != view.id() {
        return passed(ctx, seal);
    }
    let next = match view.sealed(seal) {
        Ok(next) => next,
        Err(why) => {
            tracing::info!(%why, "a seal was not taken");
            return Ok(Followed::Not);
        }
    };
    rows::put(ctx.txn, SEALS, &next.number.to_be_bytes(), seal)?;
    prune(ctx, next.number)?;
    let bound = super::here::bound_after(ctx.txn, seal.round)?;
    stand_at(ctx, Some(&view), &next, bound)?;
    for rotation in &seal.change.rotated {
        learn_rotation(ctx, rotation)?;
    }
    Ok(Followed::Moved)
}

/// A rotation that the members sealed counts at once for all else, also here, where its institution was not heard since.
/// [ID-17]
fn learn_rotation(ctx: &mut Context<'_>, rotation: &Unverified<Rotation>) -> Handled<()> {
    let party = rotation.claims().party;
    let Some(known) = directory::keys(ctx.txn, party)?.filter(|_| party != ctx.own.party()) else {
        return Ok(());
    };
    if rotation.claims().number != known.current_number().saturating_add(1) {
        return Ok(());
    }
    let mut log = known.log().clone();
    log.rotations.push(rotation.clone());
    match directory::learn_keys(ctx.txn, log) {
        // Its new card, and its new node, are to be known here, too.
        Ok(_) => {
            ctx.effects.push(Effect::Greet { to: party });
            Ok(())
        }
        // Of a fork of its keys the seal has one branch, and this node the other: neither is forgotten.
        Err(Failure::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The oldest seals go: who stands further back needs a new code.
fn prune(ctx: &mut Context<'_>, number: u32) -> Handled<()> {
    let Some(oldest) = rows::get::<View>(ctx.txn, OLDEST, &[])? else { return Ok(()) };
    let kept = u32::try_from(limits::SEALS_KEPT).unwrap_or(u32::MAX);
    if number.saturating_sub(oldest.number) <= kept {
        return Ok(());
    }
    let next = oldest.number + 1;
    if let Some(view) = view_at(ctx.txn, next)? {
        ctx.txn.delete(PASSED, &view.before.map_or([0; 32], |before| before.0))?;
        ctx.txn.delete(STEPS, &oldest.number.to_be_bytes())?;
        rows::put(ctx.txn, OLDEST, &[], &View::clone(&view))?;
        ctx.txn.delete(SEALS, &next.to_be_bytes())?;
    }
    Ok(())
}

/// A seal of a view that is not the newest: nothing is taken back, but it may prove who lied.
fn passed(ctx: &mut Context<'_>, seal: &Seal) -> Handled<Followed> {
    let Some(number) = passed_number(ctx.txn, seal.view)? else { return Ok(Followed::Not) };
    let Some(known) = seal_of(ctx.txn, number.saturating_add(1))? else { return Ok(Followed::Not) };
    // Nearly always it is what is known already, and no view need be made again to see it.
    if known.change == seal.change {
        return Ok(Followed::Known);
    }
    passed_at(ctx, number, &known, seal)
}

fn passed_at(ctx: &mut Context<'_>, number: u32, known: &Seal, other: &Seal) -> Handled<Followed> {
    let Some(view) = view_at(ctx.txn, number)? else { return Ok(Followed::Not) };
    match view.fork(known, other) {
        Ok(Some(Fork { successors: [_, successor], liars, .. })) => {
            let room = rows::keys(ctx.txn, FORKS)?.len() < limits::FORKS_KEPT;
            if room && rows::get::<ForkRow>(ctx.txn, FORKS, &view.id().0)?.is_none() {
                tracing::error!(view = %view.id().short(), "a view of the federation has two successors");
                let row = ForkRow { number, other: other.clone(), successor, liars, stood: false };
                rows::put(ctx.txn, FORKS, &view.id().0, &row)?;
            }
            Ok(Followed::Forked)
        }
        Ok(None) => Ok(Followed::Known),
        Err(_) => Ok(Followed::Not),
    }
}

/// The forks that were seen.
pub(crate) fn forks(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<ForkRow>, StoreError> {
    Ok(rows::all::<ForkRow>(txn, FORKS, &[])?.into_iter().map(|(_, row)| row).collect())
}

/// On the operator's word: stands at the other successor of a view that was forked. Nothing but membership is
/// concerned. [FED-18]
pub(crate) fn choose(ctx: &mut Context<'_>, successor: ViewId) -> Handled<()> {
    let chosen = forks(ctx.txn)?.into_iter().find(|row| row.successor == successor);
    let Some(row) = chosen else { return refuse(Reason::NoSuchSuccessor) };
    let (Some(before), Some(view)) = (newest(ctx.txn)?, view_at(ctx.txn, row.number)?) else {
        return refuse(Reason::NoSuchSuccessor);
    };
    let Ok(next) = view.sealed(&row.other) else { return refuse(Reason::NoSuchSuccessor) };
    let Some(ours) = seal_of(ctx.txn, next.number)? else {
        return refuse(Reason::NoSuchSuccessor);
    };
    let Ok(left) = view.sealed(&ours) else { return refuse(Reason::NoSuchSuccessor) };
    for number in next.number..=before.number {
        ctx.txn.delete(SEALS, &number.to_be_bytes())?;
        ctx.txn.delete(STEPS, &number.to_be_bytes())?;
    }
    for (key, number) in rows::all::<u32>(ctx.txn, PASSED, &[])? {
        if number >= next.number {
            ctx.txn.delete(PASSED, &key)?;
        }
    }
    rows::put(ctx.txn, SEALS, &next.number.to_be_bytes(), &row.other)?;
    let stood = row.stood;
    let row = ForkRow { other: ours, successor: left.id(), stood: true, ..row };
    rows::put(ctx.txn, FORKS, &view.id().0, &row)?;
    stand_at(ctx, Some(&before), &next, Bound::default())?;
    roll::never_here(ctx, &before, &view, &next)?;
    // Where it never stood it signed nothing. What it signed where it stood before is not here any more.
    match stood {
        true => Ok(super::here::lose(ctx.txn)?),
        false => Ok(()),
    }
}

/// Forgets a federation that this institution is out of, or is to be no more in.
pub(crate) fn forget(ctx: &mut Context<'_>) -> Handled<()> {
    roll::forget(ctx)?;
    super::here::forget(ctx)?;
    for table in [CHARTER, POSITION, PASSED, NEWEST, OLDEST, SEALS, STEPS, FORKS] {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    Ok(())
}
