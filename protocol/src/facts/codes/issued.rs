//! Codes that we gave out: who may prove them, and who has.

use super::proof::{CodeProof, Session};
use super::text::{Code, id_of};
use super::{CodeFor, Reason};
use crate::codec::wire_struct;
use crate::id::{CodeId, PartyId};
use crate::limits;
use crate::membership::Standpoint;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::Context;

/// Code -> [`CodeRow`].
const CODES: Table = Table::rows("code");

wire_struct! {
    /// A code that we gave out.
    #[derive(Debug, Clone)]
    pub struct CodeRow {
        /// What for.
        1 => purpose: CodeFor,
        /// Until when it can be proven.
        2 => expires: Timestamp,
        /// Who proved it first.
        3 => by: Option<PartyId>,
        /// Whether what it is for was done with it.
        4 => used: bool,
        /// Another party that proved it as well: it opens nothing more.
        5 => other: Option<PartyId>,
        /// Where we stood when we gave it out: whoever brings it begins there.
        6 => anchor: Option<Standpoint>,
    }
}

impl CodeRow {
    const fn of(code: &Code, purpose: CodeFor) -> Self {
        let (expires, anchor) = (code.expires, code.anchor);
        Self { purpose, expires, by: None, used: false, other: None, anchor }
    }
}

/// Gives out a code that can be proven for so long.
pub(crate) fn issue(
    ctx: &mut Context<'_>,
    purpose: CodeFor,
    anchor: Option<Standpoint>,
    valid_ms: u64,
    addresses: Vec<String>,
) -> Handled<Code> {
    if valid_ms > limits::CODE_MS_MAX {
        return refuse(Reason::TooLong { most: limits::CODE_MS_MAX / DAY_MS });
    }
    let letter = match purpose {
        CodeFor::Federation => 'i',
        CodeFor::Enrolment(_) => 'e',
    };
    let code = Code {
        letter,
        institution: ctx.own.party(),
        secret: ctx.random(),
        nodes: vec![(ctx.own.node(), addresses)],
        expires: ctx.now.plus_ms(valid_ms),
        anchor,
    };
    forget_old(ctx)?;
    rows::put(ctx.txn, CODES, &code.id().0, &CodeRow::of(&code, purpose))?;
    Ok(code)
}

/// Keeps a code as if it had been given out, for tests of who is let in with it.
#[cfg(test)]
pub(crate) fn give_out(txn: &mut dyn Txn, code: &Code) -> Result<(), StoreError> {
    rows::put(txn, CODES, &code.id().0, &CodeRow::of(code, CodeFor::Federation))
}

/// Forgets codes that nobody can do anything with any more.
fn forget_old(ctx: &mut Context<'_>) -> Result<(), StoreError> {
    for (key, row) in rows::all::<CodeRow>(ctx.txn, CODES, &[])? {
        if row.expires.plus_ms(limits::PENDING_MS) <= ctx.now {
            ctx.txn.delete(CODES, &key)?;
        }
    }
    Ok(())
}

/// How a code stands with a party that says that it has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// No code of ours that can be proven now.
    Void,
    /// One of ours: let it be proven.
    Unproven,
    /// This party has proven it.
    Proven,
}

/// How a code stands with a party that says that it has it.
pub(crate) fn claim(
    txn: &(impl ReadTxn + ?Sized),
    code: CodeId,
    by: PartyId,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    let Some(row) = rows::get::<CodeRow>(txn, CODES, &code.0)? else { return Ok(Claim::Void) };
    Ok(match row.by {
        _ if row.other.is_some() => Claim::Void,
        Some(first) if first == by => Claim::Proven,
        _ if row.expires <= now => Claim::Void,
        // Who comes second is let prove it, too: then it is known that the code was seen.
        _ => Claim::Unproven,
    })
}

/// Whether a proof is of a code that we gave out.
pub(crate) fn is_ours(
    txn: &(impl ReadTxn + ?Sized),
    proof: &Unverified<CodeProof>,
) -> Result<bool, StoreError> {
    Ok(txn.get(CODES, &id_of(&proof.claims().key).0)?.is_some())
}

/// A party proves a code. The first one has it from now on; with a second one it is frozen, which is for whoever
/// hears it to say: what a refusal wrote would be dropped.
pub(crate) fn prove(
    ctx: &mut Context<'_>,
    session: &Session,
    proof: &Unverified<CodeProof>,
) -> Handled<Result<(), Reason>> {
    let key = proof.claims().key;
    let id = id_of(&key);
    let Some(mut row) = rows::get::<CodeRow>(ctx.txn, CODES, &id.0)? else {
        return refuse(Reason::Unknown);
    };
    if *proof.claims() != session.proof(key) || proof.check(&key).is_err() {
        return refuse(Reason::BadProof);
    }
    match row.by {
        Some(first) if first == session.asker => return Ok(Ok(())),
        _ if row.expires <= ctx.now => return refuse(Reason::Expired),
        Some(_) => {
            row.other.get_or_insert(session.asker);
            rows::put(ctx.txn, CODES, &id.0, &row)?;
            return Ok(Err(Reason::ByAnother));
        }
        None => row.by = Some(session.asker),
    }
    rows::put(ctx.txn, CODES, &id.0, &row)?;
    Ok(Ok(()))
}

/// Uses a code up, which `by` has proven.
pub(crate) fn redeem(ctx: &mut Context<'_>, code: CodeId, by: PartyId) -> Handled<CodeFor> {
    let Some(mut row) = rows::get::<CodeRow>(ctx.txn, CODES, &code.0)? else {
        return refuse(Reason::Unknown);
    };
    // Who has not proven it hears no more than of a code that there is not.
    if row.by != Some(by) {
        return refuse(Reason::Unknown);
    }
    if row.other.is_some() {
        return refuse(Reason::Frozen);
    }
    if row.used {
        return refuse(Reason::Unknown);
    }
    row.used = true;
    rows::put(ctx.txn, CODES, &code.0, &row)?;
    Ok(row.purpose)
}

/// Where we stood when we gave a code out.
pub(crate) fn anchor_of(
    txn: &(impl ReadTxn + ?Sized),
    code: CodeId,
) -> Result<Option<Standpoint>, StoreError> {
    Ok(rows::get::<CodeRow>(txn, CODES, &code.0)?.and_then(|row| row.anchor))
}

/// Another party that proved a code after the first, if one did.
pub(crate) fn contested(
    txn: &(impl ReadTxn + ?Sized),
    code: CodeId,
) -> Result<Option<PartyId>, StoreError> {
    Ok(rows::get::<CodeRow>(txn, CODES, &code.0)?.and_then(|row| row.other))
}

/// An invite that was given out here.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InviteView {
    /// The code's id; not the code, which was shown once.
    pub invite: CodeId,
    /// Until when it can be proven.
    pub expires: Timestamp,
    /// Who proved it first: from then on it is theirs.
    pub by: Option<PartyId>,
    /// Whether they have applied with it.
    pub used: bool,
    /// Who proved it as well: it is in two hands, and opens nothing more before it is taken back.
    pub contested_by: Option<PartyId>,
}

/// The invites that were given out here and can be proven, or are in two hands.
pub(crate) fn invites(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<InviteView>, StoreError> {
    let mut invites = Vec::new();
    for (key, row) in rows::all::<CodeRow>(txn, CODES, &[])? {
        let open = row.expires > now && !row.used || row.other.is_some();
        if row.purpose == CodeFor::Federation && open {
            invites.push(InviteView {
                invite: CodeId(rows::tail(CODES, &key)?),
                expires: row.expires,
                by: row.by,
                used: row.used,
                contested_by: row.other,
            });
        }
    }
    Ok(invites)
}

/// Takes one invite back; gives how it stood, if there was one.
pub(crate) fn uninvite(
    ctx: &mut Context<'_>,
    invite: CodeId,
) -> Result<Option<InviteView>, StoreError> {
    let known = invites(ctx.txn, ctx.now)?.into_iter().find(|known| known.invite == invite);
    if known.is_some() {
        ctx.txn.delete(CODES, &invite.0)?;
    }
    Ok(known)
}

/// Takes back all codes for a purpose; gives how many there were.
pub(crate) fn cancel(ctx: &mut Context<'_>, purpose: &CodeFor) -> Result<usize, StoreError> {
    let mut cancelled = 0;
    for (key, row) in rows::all::<CodeRow>(ctx.txn, CODES, &[])? {
        if row.purpose == *purpose {
            ctx.txn.delete(CODES, &key)?;
            cancelled += 1;
        }
    }
    Ok(cancelled)
}

/// A store that was put back does not know which of its codes were used or taken back since: none opens anything more.
pub(crate) fn forget_given_out(txn: &mut dyn Txn) -> Result<(), StoreError> {
    for (key, _) in rows::keys(txn, CODES)? {
        txn.delete(CODES, &key)?;
    }
    Ok(())
}

/// Codes hold no longer than one that is given out now: they were given out by a clock that was wrong.
pub(crate) fn shorten(txn: &mut dyn Txn, now: Timestamp) -> Result<(), StoreError> {
    let end = now.plus_ms(limits::CODE_MS_MAX);
    for (key, mut row) in rows::all::<CodeRow>(txn, CODES, &[])? {
        if row.expires > end {
            row.expires = end;
            rows::put(txn, CODES, &key, &row)?;
        }
    }
    Ok(())
}
