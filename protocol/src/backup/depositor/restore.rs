//! A hospital gets back what a depositary keeps for it.

use super::super::view::DepositView;
use super::super::wire::{Fetch, FetchAnswer, Message};
use crate::codec::{Bytes, Wire};
use crate::id::PartyId;
use crate::limits;
use crate::object::DataKey;
use crate::objects::{self, PullFor, Transfer, TransferFor};
use crate::peer::{Body, Context, RequestId};
use crate::record::{self, Manifest};
use crate::refusal::{Handled, Refusal, RefusalCode, refuse};

pub(super) fn restore(
    ctx: &mut Context<'_>,
    request: RequestId,
    holder: PartyId,
    subject: Option<PartyId>,
) -> Handled<()> {
    let id: [u8; 16] = ctx.random();
    let fetch = Fetch { restore: id, subject, after: None };
    ctx.send(holder, &Body::Backup(Message::Fetch(fetch)))?;
    let deposits = vec![data_encoding::HEXLOWER.encode(&id)];
    ctx.answer(request, DepositView { deposits, entries: 0, holder });
    Ok(())
}

/// A page of our own entries came back.
pub(super) fn restored(
    ctx: &mut Context<'_>,
    holder: PartyId,
    fetch: &Fetch,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let Ok(bytes) = result else { return Ok(()) };
    let Ok(answer) = FetchAnswer::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(RefusalCode::NotAuthentic, "the depositary's answer is malformed");
    };
    for bundle in answer.bundles {
        let checked = bundle.check(ctx.peer.keys())?;
        let (subject, entry) = (checked.label.subject, checked.label.entry);
        let Some(own_wrap) = checked.author_wrap.clone() else { continue };
        let key = crate::wrap::unwrap(&own_wrap, checked.label.manifest, subject, ctx.peer.kem())
            .map(|key| DataKey::from_bytes(*key))
            .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
        let manifest = Manifest::open(&checked.label, &checked.contents, &checked.manifest, &key)?;
        record::keep(ctx, &checked, None, false, Some((&manifest, own_wrap)))?;
        record::chart_for(ctx, subject)?;
        let pull = PullFor { id: fetch.restore, owner: subject, subject, entry };
        let missing = objects::pull_missing(
            ctx,
            &checked.contents,
            &Transfer {
                from: holder,
                ticket: answer.ticket,
                object: checked.label.manifest,
                length: 0,
                purpose: TransferFor::Restore(pull),
            },
        )?;
        if missing == 0 {
            record::complete(ctx, subject, entry)?;
        }
    }
    // Positions only go up, so that no depositary keeps us asking.
    let at = |position: super::super::wire::Position| (position.subject, position.entry);
    let next = answer.next.filter(|next| fetch.after.is_none_or(|after| at(*next) > at(after)));
    if let Some(after) = next {
        let next = Fetch { restore: fetch.restore, subject: fetch.subject, after: Some(after) };
        ctx.send(holder, &Body::Backup(Message::Fetch(next)))?;
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
    if result.is_ok() {
        objects::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
        record::complete(ctx, pull.subject, pull.entry)?;
    }
    Ok(())
}
