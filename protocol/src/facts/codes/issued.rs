//! Codes that we gave out: who may prove them, and who has.

use super::proof::{CodeProof, Session};
use super::text::{Code, id_of};
use super::{CodeFor, Reason};
use crate::codec::{Bytes, wire_struct};
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
const CODES: Table = Table("code");
/// Until when it can be proven, code -> nothing: what is long over is found where it begins.
const ENDS: Table = Table("code_end");
/// What it is for, code -> nothing.
const CODES_FOR: Table = Table("code_for");

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
    forget_old(ctx.txn, ctx.now)?;
    enter(ctx.txn, code.id(), &CodeRow::of(&code, purpose))?;
    Ok(code)
}

fn end_key(id: CodeId, row: &CodeRow) -> Vec<u8> {
    rows::pair(&row.expires.0.to_be_bytes(), &id.0)
}

fn for_key(purpose: &CodeFor) -> Vec<u8> {
    match purpose {
        CodeFor::Federation => vec![b'i'],
        CodeFor::Enrolment(chart) => rows::pair(b"e", &chart.0),
    }
}

/// Keeps a new code, and where it is found.
fn enter(txn: &mut dyn Txn, id: CodeId, row: &CodeRow) -> Result<(), StoreError> {
    rows::mark(txn, ENDS, &end_key(id, row))?;
    rows::mark(txn, CODES_FOR, &rows::pair(&for_key(&row.purpose), &id.0))?;
    rows::put(txn, CODES, &id.0, row)
}

/// Takes a code out.
fn leave(txn: &mut dyn Txn, id: CodeId, row: &CodeRow) -> Result<(), StoreError> {
    txn.delete(ENDS, &end_key(id, row))?;
    txn.delete(CODES_FOR, &rows::pair(&for_key(&row.purpose), &id.0))?;
    txn.delete(CODES, &id.0)
}

/// The codes that were given out for a purpose: no others are read.
fn given_out_for(
    txn: &(impl ReadTxn + ?Sized),
    purpose: &CodeFor,
) -> Result<Vec<(CodeId, CodeRow)>, StoreError> {
    let mut found = Vec::new();
    for (key, _) in rows::all::<Bytes>(txn, CODES_FOR, &for_key(purpose))? {
        let id = CodeId(rows::tail(CODES_FOR, &key)?);
        found.extend(rows::get::<CodeRow>(txn, CODES, &id.0)?.map(|row| (id, row)));
    }
    Ok(found)
}

/// Keeps a code as if it had been given out, for tests of who is let in with it.
#[cfg(test)]
pub(crate) fn give_out(txn: &mut dyn Txn, code: &Code) -> Result<(), StoreError> {
    enter(txn, code.id(), &CodeRow::of(code, CodeFor::Federation))
}

/// Forgets codes that nobody can do anything with any more, as many at a time as one event may.
fn forget_old(txn: &mut dyn Txn, now: Timestamp) -> Result<(), StoreError> {
    let end = now.minus_ms(limits::PENDING_MS).plus_ms(1).0.to_be_bytes();
    for (key, _) in txn.page(ENDS, &[], &end, limits::DUE_ROWS_MAX)? {
        let id = CodeId(rows::tail(ENDS, &key)?);
        match rows::get::<CodeRow>(txn, CODES, &id.0)? {
            Some(row) => leave(txn, id, &row)?,
            None => txn.delete(ENDS, &key)?,
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
    let of = |(invite, row): (CodeId, CodeRow)| InviteView {
        invite,
        expires: row.expires,
        by: row.by,
        used: row.used,
        contested_by: row.other,
    };
    let open = |row: &InviteView| row.expires > now && !row.used || row.contested_by.is_some();
    Ok(given_out_for(txn, &CodeFor::Federation)?.into_iter().map(of).filter(open).collect())
}

/// Takes one invite back; gives how it stood, if there was one.
pub(crate) fn uninvite(
    ctx: &mut Context<'_>,
    invite: CodeId,
) -> Result<Option<InviteView>, StoreError> {
    let known = invites(ctx.txn, ctx.now)?.into_iter().find(|known| known.invite == invite);
    if known.is_some()
        && let Some(row) = rows::get::<CodeRow>(ctx.txn, CODES, &invite.0)?
    {
        leave(ctx.txn, invite, &row)?;
    }
    Ok(known)
}

/// Takes back all codes for a purpose; gives how many there were.
pub(crate) fn cancel(ctx: &mut Context<'_>, purpose: &CodeFor) -> Result<usize, StoreError> {
    let given_out = given_out_for(ctx.txn, purpose)?;
    for (id, row) in &given_out {
        leave(ctx.txn, *id, row)?;
    }
    Ok(given_out.len())
}

/// A store that was put back does not know which of its codes were used or taken back since: none opens anything more.
pub(crate) fn forget_given_out(txn: &mut dyn Txn) -> Result<(), StoreError> {
    for table in [CODES, ENDS, CODES_FOR] {
        for (key, _) in rows::keys(txn, table)? {
            txn.delete(table, &key)?;
        }
    }
    Ok(())
}

/// Codes hold no longer than one that is given out now: they were given out by a clock that was wrong.
pub(crate) fn shorten(txn: &mut dyn Txn, now: Timestamp) -> Result<(), StoreError> {
    let end = now.plus_ms(limits::CODE_MS_MAX);
    for (key, mut row) in rows::all::<CodeRow>(txn, CODES, &[])? {
        if row.expires > end {
            let id = CodeId(rows::tail(CODES, &key)?);
            leave(txn, id, &row)?;
            row.expires = end;
            enter(txn, id, &row)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ChartId;
    use crate::store::{Counting, Memory};

    const NOW: Timestamp = Timestamp(100 * DAY_MS);

    fn row(purpose: CodeFor, expires: Timestamp) -> CodeRow {
        CodeRow { purpose, expires, by: None, used: false, other: None, anchor: None }
    }

    fn id(n: u16) -> CodeId {
        CodeId(*blake3::hash(&n.to_be_bytes()).as_bytes().first_chunk().unwrap())
    }

    fn chart(n: u16) -> CodeFor {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        CodeFor::Enrolment(ChartId(id))
    }

    #[test]
    fn a_desk_with_thousands_of_codes_finds_one_charts_and_what_is_over_without_the_others() {
        let mut store = Memory::default();
        for n in 0..3000 {
            enter(&mut store, id(n), &row(chart(n), NOW.plus_ms(u64::from(n) + 1))).unwrap();
        }
        // Two of one chart, an invite, and two that are over: one just so, one not quite.
        for (n, purpose, expires) in [
            (3000, chart(7), NOW),
            (3001, CodeFor::Federation, NOW.plus_ms(9)),
            (3002, chart(8), NOW.minus_ms(limits::PENDING_MS)),
            (3003, chart(8), NOW.minus_ms(limits::PENDING_MS - 1)),
        ] {
            enter(&mut store, id(n), &row(purpose, expires)).unwrap();
        }
        let mut counting = Counting::new(&mut store);
        assert_eq!(given_out_for(&counting, &chart(7)).unwrap().len(), 2);
        assert_eq!(invites(&counting, NOW).unwrap().len(), 1);
        forget_old(&mut counting, NOW).unwrap();
        assert!(counting.read() < 12, "{} rows", counting.read());
        assert_eq!(given_out_for(&store, &chart(8)).unwrap().len(), 2, "one of the two is gone");
        forget_given_out(&mut store).unwrap();
        assert_eq!(store, Memory::default(), "nothing is left of them");
    }

    #[test]
    fn codes_of_a_clock_that_was_wrong_are_found_by_their_new_end() {
        let mut store = Memory::default();
        enter(&mut store, id(1), &row(chart(1), NOW.plus_ms(900 * DAY_MS))).unwrap();
        shorten(&mut store, NOW).unwrap();
        forget_old(&mut store, NOW.plus_ms(limits::CODE_MS_MAX + limits::PENDING_MS)).unwrap();
        assert_eq!(store, Memory::default());
    }
}
