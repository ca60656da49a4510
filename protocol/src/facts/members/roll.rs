//! Who is a member, who is none any more, and who may come in: as the newest view says.

use crate::codec::Bytes;
use crate::directory::{self, Standing};
use crate::id::PartyId;
use crate::identity::{KnownKeys, Role};
use crate::membership::{CheckedView, Member};
use crate::names::{self, Bearer};
use crate::naming::quoted;
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Context, Notice};

/// Member -> [`Member`].
const MEMBERS: Table = Table::rows("federation_member");
/// Expelled party -> nothing. They stay here when the view's list is too short for them.
const EXPELLED: Table = Table::rows("federation_expelled");
/// Party -> nothing: those that left or were expelled.
const GONE: Table = Table::rows("federation_gone");

/// Whether a party is a member of our federation.
pub(crate) fn is_member(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<bool, StoreError> {
    Ok(txn.get(MEMBERS, &party.0)?.is_some())
}

/// A member as it was admitted: by its name and role it is shown.
pub(crate) fn member(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<Member>, StoreError> {
    rows::get(txn, MEMBERS, &party.0)
}

/// Whether the newest view lists a later key of a member than these: whoever shows the earlier ones may have stolen them.
pub(crate) fn has_newer_key(
    txn: &(impl ReadTxn + ?Sized),
    keys: &KnownKeys,
) -> Result<bool, StoreError> {
    Ok(member(txn, keys.party())?.is_some_and(|member| member.number > keys.current_number()))
}

/// An institution's name for people: as the members admitted it. For lack of that, in quotation marks, what it calls itself
/// on its card, or the beginning of its id; a relay is no member, and calls itself as it likes. [AUT-5]
pub(crate) fn name(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<String, StoreError> {
    Ok(called(txn, party)?.0)
}

/// An institution's name, and what it is, likewise.
pub(crate) fn called(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<(String, Option<Role>), StoreError> {
    if let Some(member) = member(txn, party)? {
        return Ok((member.name, Some(member.role)));
    }
    Ok(match directory::card(txn, party)? {
        Some(card) => (quoted(&card.name), Some(card.role)),
        None => (party.short(), None),
    })
}

/// Whether a party was expelled from our federation.
pub(crate) fn is_expelled(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(EXPELLED, &party.0)?.is_some())
}

/// Whether a party was a member of our federation and is none any more.
pub(crate) fn is_gone(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<bool, StoreError> {
    Ok(txn.get(GONE, &party.0)?.is_some())
}

/// All members.
pub(crate) fn members(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    rows::keys(txn, MEMBERS)?
        .into_iter()
        .map(|(key, _)| rows::tail(MEMBERS, &key).map(PartyId))
        .collect()
}

/// Those that left or were expelled.
pub(crate) fn gone(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<PartyId>, StoreError> {
    rows::all::<Bytes>(txn, GONE, &[])?
        .into_iter()
        .map(|(key, _)| rows::tail(GONE, &key).map(PartyId))
        .collect()
}

/// Whether a party may open more than `hello`, whatever it brings.
pub(crate) fn admitted(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if is_expelled(txn, party)? {
        return Ok(false);
    }
    if is_member(txn, party)? {
        return Ok(true);
    }
    match directory::standing(txn, party, now)? {
        Some(Standing::CertifiedRelay(word)) => is_member(txn, word.by),
        standing => Ok(standing.is_some()),
    }
}

/// Writes down who belongs to the federation by its newest view; who is put out loses the gate.
pub(super) fn write(
    ctx: &mut Context<'_>,
    before: Option<&CheckedView>,
    view: &CheckedView,
) -> Result<(), StoreError> {
    for party in before.iter().flat_map(|before| &before.members).map(|member| member.party) {
        if view.member(party).is_none() {
            put_out(ctx, party)?;
        }
    }
    for member in &view.members {
        let party = member.party;
        call(ctx.txn, party, Some(&member.name))?;
        rows::put(ctx.txn, MEMBERS, &party.0, member)?;
        ctx.txn.delete(GONE, &party.0)?;
        // A member needs no other reason to come in, so that none is left when it is one no more. A
        // relay's hospital stays its host.
        let standing = directory::standing(ctx.txn, party, ctx.now)?;
        let hosted = standing == Some(Standing::Host) && ctx.own.role() != Role::Patient;
        if hosted || standing == Some(Standing::Applicant) {
            directory::clear_standing(ctx.txn, party)?;
        }
    }
    for party in &view.expelled {
        if !is_expelled(ctx.txn, *party)? {
            rows::mark(ctx.txn, EXPELLED, &party.0)?;
            put_out(ctx, *party)?;
        }
    }
    Ok(())
}

/// After another successor was chosen: who came in on the other side alone was never a member on this one.
pub(super) fn never_here(
    ctx: &mut Context<'_>,
    before: &CheckedView,
    forked: &CheckedView,
    now: &CheckedView,
) -> Result<(), StoreError> {
    for party in before.members.iter().map(|member| member.party) {
        if forked.member(party).is_none() && now.member(party).is_none() {
            ctx.txn.delete(GONE, &party.0)?;
        }
    }
    Ok(())
}

/// A member is found by the name that the members admitted, and by no other.
fn call(txn: &mut dyn Txn, party: PartyId, after: Option<&str>) -> Result<(), StoreError> {
    let before = member(txn, party)?.map(|member| member.name);
    names::rename(txn, Bearer::Member, &party.0, before.as_deref().as_slice(), after.as_slice())
}

fn put_out(ctx: &mut Context<'_>, party: PartyId) -> Result<(), StoreError> {
    call(ctx.txn, party, None)?;
    ctx.txn.delete(MEMBERS, &party.0)?;
    rows::mark(ctx.txn, GONE, &party.0)?;
    if party == ctx.own.party() {
        tracing::warn!("this institution is no member of its federation any more");
    } else {
        ctx.notify(Notice::PutOut { party });
    }
    Ok(())
}

/// Forgets everybody: this institution is out of the federation.
pub(super) fn forget(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    for party in members(ctx.txn)? {
        if party != ctx.own.party() {
            ctx.notify(Notice::PutOut { party });
        }
    }
    for party in members(ctx.txn)? {
        call(ctx.txn, party, None)?;
    }
    for table in [MEMBERS, EXPELLED, GONE] {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    Ok(())
}
