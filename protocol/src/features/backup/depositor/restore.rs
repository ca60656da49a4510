//! A hospital gets back what a depositary keeps for it.

use super::super::Reason;
use super::super::view::DepositView;
use super::super::wire::{Fetch, FetchAnswer, Message};
use crate::codec::{Bytes, Wire};
use crate::entries::{self, Bundle, Manifest};
use crate::holdings::{self, PullFor, Transfer, TransferFor};
use crate::id::{PartyId, TicketId};
use crate::identity::Role;
use crate::limits;
use crate::object::DataKey;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::turn::Context;
use crate::wrap;

pub(in super::super) fn restore(
    ctx: &mut Context<'_>,
    holder: PartyId,
    subject: Option<PartyId>,
) -> Handled<DepositView> {
    ctx.own.require(Role::Hospital)?;
    let id: [u8; 16] = ctx.random();
    let fetch = Fetch { restore: id, subject, after: None };
    ctx.send(holder, &Message::Fetch(fetch))?;
    let deposits = vec![data_encoding::HEXLOWER.encode(&id)];
    Ok(DepositView { deposits, entries: 0, holder })
}

/// A page of our own entries came back.
pub(in crate::features::backup) fn restored(
    ctx: &mut Context<'_>,
    holder: PartyId,
    fetch: &Fetch,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let bytes = match result {
        Ok(bytes) => bytes,
        Err(refusal) => {
            tracing::warn!(holder = %holder.short(), code = ?refusal.code, "a restore was refused");
            return Ok(());
        }
    };
    let Ok(answer) = FetchAnswer::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::AnswerMalformed);
    };
    for bundle in answer.bundles {
        match take(ctx, holder, fetch.restore, answer.ticket, bundle) {
            // One that is not as it should be keeps none of the others away.
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(holder = %holder.short(), code = ?refusal.code, "an entry was not restored");
            }
            result => result?,
        }
    }
    // Positions only go up, so that no depositary keeps us asking.
    let at = |position: super::super::wire::Position| (position.subject, position.entry);
    let next = answer.next.filter(|next| fetch.after.is_none_or(|after| at(*next) > at(after)));
    if let Some(after) = next {
        let next = Fetch { restore: fetch.restore, subject: fetch.subject, after: Some(after) };
        ctx.send(holder, &Message::Fetch(next))?;
    }
    Ok(())
}

/// Takes one of our own entries back, and pulls what of it is not here.
fn take(
    ctx: &mut Context<'_>,
    holder: PartyId,
    restore: [u8; 16],
    ticket: TicketId,
    bundle: Bundle,
) -> Handled<()> {
    let checked = bundle.check(ctx.own.keys())?;
    let (subject, entry) = (checked.label.subject, checked.label.entry);
    let Some(own_wrap) = checked.author_wrap.clone() else { return Ok(()) };
    let key = wrap::unwrap(&own_wrap, checked.label.manifest, subject, ctx.own.kem())
        .map(|key| DataKey::from_bytes(*key))?;
    let manifest = Manifest::open(&checked.label, &checked.contents, &checked.manifest, &key)?;
    entries::keep(ctx, &checked, None, false, Some((&manifest, own_wrap)))?;
    entries::chart_for(ctx, subject)?;
    let missing = holdings::pull_missing(
        ctx,
        &checked.contents,
        holder,
        ticket,
        &TransferFor::Restore(PullFor { id: restore, owner: subject, subject, entry }),
    )?;
    if missing == 0 {
        entries::complete(ctx, subject, entry)?;
    }
    Ok(())
}

/// A content object of a restore has come.
pub(crate) fn restored_object(
    ctx: &mut Context<'_>,
    transfer: &Transfer,
    pull: &PullFor,
    result: Result<(), Refusal>,
) -> Handled<()> {
    if let Err(refusal) = result {
        let holder = transfer.from.short();
        tracing::warn!(%holder, code = ?refusal.code, "an object was not restored");
        return Ok(());
    }
    holdings::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
    entries::complete(ctx, pull.subject, pull.entry)?;
    Ok(())
}
