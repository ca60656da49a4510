//! How a deposit ended: with a receipt, which is checked, or given up.

use super::super::Reason;
use super::super::elsewhere;
use super::super::tables::{DepositState, deposit, put_deposit};
use super::super::unkept;
use super::super::wire::{Stored, Withdrawn};
use crate::codec::Bytes;
use crate::misfiled;
use crate::receipts;
use crate::refusal::{Handled, refuse};
use crate::turn::{Context, Notice, Sender};

/// The depositary has stored a deposit: the receipt is checked against what was offered.
pub(in crate::features::backup) fn stored(
    ctx: &mut Context<'_>,
    sender: &Sender,
    stored: &Stored,
) -> Handled<Bytes> {
    let Some(mut row) = deposit(ctx.txn, stored.reservation)? else {
        return refuse(Reason::NoDepositMade);
    };
    let claims = stored.receipt.claims();
    // The depositary brings it itself: it may have rotated since it signed.
    let signer = sender.keys.key_at(claims.key, claims.at);
    let signed = signer.is_some_and(|key| stored.receipt.check(&key).is_ok());
    let ours = claims.holder == sender.institution
        && sender.institution == row.to
        && claims.reservation == stored.reservation
        && claims.owner == row.owner;
    if !signed || !ours {
        return refuse(Reason::ReceiptForAnother);
    }
    // Said again, it is true already, and tells the patient's relay nothing new.
    if row.state == DepositState::Stored {
        return Ok(Bytes::default());
    }
    super::offer::turned_down(ctx, stored.reservation, &mut row, stored.except.clone())?;
    if row.entries.is_empty() {
        return refuse(Reason::ReceiptForAnother);
    }
    for id in &row.entries {
        unkept::forget(ctx.txn, (row.owner, row.subject, *id), row.to)?;
        receipts::learn(ctx.txn, claims, (row.subject, *id), ctx.own.party())?;
        // It left the record while it was on its way.
        if misfiled::tell_of(ctx.txn, row.to, (row.subject, *id))? {
            ctx.notify(Notice::Room { institution: row.to });
        }
    }
    elsewhere::tell(ctx, row.subject, row.to, &stored.receipt)?;
    row.state = DepositState::Stored;
    put_deposit(ctx.txn, stored.reservation, &row)?;
    ctx.notify(Notice::Stored { reservation: stored.reservation });
    Ok(Bytes::default())
}

/// The depositary has given a deposit up.
pub(in crate::features::backup) fn withdrawn(
    ctx: &mut Context<'_>,
    sender: &Sender,
    withdrawn: Withdrawn,
) -> Handled<Bytes> {
    let Some(row) = deposit(ctx.txn, withdrawn.reservation)? else {
        return refuse(Reason::NoDepositMade);
    };
    if row.to != sender.institution || row.state == DepositState::Stored {
        return refuse(Reason::NotTheirs);
    }
    super::offer::refused(ctx, withdrawn.reservation, &withdrawn.refusal)?;
    Ok(Bytes::default())
}
