//! An expelled party is told: the answer to its `hello` carries the votes that put it out.
//!
//! The gate is closed to it, so nothing else reaches it any more. It judges the votes like any other
//! statements; until then it would list itself as a member, and give out invites that let nobody in.

use super::sync::certify;
use super::wire::ExpulsionProof;
use crate::codec::Wire;
use crate::directory;
use crate::id::{PartyId, StatementId};
use crate::limits;
use crate::members::{conclude, insert, is_expelled, rebuilt};
use crate::membership::Act;
use crate::refusal::Handled;
use crate::turn::Context;
use std::collections::BTreeSet;

/// What a party that was expelled lacks in order to see it. `theirs` is its locator.
pub(crate) fn proof(
    ctx: &Context<'_>,
    party: PartyId,
    theirs: &[StatementId],
) -> Handled<Option<ExpulsionProof>> {
    let Some(ledger) = rebuilt(ctx.txn)? else { return Ok(None) };
    let lacking = ledger.expulsion_proof(party, theirs);
    // Whose admission it lacks, it does not know.
    let unknown: BTreeSet<PartyId> = lacking
        .iter()
        .filter_map(|statement| match &statement.act {
            Act::Admit(subject) => Some(*subject),
            _ => None,
        })
        .collect();
    let mut proof = ExpulsionProof { statements: Vec::new(), parties: Vec::new(), more: false };
    let (mut bytes, mut introduced) = (0, BTreeSet::new());
    for statement in lacking {
        let author = statement.author;
        let mut introduction = None;
        if unknown.contains(&author) && !introduced.contains(&author) {
            introduction = directory::introduction(ctx.txn, author)?;
        }
        bytes += statement.bytes().len() + introduction.as_ref().map_or(0, |i| i.to_bytes().len());
        // One always fits, or nothing would ever come of it.
        if bytes > limits::EXPULSION_PROOF_BYTES_MAX && !proof.statements.is_empty() {
            proof.more = true;
            break;
        }
        introduced.insert(author);
        proof.parties.extend(introduction);
        proof.statements.push(statement.to_unverified());
    }
    Ok(Some(proof))
}

/// Takes in such a proof; gives whether another `hello` would bring more.
pub(crate) fn told(ctx: &mut Context<'_>, proof: ExpulsionProof) -> Handled<bool> {
    let authors: BTreeSet<PartyId> =
        proof.statements.iter().map(|statement| statement.claims().author).collect();
    for party in proof.parties {
        if authors.contains(&party.keys.party_unverified()) {
            directory::hear_of(ctx, party)?;
        }
    }
    let Some(mut ledger) = rebuilt(ctx.txn)? else { return Ok(false) };
    let mut new = false;
    for statement in proof.statements {
        if let Some(statement) = certify(ctx, statement)? {
            new |= insert(ctx, &mut ledger, statement)?;
        }
    }
    if new {
        conclude(ctx, &ledger)?;
    }
    Ok(new && proof.more && !is_expelled(ctx.txn, ctx.own.party())?)
}
