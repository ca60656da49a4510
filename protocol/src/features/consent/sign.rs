//! A permission is made: signed by the patient, its keys sealed to whom it is for.

use super::reasons::Reason;
use crate::capability::{
    Chain, Confirmation, Delegation, Grant, GrantKeys, Operation, Operations, Parties, Purpose,
    Scope, Token,
};
use crate::id::{PartyId, TokenId};
use crate::identity::{Card, PatientKeys};
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::time::DAY_MS;
use crate::turn::Context;
use std::collections::BTreeSet;

/// A permission's frame: everything but operations, scope and audience.
pub(super) struct Frame<'a> {
    pub(super) keys: &'a PatientKeys,
    pub(super) grantee: PartyId,
    pub(super) purpose: Purpose,
    pub(super) valid_ms: u64,
    pub(super) max_staleness: Option<u64>,
    pub(super) delegation: Option<Delegation>,
}

impl Frame<'_> {
    /// Links that the permission may grow to: all of them must fit together.
    pub(super) fn links(&self) -> usize {
        1 + self.delegation.as_ref().map_or(0, |delegation| usize::from(delegation.depth))
    }
}

/// Signs one permission; without an audience it is for any holder.
pub(super) fn sign(
    ctx: &mut Context<'_>,
    frame: &Frame<'_>,
    operation: Operation,
    scope: Option<Scope>,
    audience: Option<&BTreeSet<PartyId>>,
) -> Handled<Chain> {
    let too_many = || refuse(Reason::TooMuchForOne);
    let Some(scope) = scope else { return too_many() };
    let audience = match audience.map(|parties| Parties::new(parties.iter().copied())) {
        Some(None) => return too_many(),
        Some(named) => named,
        None => None,
    };
    let issued = ctx.now.seconds();
    let token = Token {
        issuer: frame.keys.patient,
        subject: frame.keys.patient,
        audience,
        expires: issued + frame.valid_ms.min(limits::TOKEN_DAYS_MAX * DAY_MS).div_ceil(1000).max(1),
        not_before: issued,
        issued,
        id: TokenId(ctx.random()),
        confirmation: Confirmation { grantee: frame.grantee },
        key: frame.keys.number,
        parent: None,
        operations: Operations::of(&[operation]),
        scope,
        quota: None,
        purpose: frame.purpose,
        delegation: frame.delegation.clone(),
        max_staleness: frame.max_staleness,
    };
    Ok(Chain::root(&Signed::sign(token, &frame.keys.signing)))
}

/// Seals the keys that go with a permission to whom it is for.
pub(super) fn seal(
    ctx: &mut Context<'_>,
    chain: Chain,
    keys: &GrantKeys,
    card: &Card,
) -> Handled<Grant> {
    Ok(Grant::seal(chain, keys, &card.kem, ctx.rng)?)
}
