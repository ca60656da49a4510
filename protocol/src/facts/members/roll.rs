//! Who is a member, who is none any more, and who may come in: as the statements said last.

use crate::codec::Bytes;
use crate::directory::{self, Standing};
use crate::id::PartyId;
use crate::identity::Role;
use crate::membership::{Ledger, Status};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{Context, Notice};

/// Member -> nothing.
const MEMBERS: Table = Table("federation_member");
/// Expelled party -> nothing.
const EXPELLED: Table = Table("federation_expelled");
/// Party -> nothing: those that left or were expelled.
const GONE: Table = Table("federation_gone");

/// Whether a party is a member of our federation.
pub(crate) fn is_member(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Result<bool, StoreError> {
    Ok(txn.get(MEMBERS, &party.0)?.is_some())
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
    rows::all::<Bytes>(txn, MEMBERS, &[])?
        .into_iter()
        .map(|(key, _)| rows::tail(MEMBERS, &key).map(PartyId))
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

/// Writes down who belongs to the federation by the ledger; who is put out loses the gate.
pub(super) fn write(ctx: &mut Context<'_>, ledger: &Ledger) -> Result<(), StoreError> {
    let members = ledger.members();
    for (key, _) in rows::all::<Bytes>(ctx.txn, MEMBERS, &[])? {
        let party = PartyId(rows::tail(MEMBERS, &key)?);
        if !members.contains(&party) {
            ctx.txn.delete(MEMBERS, &key)?;
            if party != ctx.own.party() {
                ctx.notify(Notice::PutOut { party });
            }
        }
    }
    for party in &members {
        if !is_member(ctx.txn, *party)? {
            rows::mark(ctx.txn, MEMBERS, &party.0)?;
        }
        // A member needs no other reason to come in, so that none is left when it is one no more. A
        // relay's hospital stays its host.
        let standing = directory::standing(ctx.txn, *party, ctx.now)?;
        let hosted = standing == Some(Standing::Host) && ctx.own.role() != Role::Patient;
        if hosted || standing == Some(Standing::Applicant) {
            directory::clear_standing(ctx.txn, *party)?;
        }
    }
    for (party, status) in ledger.roll() {
        let gone = matches!(status, Status::Left | Status::Expelled { .. });
        if gone != is_gone(ctx.txn, party)? {
            if gone {
                rows::mark(ctx.txn, GONE, &party.0)?;
            } else {
                ctx.txn.delete(GONE, &party.0)?;
            }
        }
        if matches!(status, Status::Expelled { .. }) && !is_expelled(ctx.txn, party)? {
            rows::mark(ctx.txn, EXPELLED, &party.0)?;
            if party == ctx.own.party() {
                tracing::error!("this institution was expelled from its federation");
            } else {
                ctx.notify(Notice::PutOut { party });
            }
        }
    }
    Ok(())
}

/// Forgets everybody: this institution is out of the federation.
pub(super) fn forget(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    for party in members(ctx.txn)? {
        ctx.notify(Notice::PutOut { party });
    }
    for table in [MEMBERS, EXPELLED, GONE] {
        for (key, _) in rows::keys(ctx.txn, table)? {
            ctx.txn.delete(table, &key)?;
        }
    }
    Ok(())
}
