//! An owner has entries deleted, and takes the holder's receipt.

use super::super::kept::{ELSEWHERE, KeptRow};
use super::super::wire::{Delete, DeleteOrder, Deletion, Message};
use crate::access_log::{self, Action};
use crate::codec::Bytes;
use crate::directory;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::peer::{Body, Context, Done, PatientKeys, RequestId};
use crate::record;
use crate::refusal::{Handled, Refusal, RefusalCode, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};

pub(super) fn delete(
    ctx: &mut Context<'_>,
    request: RequestId,
    patient: Option<PartyId>,
    holder: PartyId,
    mut entries: Vec<EntryId>,
    keys: Option<&PatientKeys>,
) -> Handled<()> {
    if entries.is_empty() || entries.len() > limits::TOKEN_ENTRIES_MAX {
        return refuse(
            RefusalCode::Invalid,
            format!("name 1 to {} entries", limits::TOKEN_ENTRIES_MAX),
        );
    }
    entries.sort_unstable();
    entries.dedup();
    let (owner, key, signing) = match (patient, keys) {
        (None, _) => (ctx.peer.me(), ctx.peer.key_number(), ctx.peer.institution_key().clone()),
        (Some(patient), Some(keys)) if keys.patient == patient => {
            (patient, keys.number, keys.signing.clone())
        }
        _ => {
            return refuse(
                RefusalCode::Locked,
                "the patient's keys are locked; give the passphrase",
            );
        }
    };
    let order = DeleteOrder { owner, key, holder, entries, at: ctx.now, nonce: ctx.random() };
    let order = Signed::sign(order, &signing).to_unverified();
    ctx.send(holder, &Body::Backup(Message::Delete(Delete { order })))?;
    ctx.answer(request, Done { done: true });
    Ok(())
}

/// The holder has deleted, and gave its receipt; or refused.
pub(super) fn confirmed(
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
            line.reason = Some(refusal.text);
        }
        Ok(bytes) => {
            let Ok(deletion) = Unverified::<Deletion>::parse(&bytes.0) else {
                return refuse(
                    RefusalCode::NotAuthentic,
                    "the receipt for a deletion is malformed",
                );
            };
            let signed = directory::keys(ctx.txn, holder)?
                .is_some_and(|known| deletion.check(&known.current()).is_ok());
            if !signed || deletion.claims().order != delete.order.id() {
                return refuse(
                    RefusalCode::NotAuthentic,
                    "the receipt is not the holder's for this deletion",
                );
            }
            line.entries.clone_from(&deletion.claims().deleted);
            for entry in &deletion.claims().deleted {
                record::forget_holder(ctx, claims.owner, *entry, holder)?;
                for (key, _) in rows::all::<KeptRow>(ctx.txn, ELSEWHERE, &claims.owner.0)? {
                    if key.get(64..80) == Some(&entry.0) && key.ends_with(&holder.0) {
                        ctx.txn.delete(ELSEWHERE, &key)?;
                    }
                }
            }
        }
    }
    access_log::append(ctx, line)?;
    Ok(())
}
