//! Taking back.

use super::reasons::Reason;
use crate::access_log::{self, Action};
use crate::capability::Revoked;
use crate::id::{PartyId, TokenId};
use crate::identity::PatientKeys;
use crate::permission::{GivenRow, GrantState, given, given_token, put_given, sign_revocations};
use crate::refusal::{Handled, refuse};
use crate::turn::{Context, Notice};
use std::collections::BTreeMap;

/// The patient takes permissions back: a signed state goes to everybody concerned.
pub(super) fn revoke(ctx: &mut Context<'_>, keys: &PatientKeys, tokens: &[TokenId]) -> Handled<()> {
    let patient = keys.patient;
    let mut further = Vec::new();
    for mut row in concerned(ctx, patient, tokens)? {
        row.state = GrantState::Revoked;
        put_given(ctx.txn, patient, &row)?;
        let claims = row.chain.leaf().claims();
        further.push(Revoked { token: claims.id, expires: claims.expires });
        access_log::append(
            ctx,
            access_log::Draft {
                token: Some(claims.id),
                ..access_log::Draft::new(patient, Action::Revoked, patient)
            },
        )?;
    }
    sign_revocations(ctx, keys, &further)?;
    ctx.notify_now(Notice::Publish { patient })
}

/// The permissions that end. One over whole kinds is one permission to the patient, however many tokens it
/// came to be in: with one of them all end, or the others would go on and bring a further one.
fn concerned(ctx: &Context<'_>, patient: PartyId, tokens: &[TokenId]) -> Handled<Vec<GivenRow>> {
    let mut concerned = BTreeMap::new();
    for token in tokens {
        let row = given_token(ctx.txn, patient, *token)?;
        if row.state == GrantState::Revoked {
            return refuse(Reason::RevokedAlready { token: *token });
        }
        concerned.insert(*token, row);
    }
    for row in given(ctx.txn, patient)? {
        let token = row.chain.leaf().claims().id;
        if row.state == GrantState::Live && concerned.values().any(|other| goes_with(&row, other)) {
            concerned.insert(token, row);
        }
    }
    Ok(concerned.into_values().collect())
}

/// Whether two tokens are of one permission over whole kinds, given by the patient.
fn goes_with(row: &GivenRow, other: &GivenRow) -> bool {
    let of_kinds = |row: &GivenRow| {
        let direct = row.chain.links().len() == 1;
        direct && !row.chain.leaf().claims().scope.compartments().is_empty()
    };
    let operations = |row: &GivenRow| row.chain.leaf().claims().operations;
    row.request == other.request
        && of_kinds(row)
        && of_kinds(other)
        && operations(row) == operations(other)
}
