//! An owner has entries deleted, and takes the holder's receipt.

use super::super::Reason;
use super::super::wire::{Delete, DeleteOrder, Deletion, Gone, Message};
use crate::access_log::{self, Action};
use crate::codec::Bytes;
use crate::directory;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::patients;
use crate::receipts;
use crate::refusal::{Handled, Refusal, refuse};
use crate::statement::{Signed, Unverified};
use crate::turn::Context;
use std::collections::BTreeMap;

pub(in super::super) fn delete(
    ctx: &mut Context<'_>,
    patient: Option<PartyId>,
    holder: PartyId,
    mut entries: Vec<EntryId>,
) -> Handled<()> {
    if entries.is_empty() || entries.len() > limits::TOKEN_ENTRIES_MAX {
        return refuse(Reason::NamesOutOfBounds { most: limits::TOKEN_ENTRIES_MAX });
    }
    entries.sort_unstable();
    entries.dedup();
    let (owner, key, signing) = match (patient, ctx.keys) {
        (None, _) => (ctx.own.party(), ctx.own.key_number(), ctx.own.institution_key().clone()),
        (Some(patient), Some(keys)) if keys.patient == patient => {
            (patient, keys.number, keys.signing.clone())
        }
        (Some(patient), _) => return refuse(patients::Reason::Locked { patient }),
    };
    let order = DeleteOrder { owner, key, holder, entries, at: ctx.now, nonce: ctx.random() };
    let order = Signed::sign(order, &signing).to_unverified();
    ctx.send(holder, &Message::Delete(Delete { order }))?;
    Ok(())
}

/// The holder has deleted, and gave its receipt; or refused.
pub(in crate::features::backup) fn confirmed(
    ctx: &mut Context<'_>,
    holder: PartyId,
    delete: &Delete,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let claims = delete.order.claims();
    let mut line = access_log::Draft::new(claims.owner, Action::Deleted, holder);
    match result {
        Err(refusal) => {
            line.action = Action::DeleteRefused;
            line.entries.clone_from(&claims.entries);
            line.reason = Some(refusal);
        }
        Ok(bytes) => {
            let Ok(deletion) = Unverified::<Deletion>::parse(&bytes.0) else {
                return refuse(Reason::DeletionMalformed);
            };
            let signed = directory::keys(ctx.txn, holder)?
                .and_then(|known| known.key(deletion.claims().key))
                .is_some_and(|key| deletion.check(&key).is_ok());
            let answers =
                deletion.claims().order == delete.order.id() && deletion.claims().holder == holder;
            if !signed || !answers {
                return refuse(Reason::NotTheHolders);
            }
            // What was not asked for is none of this order's business.
            let deleted = deletion.claims().deleted.iter().filter(|at| claims.entries.contains(at));
            line.entries = deleted.copied().collect();
            forget(ctx, claims.owner, holder, &line.entries)?;
        }
    }
    access_log::append(ctx, line)?;
    Ok(())
}

/// Entries are gone at a holder; of an institution's own, the patients' relays hear, too.
fn forget(
    ctx: &mut Context<'_>,
    owner: PartyId,
    holder: PartyId,
    deleted: &[EntryId],
) -> Handled<()> {
    let mut gone = BTreeMap::<PartyId, Vec<EntryId>>::new();
    for entry in deleted {
        for subject in receipts::subjects_at(ctx.txn, owner, *entry, holder)? {
            receipts::forget(ctx.txn, owner, (subject, *entry), holder)?;
            gone.entry(subject).or_default().push(*entry);
        }
    }
    for (patient, entries) in gone {
        let relay = directory::relay_of(ctx.txn, patient)?;
        if let Some(relay) = relay.filter(|_| owner == ctx.own.party()) {
            let gone = Gone { patient, holder, entries };
            ctx.send_urgently(relay, &Message::Gone(gone))?;
        }
    }
    Ok(())
}
