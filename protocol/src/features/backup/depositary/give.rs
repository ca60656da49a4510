//! What is kept is given back, or deleted, on its owner's word.

use super::super::Reason;
use super::super::kept::{delete_kept, kept_page, subjects_of};
use super::super::tables::wanted_by_anybody;
use super::super::wire::{Delete, Deletion, Fetch, FetchAnswer, Position};
use crate::access_log::{self, Action};
use crate::codec::{Bytes, Wire};
use crate::directory;
use crate::entries;
use crate::holdings;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::time::{DAY_MS, MINUTE_MS};
use crate::turn::{Context, Sender};

/// Deletes on the owner's word, and says so, signed.
pub(in crate::features::backup) fn deleted(
    ctx: &mut Context<'_>,
    sender: &Sender,
    delete: Delete,
) -> Handled<Bytes> {
    let claims = delete.order.claims().clone();
    let refused = |ctx: &mut Context<'_>, reason: Reason| {
        let mut line =
            access_log::Draft::new(claims.owner, Action::DeleteRefused, sender.institution);
        line.entries.clone_from(&claims.entries);
        line.reason = Some(reason.clone().into());
        ctx.lines_if_refused.push(line);
        refuse(reason)
    };
    // Nobody but an owner learns from the refusal whether the owner is known here.
    let Some(known) = directory::keys(ctx.txn, claims.owner)? else {
        return refuse(Reason::OrderNotSigned);
    };
    let signed =
        claims.key == known.current_number() && delete.order.check(&known.current()).is_ok();
    if !signed {
        return refused(ctx, Reason::OrderNotSigned);
    }
    if claims.holder != ctx.own.party() {
        return refused(ctx, Reason::OrderForAnother);
    }
    let too_new = claims.at > ctx.now.plus_ms(2 * MINUTE_MS);
    if too_new || ctx.now.since(claims.at) > DAY_MS {
        return refused(ctx, Reason::OrderNotOfToday);
    }
    let own = claims.owner == sender.institution;
    let subjects = if own { subjects_of(ctx.txn, claims.owner)? } else { Default::default() };
    let (mut gone, mut unknown) = (Vec::new(), Vec::new());
    for entry in &claims.entries {
        // A patient owns under its own name; an institution may own entries of many subjects.
        let subject = if own { subjects.get(entry).copied() } else { Some(claims.owner) };
        let was_kept = match subject {
            Some(subject) => forget(ctx, claims.owner, subject, *entry)?,
            None => false,
        };
        if was_kept { gone.push(*entry) } else { unknown.push(*entry) }
    }
    if !gone.is_empty() {
        let mut line = access_log::Draft::new(claims.owner, Action::Deleted, claims.owner);
        line.entries.clone_from(&gone);
        access_log::append(ctx, line)?;
    }
    let deletion = Deletion {
        holder: ctx.own.party(),
        key: ctx.own.key_number(),
        order: delete.order.id(),
        deleted: gone,
        unknown,
        at: ctx.now,
    };
    Ok(Bytes(Signed::sign(deletion, ctx.own.institution_key()).bytes().to_vec()))
}

/// An institution gets back what it backed up.
pub(in crate::features::backup) fn fetched(
    ctx: &mut Context<'_>,
    sender: &Sender,
    fetch: &Fetch,
) -> Handled<Bytes> {
    let owner = sender.institution;
    let after = fetch.after.map(|at| (at.subject, at.entry));
    let page = kept_page(ctx.txn, owner, fetch.subject, after, limits::PAGE_ENTRIES_MAX)?;
    // A full page may be followed by others, whatever of it could be given.
    let mut more = page.len() == limits::PAGE_ENTRIES_MAX;
    let (mut bundles, mut contents, mut bytes, mut last) = (Vec::new(), Vec::new(), 0, None);
    for (subject, entry, kept) in page {
        let row = entries::entry(ctx.txn, subject, entry)?.filter(|row| row.whole);
        let whole = row.as_ref().map(|row| entries::whole(ctx.txn, row)).transpose()?.flatten();
        if let (Some(row), Some(mut whole)) = (row, whole) {
            whole.own_wrap = kept.own_wrap;
            let bundle = whole.to_bundle();
            let size = bundle.to_bytes().len();
            if bytes + size > limits::PAGE_BYTES_MAX {
                more = true;
                break;
            }
            bytes += size;
            contents.extend(row.contents.iter().map(|content| content.object));
            bundles.push(bundle);
        }
        last = Some(Position { subject, entry });
    }
    let next = last.filter(|_| more);
    let ticket = holdings::issue_ticket(ctx, owner, contents, None)?;
    let sessions = entries::sessions_named(ctx.txn, &bundles)?;
    Ok(Bytes(FetchAnswer { bundles, ticket, next, sessions }.to_bytes()))
}

/// Stops keeping an entry for an owner.
fn forget(ctx: &mut Context<'_>, owner: PartyId, subject: PartyId, id: EntryId) -> Handled<bool> {
    let was_kept = delete_kept(ctx.txn, owner, (subject, id))?;
    if was_kept {
        let wanted = wanted_by_anybody(ctx.txn, subject, id)?;
        entries::forget(ctx, owner, (subject, id), wanted)?;
    }
    Ok(was_kept)
}
