//! What others keep, as their receipts say: at whoever deposited it, and at the patient's relay.

use super::kept::{ELSEWHERE, KeptRow, kept_key};
use super::wire::{Gone, Kept, Message, Receipt};
use crate::codec::Bytes;
use crate::consent;
use crate::custody;
use crate::directory;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::objects;
use crate::peer::{Body, Context, Sender};
use crate::record::{self, EntryRow};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table};
use std::collections::BTreeSet;

/// Entry, holder, subject, owner -> nothing: for whom else a holder keeps an entry.
const HELD_AT: Table = Table("backup_held_at");

/// Whether a receipt says that `holder` keeps an entry for `owner`.
pub(crate) fn is_kept_at(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
    holder: PartyId,
) -> Result<bool, StoreError> {
    Ok(txn.get(ELSEWHERE, &key(owner, subject, entry, holder))?.is_some())
}

/// Takes one entry over from a receipt whose signature was checked.
pub(super) fn learn(
    ctx: &mut Context<'_>,
    receipt: &Receipt,
    (subject, entry): (PartyId, EntryId),
    depositor: PartyId,
) -> Handled<()> {
    let Some(row) = record::entry(ctx.txn, subject, entry)? else { return Ok(()) };
    let manifest = objects::small(ctx.txn, row.label.claims().manifest)?;
    if !covers(receipt, entry, &row, manifest.as_ref().map(|bytes| bytes.len() as u64)) {
        return refuse(
            RefusalCode::NotAuthentic,
            format!("the receipt does not cover entry {entry} as a whole"),
        );
    }
    let bytes = receipt
        .objects
        .iter()
        .filter(|object| object.entry == entry)
        .fold(0, |sum: u64, object| sum.saturating_add(object.length));
    let kept = KeptRow { depositor, since: receipt.at, bytes, author_wrap: None };
    rows::put(ctx.txn, ELSEWHERE, &key(receipt.owner, subject, entry, receipt.holder), &kept)?;
    rows::mark(ctx.txn, HELD_AT, &held_at(receipt.owner, (subject, entry), receipt.holder))?;
    record::learn_holder(ctx, subject, entry, receipt.holder)?;
    Ok(())
}

/// Whether a receipt names every object of an entry with its length; the manifest's, where it is known.
fn covers(receipt: &Receipt, entry: EntryId, row: &EntryRow, manifest: Option<u64>) -> bool {
    let named = |object, length: Option<u64>| {
        receipt.objects.iter().any(|named| {
            named.entry == entry
                && named.object == object
                && length.is_none_or(|length| named.length == length)
        })
    };
    named(row.label.claims().manifest, manifest)
        && row.contents.iter().all(|content| named(content.object, Some(content.length)))
}

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
        ctx.send_if_room(relay, &Body::Backup(Message::Kept(kept)))?;
    }
    Ok(())
}

/// At the relay: an institution tells where it deposited entries. Only what the depositary's receipt
/// says is believed.
pub(super) fn kept(ctx: &mut Context<'_>, sender: &Sender, kept: Kept) -> Handled<Bytes> {
    let patient = kept.patient;
    deals_with(ctx, sender, patient)?;
    let holder = directory::learn_introduction(ctx.txn, kept.holder)?;
    let receipt = kept.receipt.claims();
    let signer = directory::keys(ctx.txn, holder)?.and_then(|known| known.key(receipt.key));
    let signed = signer.is_some_and(|key| kept.receipt.check(&key).is_ok());
    if !signed || receipt.holder != holder {
        return refuse(RefusalCode::NotAuthentic, "the receipt is not the depositary's");
    }
    if receipt.owner != patient && receipt.owner != sender.institution {
        return refuse(
            RefusalCode::NotPermitted,
            "the receipt is neither for the patient nor for the institution that tells of it",
        );
    }
    // Anybody can make up an institution and have it sign: what is kept is the patient's, and by a member.
    let entries: BTreeSet<EntryId> = receipt.objects.iter().map(|object| object.entry).collect();
    let mut known = false;
    for entry in &entries {
        known = known || record::entry(ctx.txn, patient, *entry)?.is_some();
    }
    if !known || !crate::federation::is_member(ctx.txn, holder)? {
        return refuse(
            RefusalCode::NotPermitted,
            "the depositary is no member that the relay knows, or keeps nothing of this patient's",
        );
    }
    // From now on it may be asked for the record: it is to hear of what the patient takes back. More
    // holders than one permission can name would keep the patient from permitting anything.
    if !consent::is_contact(ctx.txn, patient, holder)? {
        if consent::contacts(ctx.txn, patient)?.len() >= limits::TOKEN_PARTIES_MAX {
            return refuse(
                RefusalCode::LimitReached,
                format!(
                    "the patient deals with {} institutions already, as many as one permission can name",
                    limits::TOKEN_PARTIES_MAX
                ),
            );
        }
        consent::add_contact(ctx, patient, holder)?;
    }
    for entry in entries {
        learn(ctx, receipt, (patient, entry), sender.institution)?;
    }
    custody::tell(ctx, patient, holder)?;
    Ok(Bytes::default())
}

/// At the relay: an institution has had its own backup deleted.
pub(super) fn gone(ctx: &mut Context<'_>, sender: &Sender, gone: &Gone) -> Handled<Bytes> {
    deals_with(ctx, sender, gone.patient)?;
    for entry in &gone.entries {
        forget(ctx, sender.institution, (gone.patient, *entry), gone.holder)?;
    }
    Ok(Bytes::default())
}

fn deals_with(ctx: &Context<'_>, sender: &Sender, patient: PartyId) -> Handled<()> {
    if !custody::serves(ctx.txn, patient)? {
        return refuse(RefusalCode::NotFound, "this relay does not serve the patient");
    }
    if !consent::is_contact(ctx.txn, patient, sender.institution)? {
        return refuse(
            RefusalCode::NotPermitted,
            "the patient has not enrolled with this institution nor permitted it anything",
        );
    }
    Ok(())
}

/// An entry is kept for an owner at a holder no more; who keeps it for nobody, does not hold it.
pub(super) fn forget(
    ctx: &mut Context<'_>,
    owner: PartyId,
    (subject, entry): (PartyId, EntryId),
    holder: PartyId,
) -> Handled<()> {
    ctx.txn.delete(ELSEWHERE, &key(owner, subject, entry, holder))?;
    ctx.txn.delete(HELD_AT, &held_at(owner, (subject, entry), holder))?;
    let others = [&entry.0[..], &holder.0, &subject.0].concat();
    if rows::scan::<Bytes>(ctx.txn, HELD_AT, &others, None, 1)?.is_empty() {
        record::forget_holder(ctx, subject, entry, holder)?;
    }
    Ok(())
}

/// The subjects of an entry that is kept for an owner at a holder.
pub(super) fn subjects_at(
    txn: &(impl ReadTxn + ?Sized),
    owner: PartyId,
    entry: EntryId,
    holder: PartyId,
) -> Result<Vec<PartyId>, StoreError> {
    Ok(rows::all::<Bytes>(txn, HELD_AT, &[&entry.0[..], &holder.0].concat())?
        .into_iter()
        .filter(|(key, _)| key.ends_with(&owner.0))
        .filter_map(|(key, _)| key.get(48..80).and_then(PartyId::from_slice))
        .collect())
}

fn held_at(owner: PartyId, (subject, entry): (PartyId, EntryId), holder: PartyId) -> Vec<u8> {
    [&entry.0[..], &holder.0, &subject.0, &owner.0].concat()
}

fn key(owner: PartyId, subject: PartyId, entry: EntryId, holder: PartyId) -> Vec<u8> {
    [&kept_key(owner, subject, entry)[..], &holder.0].concat()
}
