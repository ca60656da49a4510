//! A hospital gets back what a depositary keeps for it.

use super::super::Reason;
use super::super::restores::{self, RestoreRow};
use super::super::view::RestoreView;
use super::super::wire::{Fetch, FetchAnswer, Message};
use crate::codec::{Bytes, Wire};
use crate::entries::{self, Bundle, Manifest, Sessions};
use crate::holdings::{self, PullFor, Transfer, TransferFor};
use crate::id::{PartyId, TicketId};
use crate::identity::Role;
use crate::limits;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::turn::Context;

pub(in super::super) fn restore(
    ctx: &mut Context<'_>,
    holder: PartyId,
    subject: Option<PartyId>,
) -> Handled<RestoreView> {
    ctx.own.require(Role::Hospital)?;
    let id: [u8; 16] = ctx.random();
    let fetch = Fetch { restore: id, subject, after: None };
    ctx.send(holder, &Message::Fetch(fetch))?;
    restores::begin(ctx.txn, id, holder)?;
    restores::view(ctx.txn, id)
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
            return page_ended(ctx, fetch.restore, |row| row.spoil(refusal));
        }
    };
    let Ok(answer) = FetchAnswer::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        let refusal = Refusal::from(Reason::AnswerMalformed);
        return page_ended(ctx, fetch.restore, |row| row.spoil(refusal));
    };
    // Positions only go up, from one of the page's entries on, so that no depositary keeps us asking.
    let at = |position: super::super::wire::Position| (position.subject, position.entry);
    let labels = answer.bundles.iter().map(|bundle| bundle.label.claims());
    let last = labels.map(|label| (label.subject, label.entry())).max();
    let next = answer.next.filter(|next| {
        Some(at(*next)) == last && fetch.after.is_none_or(|after| at(*next) > at(after))
    });
    let sessions = Sessions::of(answer.sessions);
    for bundle in answer.bundles {
        match take(ctx, holder, fetch.restore, answer.ticket, (bundle, &sessions)) {
            // One that is not as it should be keeps none of the others away.
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(holder = %holder.short(), code = ?refusal.code, "an entry was not restored");
                restores::note(ctx.txn, fetch.restore, |row| row.spoil(refusal))?;
            }
            result => result?,
        }
    }
    if let Some(after) = next {
        let next = Fetch { restore: fetch.restore, subject: fetch.subject, after: Some(after) };
        ctx.send(holder, &Message::Fetch(next))?;
        restores::note(ctx.txn, fetch.restore, |row| row.pages += 1)?;
    }
    page_ended(ctx, fetch.restore, |_| ())
}

fn page_ended(
    ctx: &mut Context<'_>,
    restore: [u8; 16],
    change: impl FnOnce(&mut RestoreRow),
) -> Handled<()> {
    Ok(restores::note(ctx.txn, restore, |row| {
        row.pages = row.pages.saturating_sub(1);
        change(row);
    })?)
}

/// Takes one of our own entries back, and pulls what of it is not here.
fn take(
    ctx: &mut Context<'_>,
    holder: PartyId,
    restore: [u8; 16],
    ticket: TicketId,
    (bundle, sessions): (Bundle, &Sessions),
) -> Handled<()> {
    let checked = bundle.check(ctx.own.keys(), sessions)?;
    let (subject, entry) = (checked.label.subject, checked.label.entry());
    let Some(own_wrap) = checked.own_wrap else {
        return refuse(Reason::NoWayBack { entry });
    };
    let known = entries::entry(ctx.txn, subject, entry)?;
    entries::keepable(ctx.own, ctx.txn, &checked, known.as_ref())?;
    let key = ctx.own.unwrap(&own_wrap)?;
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
    restores::note(ctx.txn, restore, |row| {
        row.entries += 1;
        row.objects += missing;
    })?;
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
        restores::note(ctx.txn, pull.id, |row| {
            row.objects = row.objects.saturating_sub(1);
            row.spoil(refusal);
        })?;
        return Ok(());
    }
    restores::note(ctx.txn, pull.id, |row| row.objects = row.objects.saturating_sub(1))?;
    entries::arrived(ctx, transfer, pull)
}
