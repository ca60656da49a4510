//! Codes that others gave us, until they are used up.

use super::Reason;
use super::proof::{CodeProof, Session};
use super::text::{Code, key_of};
use crate::codec::wire_struct;
use crate::directory::{self, Standing};
use crate::id::{CodeId, NodeId, PartyId};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Context;

/// Institution, when it gave the code to us, code -> [`GivenRow`].
const GIVEN: Table = Table::rows("code_given");

wire_struct! {
    /// A code that somebody gave us.
    #[derive(Clone)]
    pub struct GivenRow {
        /// `i` or `e`, as a number.
        1 => letter: u32,
        /// Its secret.
        2 => secret: [u8; 16],
        /// The nodes that it names.
        3 => nodes: Vec<NodeId>,
        /// Whether the institution has heard the proof.
        4 => proven: bool,
    }
}

impl Drop for GivenRow {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

impl core::fmt::Debug for GivenRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "GivenRow({:?})", self.nodes)
    }
}

fn given_key(institution: PartyId, at: Timestamp, code: CodeId) -> Vec<u8> {
    [&institution.0[..], &at.0.to_be_bytes(), &code.0].concat()
}

/// Takes a code that we were given: the next `hello` to the institution says that we have it. Gives its id.
pub(crate) fn take(ctx: &mut Context<'_>, code: &Code) -> Handled<CodeId> {
    if code.expires <= ctx.now {
        return refuse(Reason::Expired);
    }
    for (node, addresses) in &code.nodes {
        let addresses = addresses.clone().into();
        directory::hint_node(ctx.txn, *node, code.institution, addresses, None)?;
    }
    let row = GivenRow {
        letter: u32::from(code.letter),
        secret: code.secret,
        nodes: code.nodes.iter().map(|(node, _)| *node).collect(),
        proven: false,
    };
    let id = code.id();
    forget(ctx.txn, code.institution, id)?;
    rows::put(ctx.txn, GIVEN, &given_key(code.institution, ctx.now, id), &row)?;
    directory::set_standing(ctx.txn, code.institution, &Standing::Host)?;
    Ok(id)
}

/// The first code of an institution that it has not heard the proof of, where it may be spoken of to this node: one
/// that the code names, or that the institution itself certified. What others say of nodes never counts. [COD-1]
pub(crate) fn unproven(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
    node: NodeId,
    now: Timestamp,
) -> Result<Option<CodeId>, StoreError> {
    for (key, row) in rows::all::<GivenRow>(txn, GIVEN, &institution.0)? {
        if row.proven {
            continue;
        }
        let named = row.nodes.contains(&node)
            || directory::institution_of(txn, node, now)? == Some(institution);
        return Ok(if named { Some(CodeId(rows::tail(GIVEN, &key)?)) } else { None });
    }
    Ok(None)
}

/// Whether an institution is to hear of a further code of its own.
pub(crate) fn any_unproven(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
) -> Result<bool, StoreError> {
    Ok(rows::all::<GivenRow>(txn, GIVEN, &institution.0)?.iter().any(|(_, row)| !row.proven))
}

/// Whether an institution has heard the proof of a code of its own, or there is none to hear.
pub(crate) fn is_proven(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
    code: CodeId,
) -> Result<bool, StoreError> {
    let all = rows::all::<GivenRow>(txn, GIVEN, &institution.0)?;
    Ok(all.iter().all(|(key, row)| row.proven || !key.ends_with(&code.0)))
}

/// The proof of a code that we were given, for one pair of sessions.
pub(crate) fn proof(
    txn: &(impl ReadTxn + ?Sized),
    code: CodeId,
    session: &Session,
) -> Result<Option<Unverified<CodeProof>>, StoreError> {
    let all = rows::all::<GivenRow>(txn, GIVEN, &session.answerer.0)?;
    let row = all.into_iter().find(|(key, _)| key.ends_with(&code.0)).map(|(_, row)| row);
    Ok(row.and_then(|row| {
        let letter = char::from_u32(row.letter)?;
        let key = key_of(letter, session.answerer, &row.secret);
        Some(Signed::sign(session.proof(key.public()), &key).to_unverified())
    }))
}

/// The institution has heard the proof of a code, or needs none.
pub(crate) fn heard(
    txn: &mut dyn Txn,
    institution: PartyId,
    code: CodeId,
) -> Result<(), StoreError> {
    for (key, mut row) in rows::all::<GivenRow>(txn, GIVEN, &institution.0)? {
        if key.ends_with(&code.0) {
            row.proven = true;
            rows::put(txn, GIVEN, &key, &row)?;
        }
    }
    Ok(())
}

/// What we came for with a code was done, or refused: it is of no more use.
pub(crate) fn forget(
    txn: &mut dyn Txn,
    institution: PartyId,
    code: CodeId,
) -> Result<(), StoreError> {
    for (key, _) in rows::all::<GivenRow>(txn, GIVEN, &institution.0)? {
        if key.ends_with(&code.0) {
            txn.delete(GIVEN, &key)?;
        }
    }
    Ok(())
}
