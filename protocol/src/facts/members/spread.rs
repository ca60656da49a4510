//! The federation for whoever lacks it: statements, and who their authors and subjects are.

use super::cached::{keep, ledger};
use super::statements::charter;
use crate::codec::{Bytes, Wire, wire_struct};
use crate::directory::{self, Introduction};
use crate::id::PartyId;
use crate::limits;
use crate::membership::{Act, Charter, MembershipStatement};
use crate::refusal::Handled;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError};
use crate::turn::Context;
use std::collections::BTreeSet;

wire_struct! {
    /// Statements, each after what it names, and who their authors and subjects are.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Spread {
        /// The charter.
        1 => charter: Unverified<Charter>,
        /// The statements.
        2 => statements: Vec<Unverified<MembershipStatement>>,
        /// Parties that the receiver may not know.
        3 => parties: Vec<Introduction>,
        /// Whether the sender has more.
        4 => more: bool,
    }
}

/// A message with `statements` and the parties that they speak of.
pub(crate) fn spread(
    ctx: &Context<'_>,
    statements: &[&Signed<MembershipStatement>],
    more: bool,
) -> Handled<Option<Spread>> {
    let Some(charter) = charter(ctx.txn)? else { return Ok(None) };
    let authors: BTreeSet<PartyId> = statements.iter().map(|statement| statement.author).collect();
    let admitted = statements.iter().filter_map(|statement| match &statement.act {
        Act::Admit(subject) => Some(*subject),
        _ => None,
    });
    let mut others: BTreeSet<PartyId> = admitted.collect();
    if statements.is_empty()
        || statements.iter().any(|statement| statement.seen.contains(&charter.id()))
    {
        others.extend(charter.first_members.iter().copied());
    }
    let others = others.difference(&authors).copied();
    let statements_bytes: usize = statements.iter().map(|statement| statement.bytes().len()).sum();
    let room = limits::REQUEST_BYTES_MAX
        .saturating_sub(charter.bytes().len() + statements_bytes + limits::SPREAD_FRAME_BYTES_MAX);
    Ok(Some(Spread {
        charter: charter.to_unverified(),
        statements: statements.iter().map(|statement| statement.to_unverified()).collect(),
        parties: introductions(ctx.txn, authors.iter().copied().chain(others), room)?,
        more,
    }))
}

/// What is known of each, as far as there is room, in bytes: authors of statements come first, since nobody can
/// check a statement without its author's keys.
fn introductions(
    txn: &(impl ReadTxn + ?Sized),
    parties: impl Iterator<Item = PartyId>,
    mut room: usize,
) -> Result<Vec<Introduction>, StoreError> {
    let mut introductions = Vec::new();
    for party in parties {
        let Some(introduction) = directory::introduction(txn, party)? else { continue };
        // One that is too long shuts out none of those after it.
        let bytes = introduction.to_bytes().len();
        if bytes <= room {
            room -= bytes;
            introductions.push(introduction);
        }
    }
    Ok(introductions)
}

/// The federation for somebody who is in none yet: a relay of a patient that enrols here.
pub(crate) fn snapshot(ctx: &Context<'_>) -> Handled<Option<Bytes>> {
    let Some(ledger) = ledger(ctx.own, ctx.txn)? else { return Ok(None) };
    let statements: Vec<_> = ledger.statements().take(limits::SPREAD_MAX).collect();
    let more = ledger.statements().len() > limits::SPREAD_MAX;
    let snapshot = spread(ctx, &statements, more)?.map(|spread| Bytes(spread.to_bytes()));
    keep(ctx.own, ledger, false);
    Ok(snapshot)
}
