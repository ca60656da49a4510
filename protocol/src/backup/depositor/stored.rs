//! How a deposit ended: with a receipt, which is checked, or given up.

use super::super::kept::{ELSEWHERE, KeptRow, kept_key};
use super::super::tables::{DepositState, deposit, put_deposit};
use super::super::wire::{Stored, Withdrawn};
use crate::codec::Bytes;
use crate::peer::{Context, Notice, Sender};
use crate::record;
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;

/// The depositary has stored a deposit: the receipt is checked against what was offered.
pub(in crate::backup) fn stored(
    ctx: &mut Context<'_>,
    sender: &Sender,
    stored: &Stored,
) -> Handled<Bytes> {
    let Some(mut row) = deposit(ctx.txn, stored.reservation)? else {
        return refuse(RefusalCode::NotFound, "no such deposit was made");
    };
    let claims = stored.receipt.claims();
    let signed = claims.key == sender.keys.current_number()
        && stored.receipt.check(&sender.keys.current()).is_ok();
    let ours = claims.holder == sender.institution
        && sender.institution == row.to
        && claims.reservation == stored.reservation
        && claims.owner == row.owner;
    if !signed || !ours {
        return refuse(
            RefusalCode::NotAuthentic,
            "the receipt is not the depositary's for this deposit",
        );
    }
    for id in &row.entries {
        let Some(entry) = record::entry(ctx.txn, row.subject, *id)? else { continue };
        let manifest = entry.label.claims().manifest;
        let named = claims.objects.iter().any(|o| o.entry == *id && o.object == manifest);
        let all = named
            && entry.contents.iter().all(|content| {
                claims.objects.iter().any(|object| {
                    object.entry == *id
                        && object.object == content.object
                        && object.length == content.length
                })
            });
        if !all {
            return refuse(
                RefusalCode::NotAuthentic,
                format!("the receipt does not cover entry {id} as a whole"),
            );
        }
        let bytes = claims
            .objects
            .iter()
            .filter(|object| object.entry == *id)
            .fold(0, |sum: u64, object| sum.saturating_add(object.length));
        let kept = KeptRow { depositor: ctx.peer.me(), since: claims.at, bytes, author_wrap: None };
        let key = [&kept_key(row.owner, row.subject, *id)[..], &row.to.0].concat();
        rows::put(ctx.txn, ELSEWHERE, &key, &kept)?;
        record::learn_holder(ctx, row.subject, *id, row.to)?;
    }
    row.state = DepositState::Stored;
    put_deposit(ctx.txn, stored.reservation, &row)?;
    ctx.notify(Notice::Stored { reservation: stored.reservation });
    Ok(Bytes::default())
}

/// The depositary has given a deposit up.
pub(in crate::backup) fn withdrawn(
    ctx: &mut Context<'_>,
    sender: &Sender,
    withdrawn: Withdrawn,
) -> Handled<Bytes> {
    let Some(row) = deposit(ctx.txn, withdrawn.reservation)? else {
        return refuse(RefusalCode::NotFound, "no such deposit was made");
    };
    if row.to != sender.institution || row.state == DepositState::Stored {
        return refuse(RefusalCode::NotPermitted, "this deposit is not the institution's to end");
    }
    super::offer::answered(ctx, withdrawn.reservation, Some(withdrawn.refusal))?;
    Ok(Bytes::default())
}
