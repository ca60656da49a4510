//! An institution that was put back from an older copy lost permissions that it had, and one that has the key no more
//! that a permission is sealed to refuses it: at the patient's relay they are remembered, and their keys sealed again once
//! the patient's keys are at hand. [MSG-10], [CAP-19]

use super::compare;
use super::sign::{card_or_greet, seal};
use super::standing::{permission, seeds};
use super::wire::{Message, Permission};
use crate::capability::{Grant, GrantError, GrantKeys, Operation, Token};
use crate::codec::{Bytes, wire_struct};
use crate::entries;
use crate::id::{ConsentId, KemId, PartyId};
use crate::identity::{Card, PatientKeys};
use crate::limits;
use crate::members;
use crate::patients;
use crate::permission::{GivenRow, GrantState, given};
use crate::refusal::{Failure, Handled, Refusal};
use crate::rows;
use crate::statement::Signed;
use crate::store::{StoreError, Table};
use crate::time::Timestamp;
use crate::turn::Context;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// Patient, institution -> nothing: it is to get its permissions again.
const AGAIN: Table = Table::rows("consent_again");

/// Patient, institution -> [`LackedRow`].
const LACKED: Table = Table::rows("consent_lacked");

wire_struct! {
    /// An institution refused a permission of the patient for the key that it was sealed to.
    #[derive(Debug, Clone, Copy)]
    pub struct LackedRow {
        /// The key.
        1 => key: KemId,
        /// When.
        2 => refused: Timestamp,
        /// When permissions were last sealed again for it.
        3 => again: Option<Timestamp>,
    }
}

/// An institution lost what it knew: whatever patients of this relay permit it, it is to get again.
pub(crate) fn is_to_be_given_again(
    ctx: &mut Context<'_>,
    institution: PartyId,
) -> Result<(), StoreError> {
    for patient in patients::all(ctx.txn)? {
        let given = given(ctx.txn, patient)?;
        if given.iter().any(|row| is_live(ctx, row, institution)) {
            rows::mark(ctx.txn, AGAIN, &rows::pair(&patient.0, &institution.0))?;
        }
    }
    Ok(())
}

/// A permission was refused: where for its key, the institution is to get it again.
pub(super) fn refused(
    ctx: &mut Context<'_>,
    institution: PartyId,
    permission: &Permission,
    refusal: &Refusal,
) -> Result<(), StoreError> {
    let patient = permission.log.party_unverified();
    if lacks(ctx, (patient, institution), permission, refusal)?
        && patients::serves(ctx.txn, patient)?
    {
        rows::mark(ctx.txn, AGAIN, &rows::pair(&patient.0, &institution.0))?;
    }
    Ok(())
}

/// Whether a permission was refused for its key, which is remembered.
pub(super) fn lacks(
    ctx: &mut Context<'_>,
    (patient, institution): (PartyId, PartyId),
    permission: &Permission,
    refusal: &Refusal,
) -> Result<bool, StoreError> {
    let Some(grant) = permission.grants.first() else { return Ok(false) };
    if !refusal.is(&GrantError::KeyNotHere) {
        return Ok(false);
    }
    tracing::warn!(institution = %institution.short(), "an institution does not have the key that a permission was sealed to");
    let at = rows::pair(&patient.0, &institution.0);
    let known = rows::get::<LackedRow>(ctx.txn, LACKED, &at)?;
    let again = known.and_then(|row| row.again);
    rows::put(ctx.txn, LACKED, &at, &LackedRow { key: grant.key, refused: ctx.now, again })?;
    Ok(true)
}

/// The card that a patient's permissions are sealed to again, if it is time: not twice in a day to one that refuses, and
/// not within a day to the very key that it refused; another of its nodes may be the one that has it.
pub(super) fn card_now(
    ctx: &mut Context<'_>,
    (patient, institution): (PartyId, PartyId),
) -> Handled<Option<Signed<Card>>> {
    let Some(card) = card_or_greet(ctx, institution)? else { return Ok(None) };
    let at = rows::pair(&patient.0, &institution.0);
    let Some(row) = rows::get::<LackedRow>(ctx.txn, LACKED, &at)? else { return Ok(Some(card)) };
    // Not by a clock that was ahead then and is put right.
    let lately = |then: Timestamp| then <= ctx.now && ctx.now.since(then) < limits::GIVEN_AGAIN_MS;
    if row.again.is_some_and(lately) || (card.kem.id() == row.key && lately(row.refused)) {
        return Ok(None);
    }
    rows::put(ctx.txn, LACKED, &at, &LackedRow { again: Some(ctx.now), ..row })?;
    Ok(Some(card))
}

/// Only what the patient gave the institution: what was passed on to it, its giver has.
fn is_live(ctx: &Context<'_>, row: &GivenRow, institution: PartyId) -> bool {
    let claims = row.chain.leaf().claims();
    row.state == GrantState::Live
        && row.chain.links().len() == 1
        && claims.grantee() == institution
        && claims.expires_at() > ctx.now
}

/// Whenever a patient's keys are at hand: gives again what is to be.
pub(crate) fn at_hand(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<()> {
    let patient = keys.patient;
    for (key, _) in rows::all::<Bytes>(ctx.txn, AGAIN, &patient.0)? {
        let institution = PartyId(rows::tail(AGAIN, &key)?);
        let Some(card) = card_now(ctx, (patient, institution))? else { continue };
        match give_again(ctx, keys, institution, &card) {
            // One to whom nothing can be sealed must not keep the patient from anything.
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(reason = refusal.name(), "permissions were not given again");
            }
            result => result?,
        }
        ctx.txn.delete(AGAIN, &key)?;
    }
    Ok(())
}

fn give_again(
    ctx: &mut Context<'_>,
    keys: &PatientKeys,
    institution: PartyId,
    card: &Card,
) -> Handled<()> {
    if members::is_expelled(ctx.txn, institution)? {
        return Ok(());
    }
    let mut by_request: BTreeMap<ConsentId, Vec<Grant>> = BTreeMap::new();
    for row in given(ctx.txn, keys.patient)? {
        if is_live(ctx, &row, institution) {
            let grant = sealed_again(ctx, keys, &row, card)?;
            by_request.entry(row.request).or_default().push(grant);
        }
    }
    for (request, grants) in by_request {
        let holders: BTreeSet<PartyId> = grants.iter().flat_map(audience).collect();
        let scopes = compare::readable(&grants);
        let permission = permission(ctx, request, keys.patient, grants, &holders)?;
        ctx.send_urgently(institution, &Message::Permission(permission))?;
        compare::list(ctx, institution, keys.patient, &scopes)?;
    }
    Ok(())
}

fn audience(grant: &Grant) -> Vec<PartyId> {
    let named = grant.chain.leaf().claims().audience.as_ref();
    named.map_or_else(Vec::new, |named| named.as_slice().to_vec())
}

/// The same permission, as the patient signed it, with the keys for what it covers as far as they open here.
fn sealed_again(
    ctx: &mut Context<'_>,
    keys: &PatientKeys,
    row: &GivenRow,
    card: &Card,
) -> Handled<Grant> {
    let claims = row.chain.leaf().claims();
    let with = match claims.operations.contains(Operation::Read) {
        true => keys_for(ctx, keys, claims)?,
        false => GrantKeys::default(),
    };
    seal(ctx, row.chain.clone(), &with, card)
}

fn keys_for(ctx: &Context<'_>, keys: &PatientKeys, claims: &Token) -> Handled<GrantKeys> {
    let mut with = seeds(ctx, keys, claims.scope.compartments())?;
    for id in claims.scope.entries() {
        let Some(row) = entries::entry(ctx.txn, keys.patient, *id)? else { continue };
        if let Some((_, key)) = entries::opened_as_patient(ctx.txn, keys, &row)? {
            with.entries.push((*id, Zeroizing::new(*key.expose())));
        }
    }
    with.entries.sort_by_key(|(entry, _)| *entry);
    Ok(with)
}
