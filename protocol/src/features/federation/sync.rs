//! Spreading statements to everybody concerned.

use super::reasons::Reason;
use super::tables::{may_ask, put_founding};
use super::wire::{Apply, Message, Sync};
use crate::codec::{Bytes, Wire};
use crate::codes;
use crate::directory;
use crate::id::{FederationId, PartyId, StatementId};
use crate::identity::Role;
use crate::limits;
use crate::members::{
    Spread, begin, charter, conclude, insert, is_expelled, keep, knows, ledger, locator, members,
    spread,
};
use crate::membership::{Act, Ledger, MembershipStatement};
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError};
use crate::turn::Context;
use std::collections::BTreeSet;

/// Tells of new statements: who makes one tells all members; who hears of one from `heard_from` tells
/// some of them, so that each is told a few times and not by everybody. Relays and applicants hear of it
/// from whomever they deal with, and tell nobody. [FED-15]
pub(super) fn push(
    ctx: &mut Context<'_>,
    ledger: &Ledger,
    ids: &[StatementId],
    heard_from: Option<PartyId>,
) -> Handled<()> {
    if ctx.own.role() == Role::Patient {
        return Ok(());
    }
    let statements: Vec<_> = ids.iter().filter_map(|id| ledger.get(*id)).collect();
    let Some(message) = spread(ctx, &statements, false)? else { return Ok(()) };
    let message = Message::Spread(message);
    let members = members(ctx.txn)?;
    let mut to: BTreeSet<PartyId> = directory::with_standing(ctx.txn, ctx.now)?
        .into_iter()
        .filter(|party| members.binary_search(party).is_err())
        .collect();
    match heard_from {
        None => to.extend(members),
        Some(_) => to.extend(told_on(&members, ctx.own.party())),
    }
    to.remove(&ctx.own.party());
    for party in to {
        if Some(party) != heard_from && !is_expelled(ctx.txn, party)? {
            ctx.send_if_room(party, &message)?;
        }
    }
    Ok(())
}

/// Whom a member tells of what it heard: all while they are few; else those 1, 2, 4, ... places on in the
/// ring of ids. Whoever is not reached by one of them is reached by another, in as many steps as the
/// number of members has bits; and `hello` brings what all of them missed.
fn told_on(members: &[PartyId], me: PartyId) -> Vec<PartyId> {
    let others = members.len();
    if others <= limits::TOLD_ON_ALL_MAX {
        return members.to_vec();
    }
    let (Ok(place) | Err(place)) = members.binary_search(&me);
    (0..usize::BITS)
        .map_while(|power| 1_usize.checked_shl(power).filter(|distance| *distance < others))
        .map(|distance| members[(place + distance) % others])
        .collect()
}

/// Handles statements from another; what is new here goes on to others.
pub(super) fn spread_received(
    ctx: &mut Context<'_>,
    from: PartyId,
    spread: Spread,
) -> Handled<Bytes> {
    let more = spread.more;
    // Most of what comes was heard from another already: that is found out without the whole ledger.
    let mut ask_for = None;
    if !all_known(ctx.txn, &spread)? {
        let Some((ledger, new)) = learn(ctx, from, spread)? else { return Ok(Bytes::default()) };
        if !new.is_empty() {
            push(ctx, &ledger, &new, Some(from))?;
        }
        ask_for = ledger.missing().first().copied();
        keep(ctx.own, ledger, more);
    }
    let missing = match ask_for {
        Some(missing) => may_ask(ctx, from, missing)?,
        None => false,
    };
    if more || missing {
        ask(ctx, from)?;
    }
    Ok(Bytes::default())
}

/// Whether a message brings nothing: it has statements, and all are here.
fn all_known(txn: &(impl ReadTxn + ?Sized), spread: &Spread) -> Result<bool, StoreError> {
    if spread.statements.is_empty() || !knows(txn, spread.charter.id())? {
        return Ok(false);
    }
    for statement in &spread.statements {
        if !knows(txn, statement.id())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes over what a message says; gives the ids that are new here.
fn learn(
    ctx: &mut Context<'_>,
    from: PartyId,
    spread: Spread,
) -> Handled<Option<(Ledger, Vec<StatementId>)>> {
    // Who is in no federation joins the one it was invited to, and nobody else's.
    if charter(ctx.txn)?.is_none()
        && directory::standing(ctx.txn, from, ctx.now)? != Some(directory::Standing::Host)
    {
        return refuse(Reason::NotAskedToJoin);
    }
    let mut named: BTreeSet<PartyId> =
        spread.charter.claims().first_members.iter().copied().collect();
    named.insert(spread.charter.claims().founder);
    for statement in &spread.statements {
        named.insert(statement.claims().author);
        if let Act::Admit(subject) = &statement.claims().act {
            named.insert(*subject);
        }
    }
    for party in spread.parties {
        if named.contains(&party.keys.party_unverified()) {
            directory::hear_of(ctx, party)?;
        }
    }
    // The very charter that is known was verified when it came.
    if charter(ctx.txn)?.is_none_or(|known| known.bytes() != spread.charter.bytes()) {
        let founder = spread.charter.claims().founder;
        let Some(keys) = directory::keys(ctx.txn, founder)? else {
            return refuse(Reason::FounderUnknown);
        };
        begin(ctx, &spread.charter.certify(&keys)?)?;
        put_founding(ctx, None)?;
    }
    let Some(mut ledger) = ledger(ctx.own, ctx.txn)? else { return Ok(None) };
    let mut new = Vec::new();
    for statement in spread.statements {
        let id = statement.id();
        if ledger.get(id).is_some() {
            continue;
        }
        if let Some(statement) = certify(ctx, statement)?
            && insert(ctx, &mut ledger, statement)?
        {
            new.push(id);
        }
    }
    if !new.is_empty() {
        conclude(ctx, &ledger)?;
    }
    Ok(Some((ledger, new)))
}

pub(super) fn certify(
    ctx: &Context<'_>,
    statement: Unverified<MembershipStatement>,
) -> Handled<Option<Signed<MembershipStatement>>> {
    let author = statement.claims().author;
    let keys = directory::keys(ctx.txn, author)?;
    Ok(keys.and_then(|keys| statement.certify(&keys).ok()))
}

/// Tells how far what is here reaches, and asks for what is beyond.
fn ask(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    let federation = charter(ctx.txn)?.map(|charter| FederationId(charter.id().0));
    let sync = Sync { federation, locator: locator(ctx.txn)? };
    ctx.send_if_room(party, &Message::Sync(sync))?;
    Ok(())
}

/// Answers what another lacks.
pub(super) fn sync(ctx: &mut Context<'_>, from: PartyId, sync: &Sync) -> Handled<Bytes> {
    let Some(ledger) = ledger(ctx.own, ctx.txn)? else { return Ok(Bytes::default()) };
    if sync.federation.is_some_and(|federation| federation != ledger.federation()) {
        return refuse(Reason::AnotherFederation);
    }
    let lacking = ledger.lacking(&sync.locator, None, limits::SPREAD_MAX);
    let more = lacking.len() == limits::SPREAD_MAX;
    if (!lacking.is_empty() || sync.federation.is_none())
        && let Some(message) = spread(ctx, &lacking, more)?
    {
        ctx.send_if_room(from, &Message::Spread(message))?;
    }
    keep(ctx.own, ledger, false);
    Ok(Bytes::default())
}

/// Somebody said `hello` and told its heads: asks for what is unknown here.
pub(crate) fn greeted(
    ctx: &mut Context<'_>,
    party: PartyId,
    theirs: &[StatementId],
) -> Handled<()> {
    // Nearly always both know the same.
    if theirs.is_empty() || theirs == locator(ctx.txn)? {
        return Ok(());
    }
    let mut unknown = false;
    for id in theirs {
        unknown |= !knows(ctx.txn, *id)?;
    }
    if unknown {
        ask(ctx, party)?;
    }
    Ok(())
}

/// Takes over such a snapshot. One that does not hold, or is of another federation than the one that
/// this node is in already, is of no use and spoils nothing.
pub(crate) fn learn_snapshot(
    ctx: &mut Context<'_>,
    from: PartyId,
    snapshot: &Bytes,
) -> Result<(), StoreError> {
    let taken = match Spread::from_bytes(&snapshot.0, limits::RESPONSE_BYTES_MAX) {
        Ok(spread) => spread_received(ctx, from, spread),
        Err(why) => refuse(Reason::SnapshotMalformed { why }),
    };
    match taken {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refusal)) => {
            tracing::warn!(reason = refusal.name(), "a federation was not taken over");
            Ok(())
        }
        Err(Failure::Store(error)) => Err(error),
    }
}

/// Whoever we applied to has taken the application, or refused it.
pub(super) fn answered(
    ctx: &mut Context<'_>,
    to: PartyId,
    apply: &Apply,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    codes::forget(ctx.txn, to, apply.code)?;
    match result {
        Ok(_) => ask(ctx, to),
        Err(refusal) => {
            tracing::warn!(to = %to.short(), reason = refusal.name(), "our application was refused");
            Ok(())
        }
    }
}
