//! A permission is made: signed by the patient, its keys sealed to whom it is for.

use super::reasons::Reason;
use crate::capability::{
    Chain, Confirmation, Delegation, Grant, GrantKeys, Operation, Operations, Parties, Purpose,
    Scope, Token,
};
use crate::directory;
use crate::id::{PartyId, TokenId};
use crate::identity::{Card, PatientKeys};
use crate::limits;
use crate::refusal::{Failure, Handled, refuse};
use crate::statement::Signed;
use crate::time::DAY_MS;
use crate::turn::{Context, Effect};
use std::collections::BTreeSet;

/// How much a patient lets an institution add or keep at each holder; no limit where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quota {
    pub(super) bytes: Option<u64>,
    pub(super) entries: Option<u64>,
}

/// A permission's frame: everything but operations, scope and audience.
pub(super) struct Frame<'a> {
    pub(super) keys: &'a PatientKeys,
    pub(super) grantee: PartyId,
    pub(super) purpose: Purpose,
    pub(super) valid_ms: u64,
    pub(super) max_staleness: Option<u64>,
    pub(super) delegation: Option<Delegation>,
    /// How much may be added or kept under it.
    pub(super) quota: Quota,
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
    let quota = match operation {
        Operation::Write | Operation::Keep => frame.quota,
        _ => Quota::default(),
    };
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
        quota: quota.bytes,
        quota_entries: quota.entries,
        purpose: frame.purpose,
        delegation: frame.delegation.clone(),
        max_staleness: frame.max_staleness,
    };
    Ok(Chain::root(&Signed::sign(token, &frame.keys.signing)))
}

/// The card that something can be sealed to; whoever has shown none lately is greeted, and if it is on it shows one.
pub(super) fn card_or_greet(
    ctx: &mut Context<'_>,
    institution: PartyId,
) -> Handled<Option<Signed<Card>>> {
    match directory::card_to_seal_to(ctx.txn, institution, ctx.now) {
        Ok(card) => Ok(Some(card)),
        Err(Failure::Refused(_)) => {
            ctx.effects.push(Effect::Greet { to: institution });
            Ok(None)
        }
        Err(error) => Err(error),
    }
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
