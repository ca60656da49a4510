//! Standing permissions: over whole compartments, what is added later included, until they end.
//!
//! ```text
//!  approve ──> token {compartments of the kinds} + their seeds ──> reader
//!         └──> ring: those compartments can be sealed to until the permission ends
//!  the end (revoked, or expired) ──> ring of a new epoch of just those kinds, as soon as the keys are
//!         at hand; until then nothing can be sealed to them, and what is recorded gets its wrap later
//!  others whose permission goes on ──> a further token, with the new compartment and its seed
//! ```

use super::compare;
use super::reasons::Reason;
use super::sign::{Frame, seal, sign};
use super::tables::{put_request, request};
use super::wire::{Message, Permission};
use crate::access_log::{self, Action};
use crate::capability::{Chain, Grant, GrantKeys, Operation, Scope, Token};
use crate::contacts::add_contact;
use crate::directory;
use crate::id::{CompartmentId, ConsentId, PartyId};
use crate::identity::{Card, Compartment, PatientKeys};
use crate::kind::Kind;
use crate::limits;
use crate::members;
use crate::patients;
use crate::permission::{self, GivenRow, GrantState, given, put_given};
use crate::refusal::{Failure, Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::turn::Context;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// The kinds of record whose compartments a token names, as far as they are known here: at a relay all,
/// at an institution those of the newest ring that it was told of.
pub(super) fn kinds_of(
    txn: &(impl ReadTxn + ?Sized),
    token: &Token,
) -> Result<BTreeSet<Kind>, StoreError> {
    let mut kinds = BTreeSet::new();
    for id in token.scope.compartments() {
        let known = patients::compartment(txn, token.subject, *id)?.map(|row| row.kind);
        kinds.extend(match known {
            Some(kind) => Some(kind),
            None => directory::kind_of(txn, token.subject, *id)?,
        });
    }
    Ok(kinds)
}

/// Permissions over all compartments of some kinds, past epochs and generations included: as many as it
/// takes, since one token names a bounded number of them.
pub(super) fn open_kinds(
    ctx: &mut Context<'_>,
    frame: &Frame<'_>,
    kinds: &BTreeSet<Kind>,
    audience: Option<&BTreeSet<PartyId>>,
    card: &Card,
) -> Handled<Vec<Grant>> {
    let all = compartments_of(ctx.txn, frame.keys.patient, kinds)?;
    let mut grants = Vec::new();
    for page in all.chunks(limits::TOKEN_COMPARTMENTS_MAX / frame.links()) {
        let scope = Scope::of_compartments(page.iter().copied());
        let chain = sign(ctx, frame, Operation::Read, scope, audience)?;
        let keys = seeds(ctx, frame.keys, page)?;
        grants.push(seal(ctx, chain, &keys, card)?);
    }
    Ok(grants)
}

/// All compartments of some kinds that a patient ever had.
pub(super) fn compartments_of(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    kinds: &BTreeSet<Kind>,
) -> Result<Vec<CompartmentId>, StoreError> {
    let all = patients::compartments(txn, patient)?.into_iter();
    Ok(all.filter(|(_, row)| kinds.contains(&row.kind)).map(|(id, _)| id).collect())
}

pub(super) fn seeds(
    ctx: &Context<'_>,
    keys: &PatientKeys,
    compartments: &[CompartmentId],
) -> Handled<GrantKeys> {
    let mut seeds = GrantKeys::default();
    for id in compartments {
        let Some(secret) = patients::compartment_secret(ctx.txn, keys, *id)? else {
            return refuse(Reason::CompartmentTooOld);
        };
        seeds.compartments.push((*id, Zeroizing::new(*secret.seed())));
    }
    seeds.compartments.sort_by_key(|(id, _)| *id);
    Ok(seeds)
}

/// A ring has new compartments: permissions over whole kinds that go on reach them, too, by a further
/// token of the same request, for the same institution, with the same end. Nothing is widened: the patient
/// permitted the kind, and the kind has a new compartment.
pub(crate) fn renew_for(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    let Some(keys) = ctx.keys.filter(|keys| keys.patient == patient) else { return Ok(()) };
    for (id, template, missing) in lacking(ctx, keys.patient)? {
        match renew_one(ctx, keys, id, &template, &missing) {
            Ok(()) => {}
            // A grantee whose card nothing can be sealed to must not keep the patient from publishing.
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(
                    reason = refusal.name(),
                    "a permission did not get the new compartment"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn renew_one(
    ctx: &mut Context<'_>,
    keys: &PatientKeys,
    id: ConsentId,
    template: &Token,
    missing: &BTreeSet<CompartmentId>,
) -> Handled<()> {
    let grantee = template.grantee();
    let Some(operation) = template.operations.iter().next() else { return Ok(()) };
    let card = directory::card_to_seal_to(ctx.txn, grantee, ctx.now)?;
    if members::is_expelled(ctx.txn, grantee)? {
        return Ok(());
    }
    let frame = Frame {
        keys,
        grantee,
        purpose: template.purpose,
        valid_ms: template.expires_at().since(ctx.now),
        max_staleness: template.max_staleness,
        delegation: template.delegation.clone(),
    };
    let audience = template.audience.as_ref().map(|set| set.as_slice().iter().copied().collect());
    let missing: Vec<_> = missing.iter().copied().collect();
    let scope = Scope::of_compartments(missing.iter().copied());
    let chain = sign(ctx, &frame, operation, scope, audience.as_ref())?;
    let with = match operation {
        Operation::Read => seeds(ctx, keys, &missing)?,
        _ => GrantKeys::default(),
    };
    let grant = seal(ctx, chain, &with, &card)?;
    give(ctx, id, keys.patient, grant)
}

/// Live permissions over kinds, with the current compartments of these kinds that they do not name yet.
fn lacking(
    ctx: &Context<'_>,
    patient: PartyId,
) -> Handled<Vec<(ConsentId, Token, BTreeSet<CompartmentId>)>> {
    let current = directory::compartments(ctx.txn, patient)?;
    // By request and operation: they were permitted together, and together they name the kinds.
    let mut groups: BTreeMap<(ConsentId, u16), (Token, BTreeSet<CompartmentId>)> = BTreeMap::new();
    for row in given(ctx.txn, patient)? {
        let claims = row.chain.leaf().claims();
        let direct = row.chain.links().len() == 1 && row.state == GrantState::Live;
        let Some(operation) = claims.operations.iter().next() else { continue };
        if !direct || claims.expires_at() <= ctx.now || claims.scope.compartments().is_empty() {
            continue;
        }
        let (_, named) = groups
            .entry((row.request, operation.code()))
            .or_insert_with(|| (claims.clone(), BTreeSet::new()));
        named.extend(claims.scope.compartments().iter().copied());
    }
    let mut lacking = Vec::new();
    for ((id, _), (template, named)) in groups {
        let mut kinds = BTreeSet::new();
        for compartment in &named {
            kinds
                .extend(patients::compartment(ctx.txn, patient, *compartment)?.map(|row| row.kind));
        }
        let current = current.iter().filter(|c| kinds.contains(&c.kind));
        let missing: BTreeSet<_> =
            current.map(Compartment::id).filter(|id| !named.contains(id)).collect();
        if !missing.is_empty() {
            lacking.push((id, template, missing));
        }
    }
    Ok(lacking)
}

fn give(ctx: &mut Context<'_>, id: ConsentId, patient: PartyId, grant: Grant) -> Handled<()> {
    let claims = grant.chain.leaf().claims().clone();
    let given = GivenRow { chain: grant.chain.clone(), request: id, state: GrantState::Live };
    put_given(ctx.txn, patient, &given)?;
    let mut row = request(ctx.txn, id)?;
    row.tokens.push(claims.id);
    put_request(ctx.txn, id, &row)?;
    add_contact(ctx.txn, patient, claims.grantee())?;
    let mut line = access_log::Draft::new(patient, Action::Granted, claims.grantee());
    line.purpose = Some(claims.purpose);
    line.token = Some(claims.id);
    access_log::append(ctx, line)?;
    let scopes = compare::readable(core::slice::from_ref(&grant));
    let permission = permission(ctx, id, patient, vec![grant], &BTreeSet::new())?;
    let message = Message::Permission(permission);
    // One that takes nothing must not keep the patient from ending another's permission.
    ctx.send_urgently(claims.grantee(), &message)?;
    compare::list(ctx, claims.grantee(), patient, &scopes)
}

/// What an institution gets with permissions: all that proves itself, and who holds the entries.
pub(super) fn permission(
    ctx: &Context<'_>,
    id: ConsentId,
    patient: PartyId,
    grants: Vec<Grant>,
    holders: &BTreeSet<PartyId>,
) -> Handled<Permission> {
    let (Some(known), Some(ring)) =
        (directory::keys(ctx.txn, patient)?, directory::ring(ctx.txn, patient)?)
    else {
        return refuse(patients::Reason::KeysMissing);
    };
    let to = grants.first().map(|grant| grant.chain.leaf().claims().grantee());
    let mut compartments = directory::compartments(ctx.txn, patient)?;
    compartments.retain(|compartment| {
        let id = compartment.id();
        grants.iter().any(|grant| grant.chain.leaf().claims().scope.compartments().contains(&id))
    });
    let mut introductions = Vec::new();
    for holder in holders {
        introductions.extend(directory::introduction(ctx.txn, *holder)?);
    }
    Ok(Permission {
        request: id,
        log: known.log().clone(),
        ring: ring.to_unverified(),
        news: permission::news(ctx, patient, to.unwrap_or(patient))?,
        grants,
        holders: introductions,
        compartments,
    })
}

/// Whether a permission opens what is added later, too.
pub(super) fn is_standing(chain: &Chain) -> bool {
    let claims = chain.leaf().claims();
    claims.operations.contains(Operation::Read) && !claims.scope.compartments().is_empty()
}
