//! What came with a read, compared with the patient's catalogue: a holder that keeps something back,
//! or shows another label than the one that counts, is noticed.
//!
//! Nobody is accused: the catalogue tells which entries there are, not who has them.

use crate::capability::{Grant, Operation, Scope};
use crate::catalogue;
use crate::codec::wire_struct;
use crate::entries::{self, Label};
use crate::id::{ConsentId, EntryId, PartyId};
use crate::limits;
use crate::members;
use crate::permission::received_for;
use crate::refusal::Handled;
use crate::rows;
use crate::statement::Signed;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{Context, Notice};
use serde::{Deserialize, Serialize};

/// Request -> [`ComparedRow`].
const COMPARED: Table = Table::rows("consent_compared");

wire_struct! {
    /// How what came for a request compares with the catalogue.
    #[derive(Debug, Clone, Default)]
    pub struct ComparedRow {
        /// Holders that answered.
        1 => asked: Vec<PartyId>,
        /// Entries that are listed, permitted, and did not come from any of them, as many as are named.
        2 => missing: Vec<EntryId>,
        /// How many in all.
        3 => count: u64,
        /// When the catalogue was issued.
        4 => issued: Option<Timestamp>,
        /// Entries that came with another label, and were not taken.
        5 => other: Vec<OtherRow>,
    }
}

wire_struct! {
    /// An entry that came with another label than the listed one.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OtherRow {
        /// The entry.
        1 => entry: EntryId,
        /// Who sent it.
        2 => holder: PartyId,
    }
}

/// What permissions to read cover.
pub(super) fn readable(grants: &[Grant]) -> Vec<Scope> {
    let claims = grants.iter().map(|grant| grant.chain.leaf().claims());
    let reading = claims.filter(|claims| claims.operations.contains(Operation::Read));
    reading.map(|claims| claims.scope.clone()).collect()
}

/// At the relay: tells an institution which entries there are behind the permissions that it was given.
pub(super) fn list(
    ctx: &mut Context<'_>,
    to: PartyId,
    patient: PartyId,
    scopes: &[Scope],
) -> Handled<()> {
    scopes.iter().try_for_each(|scope| {
        ctx.notify_now(Notice::MayRead { patient, reader: to, scope: scope.clone() })
    })
}

/// A holder answers.
pub(super) fn answering(ctx: &mut Context<'_>, id: ConsentId, holder: PartyId) -> Handled<()> {
    let mut row = row(ctx.txn, id)?;
    if !row.asked.contains(&holder) && row.asked.len() < limits::TOKEN_PARTIES_MAX {
        row.asked.push(holder);
        rows::put(ctx.txn, COMPARED, &id.0, &row)?;
    }
    Ok(())
}

/// Whether a label may be taken: it is the listed one, or the catalogue does not list its entry. One
/// that may not is remembered, and keeps nothing else from coming.
pub(super) fn admit(
    ctx: &mut Context<'_>,
    id: ConsentId,
    holder: PartyId,
    label: &Signed<Label>,
) -> Handled<bool> {
    match catalogue::listed(ctx.txn, label.subject, label.entry())? {
        Some(listed) if listed != label.id() => {}
        _ => return Ok(true),
    }
    let mut row = row(ctx.txn, id)?;
    let other = OtherRow { entry: label.entry(), holder };
    if !row.other.contains(&other) && row.other.len() < limits::CATALOGUE_SHOWN_MAX {
        row.other.push(other);
        rows::put(ctx.txn, COMPARED, &id.0, &row)?;
    }
    Ok(false)
}

/// Everything asked for has come: what is missing?
pub(super) fn finish(ctx: &mut Context<'_>, id: ConsentId) -> Handled<()> {
    let mut row = row(ctx.txn, id)?;
    (row.missing, row.count, row.issued) = (Vec::new(), 0, None);
    for grant in received_for(ctx.txn, id)? {
        let claims = grant.grant.chain.leaf().claims();
        if !claims.operations.contains(Operation::Read) {
            continue;
        }
        let gaps = entries::gaps(ctx.txn, claims.subject, &claims.scope)?;
        row.count += gaps.missing.len() as u64 + gaps.unnamed;
        row.issued = row.issued.max(gaps.issued);
        let room = limits::CATALOGUE_SHOWN_MAX - row.missing.len();
        row.missing.extend(gaps.missing.into_iter().take(room));
        // What came after all, from somebody else, is here under the label that counts.
        for other in core::mem::take(&mut row.other) {
            if entries::entry(ctx.txn, claims.subject, other.entry)?.is_none() {
                row.other.push(other);
            }
        }
    }
    Ok(rows::put(ctx.txn, COMPARED, &id.0, &row)?)
}

fn row(txn: &(impl ReadTxn + ?Sized), id: ConsentId) -> Result<ComparedRow, StoreError> {
    Ok(rows::get(txn, COMPARED, &id.0)?.unwrap_or_default())
}

/// What the patient's catalogue lists for a request, and did not come as it lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeldBackView {
    /// When the catalogue was issued.
    pub issued: Option<Timestamp>,
    /// Names of the holders that were asked. One that did not send an entry may never have had it.
    pub asked: Vec<String>,
    /// How many entries did not come.
    pub missing: u64,
    /// Which, as far as they are known by name; at most 64.
    pub missing_entries: Vec<EntryId>,
    /// Entries that came with another label than the listed one, and were not taken.
    pub other_label: Vec<OtherLabelView>,
}

/// An entry that came with another label than the one that the patient's catalogue lists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OtherLabelView {
    /// The entry.
    pub entry: EntryId,
    /// Name of the holder that sent it.
    pub holder: String,
}

/// What was held back from a request, if anything was.
pub(super) fn held_back(
    txn: &(impl ReadTxn + ?Sized),
    id: ConsentId,
) -> Result<Option<HeldBackView>, StoreError> {
    let row = row(txn, id)?;
    if row.count == 0 && row.other.is_empty() {
        return Ok(None);
    }
    let name = |party| members::name(txn, party);
    let other = row.other.iter().map(|other| {
        Ok::<_, StoreError>(OtherLabelView { entry: other.entry, holder: name(other.holder)? })
    });
    Ok(Some(HeldBackView {
        issued: row.issued,
        asked: row.asked.iter().map(|party| name(*party)).collect::<Result<_, _>>()?,
        missing: row.count,
        missing_entries: row.missing,
        other_label: other.collect::<Result<_, _>>()?,
    }))
}
