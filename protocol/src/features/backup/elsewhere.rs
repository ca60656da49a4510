//! The patient's relay hears where entries are kept, and where no more.

use super::reasons::Reason;
use super::wire::{Gone, Kept, Message};
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::entries;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::members;
use crate::misfiled;
use crate::patients;
use crate::receipts::{self, Receipt};
use crate::refusal::{Handled, refuse};
use crate::statement::Unverified;
use crate::turn::{Context, Notice, Sender};
use std::collections::BTreeSet;

/// At the depositor: passes a receipt on to the patient's relay, if the patient has one.
pub(super) fn tell(
    ctx: &mut Context<'_>,
    patient: PartyId,
    holder: PartyId,
    receipt: &Unverified<Receipt>,
) -> Handled<()> {
    let relay = directory::relay_of(ctx.txn, patient)?;
    let introduction = directory::introduction(ctx.txn, holder)?;
    if let (Some(relay), Some(holder)) = (relay, introduction) {
        let kept = Kept { patient, holder, receipt: receipt.clone() };
        ctx.send_urgently(relay, &Message::Kept(kept))?;
    }
    Ok(())
}

/// At the relay: an institution tells where it deposited entries. Only what the depositary's receipt
/// says is believed.
pub(super) fn kept(ctx: &mut Context<'_>, sender: &Sender, kept: Kept) -> Handled<Bytes> {
    let patient = kept.patient;
    deals_with(ctx, sender, patient)?;
    let holder = directory::learn_introduction(ctx, kept.holder)?;
    let receipt = kept.receipt.claims();
    let signer =
        directory::keys(ctx.txn, holder)?.and_then(|known| known.key_at(receipt.key, receipt.at));
    let signed = signer.is_some_and(|key| kept.receipt.check(&key).is_ok());
    if !signed || receipt.holder != holder {
        return refuse(Reason::ReceiptNotTheDepositarys);
    }
    if receipt.owner != patient && receipt.owner != sender.institution {
        return refuse(Reason::ReceiptOfOthers);
    }
    // Anybody can make up an institution and have it sign: what is kept is the patient's, and by a member.
    let entries: BTreeSet<EntryId> = receipt.objects.iter().map(|object| object.entry).collect();
    let mut known = false;
    for entry in &entries {
        // It left the record while it was on its way there.
        if misfiled::tell_of(ctx.txn, holder, (patient, *entry))? {
            ctx.notify(Notice::Room { institution: holder });
            known = true;
        }
        known = known || entries::entry(ctx.txn, patient, *entry)?.is_some();
    }
    if !known || !members::is_member(ctx.txn, holder)? {
        return refuse(Reason::DepositaryUnknown);
    }
    // From now on it may be asked for the record: it is to hear of what the patient takes back. More
    // holders than one permission can name would keep the patient from permitting anything.
    if !contacts::is_contact(ctx.txn, patient, holder)? {
        if contacts::contacts(ctx.txn, patient)?.len() >= limits::TOKEN_PARTIES_MAX {
            return refuse(Reason::TooManyInstitutions { most: limits::TOKEN_PARTIES_MAX });
        }
        contacts::add_contact(ctx.txn, patient, holder)?;
    }
    for entry in entries {
        receipts::learn(ctx.txn, receipt, (patient, entry), sender.institution)?;
    }
    ctx.notify_now(Notice::Deals { patient, institution: holder })?;
    Ok(Bytes::default())
}

/// At the relay: an institution has had its own backup deleted.
pub(super) fn gone(ctx: &mut Context<'_>, sender: &Sender, gone: &Gone) -> Handled<Bytes> {
    deals_with(ctx, sender, gone.patient)?;
    for entry in &gone.entries {
        receipts::forget(ctx.txn, sender.institution, (gone.patient, *entry), gone.holder)?;
    }
    Ok(Bytes::default())
}

fn deals_with(ctx: &Context<'_>, sender: &Sender, patient: PartyId) -> Handled<()> {
    if !patients::serves(ctx.txn, patient)? {
        return refuse(patients::Reason::NotServed);
    }
    if !contacts::is_contact(ctx.txn, patient, sender.institution)? {
        return refuse(patients::Reason::NoDealings);
    }
    Ok(())
}
