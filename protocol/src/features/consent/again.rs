//! An institution that was put back from an older copy lost permissions that it had: at the patient's relay they are
//! remembered, and their keys sealed again once the patient's keys are at hand. [MSG-10]

use super::compare;
use super::sign::seal;
use super::standing::{permission, seeds};
use super::wire::Message;
use crate::capability::{Grant, GrantKeys, Operation, Token};
use crate::codec::Bytes;
use crate::directory;
use crate::entries;
use crate::id::{ConsentId, PartyId};
use crate::identity::{Card, PatientKeys};
use crate::members;
use crate::patients;
use crate::permission::{GivenRow, GrantState, given};
use crate::refusal::{Failure, Handled};
use crate::rows;
use crate::store::{StoreError, Table};
use crate::turn::Context;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// Patient, institution -> nothing: it is to get its permissions again.
const AGAIN: Table = Table("consent_again");

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
        match give_again(ctx, keys, institution) {
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

fn give_again(ctx: &mut Context<'_>, keys: &PatientKeys, institution: PartyId) -> Handled<()> {
    if members::is_expelled(ctx.txn, institution)? {
        return Ok(());
    }
    let card = directory::card_to_seal_to(ctx.txn, institution)?;
    let mut by_request: BTreeMap<ConsentId, Vec<Grant>> = BTreeMap::new();
    for row in given(ctx.txn, keys.patient)? {
        if is_live(ctx, &row, institution) {
            let grant = sealed_again(ctx, keys, &row, &card)?;
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
