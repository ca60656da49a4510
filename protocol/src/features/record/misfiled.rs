//! Entries that were filed under the wrong patient: their author says so, signed; whoever has them takes them out, and
//! keeps that this was said.
//!
//! ```text
//!  author ──misfiled──> the patient's relay ──misfiled──> whoever was ever permitted to read them, or keeps them
//!     └──misfiled──> whoever keeps them, as far as the author knows
//! ```

use super::catalogue;
use super::reasons::Reason;
use super::wire::Message;
use crate::access_log::{self, Action};
use crate::codec::Bytes;
use crate::directory;
use crate::entries;
use crate::id::{CompartmentId, EntryId, PartyId, StatementId};
use crate::misfiled::{self, Misfiled, MisfiledRow};
use crate::outbox;
use crate::patients;
use crate::permission::{self, MayRead};
use crate::receipts;
use crate::refusal::{Handled, Refusal, refuse};
use crate::statement::{Signed, Unverified};
use crate::turn::{Context, Notice, Sender};
use std::collections::BTreeSet;

/// At the author: entries of ours are in the wrong record, and were taken out of it here. Says so to the patient's relay,
/// and to whoever keeps them.
pub(super) fn say(
    ctx: &mut Context<'_>,
    said: Misfiled,
    holders: &BTreeSet<PartyId>,
) -> Handled<()> {
    let (subject, compartments) = (said.subject, said.compartment.into_iter().collect());
    let said = Signed::sign(said, ctx.own.institution_key());
    misfiled::keep(ctx.txn, &said, compartments)?;
    let relay = directory::relay_of(ctx.txn, subject)?;
    for to in holders.iter().copied().chain(relay) {
        tell(ctx, to, (subject, said.id()))?;
    }
    Ok(())
}

fn tell(ctx: &mut Context<'_>, to: PartyId, what: (PartyId, StatementId)) -> Handled<()> {
    if to == ctx.own.party() {
        return Ok(());
    }
    misfiled::to_tell(ctx.txn, to, what)?;
    tell_waiting(ctx, to)
}

/// What an institution is to hear of goes, as long as there is room for it.
pub(crate) fn tell_waiting(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    while outbox::has_room(ctx.txn, to)? {
        let Some(said) = misfiled::next_to_tell(ctx.txn, to)? else { return Ok(()) };
        let said = by_current_key(ctx, said)?;
        ctx.send(to, &Message::Misfiled(said))?;
    }
    Ok(())
}

/// What we said with a key that was rotated away since, nobody takes: it is said anew.
fn by_current_key(
    ctx: &mut Context<'_>,
    said: Unverified<Misfiled>,
) -> Handled<Unverified<Misfiled>> {
    let claims = said.claims();
    let number = ctx.own.key_number();
    if claims.author != ctx.own.party() || claims.key == number {
        return Ok(said);
    }
    let anew = Misfiled { key: number, ..claims.clone() };
    let anew = Signed::sign(anew, ctx.own.institution_key());
    misfiled::keep(ctx.txn, &anew, anew.compartment.into_iter().collect())?;
    misfiled::forget(ctx.txn, &said)?;
    Ok(anew.to_unverified())
}

/// It was heard, which goes into the log; or it was not, and is said again when there is something else to say.
pub(super) fn answered(
    ctx: &mut Context<'_>,
    to: PartyId,
    said: Unverified<Misfiled>,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let said = said.from_own_store();
    let what = (said.subject, said.id());
    if let Err(refusal) = result {
        tracing::warn!(to = %to.short(), reason = refusal.name(), "that entries were misfiled was not heard");
        // It may lack keys that it hears of later, or room.
        return Ok(misfiled::to_tell(ctx.txn, to, what)?);
    }
    misfiled::note_told(ctx.txn, to, what)?;
    let mut line = access_log::Draft::new(said.subject, Action::Misfiled, to);
    line.entries = said.entries();
    access_log::append(ctx, line)?;
    for entry in said.entries() {
        receipts::forget_at(ctx.txn, (said.subject, entry), to)?;
    }
    Ok(())
}

/// Their author says that entries were filed under the wrong patient. [REC-11]
pub(super) fn heard(
    ctx: &mut Context<'_>,
    sender: &Sender,
    said: Unverified<Misfiled>,
) -> Handled<Bytes> {
    let claims = said.claims();
    let (author, subject) = (claims.author, claims.subject);
    let by_relay = directory::relay_of(ctx.txn, subject)? == Some(sender.institution);
    if sender.institution != author && !by_relay {
        return refuse(Reason::MisfiledByOthers);
    }
    if author == ctx.own.party() {
        return own_word(ctx, subject);
    }
    let Some(keys) = directory::keys(ctx.txn, author)? else {
        return refuse(Reason::MisfiledAuthorUnknown);
    };
    let said = said.certify(&keys, ctx.now)?;
    let serves = patients::serves(ctx.txn, subject)?;
    let (mut gone, mut unseen) = (Vec::new(), Vec::new());
    for entry in said.entries() {
        match entries::entry(ctx.txn, subject, entry)? {
            Some(_) => gone.push(entry),
            None if misfiled::get(ctx.txn, subject, entry)?.is_none() => unseen.push(entry),
            None => {}
        }
    }
    // It is not taken later, from whoever has not heard yet.
    if serves || by_relay && entries::chart_of(ctx.txn, subject)?.is_some() {
        misfiled::put_unseen(ctx.txn, &said, &unseen)?;
    }
    let mut compartments: BTreeSet<CompartmentId> = said.compartment.into_iter().collect();
    let mut have = BTreeSet::new();
    for entry in &gone {
        let row = entries::entry(ctx.txn, subject, *entry)?;
        compartments.extend(row.and_then(|row| row.label.claims().compartment()));
        have.extend(entries::holders(ctx.txn, subject, *entry)?);
    }
    if !gone.is_empty() {
        let changes = take_out(ctx, &said, &gone)?;
        let mut line = access_log::Draft::new(subject, Action::Misfiled, author);
        line.entries = gone;
        access_log::append(ctx, line)?;
        if serves {
            catalogue::announced(ctx, subject, &changes)?;
        }
    }
    if serves && misfiled::said(ctx.txn, subject, said.id())?.is_none() {
        have.extend(permission::ever_read(ctx.txn, subject, &compartments, &said.entries())?);
        have.remove(&author);
        misfiled::keep(ctx.txn, &said, compartments)?;
        for to in have {
            tell(ctx, to, (subject, said.id()))?;
        }
    }
    Ok(Bytes::default())
}

/// Our own word comes back, since our store was put back to before it: nothing is deleted by it, and the desk is to undo the
/// enrolment once more.
fn own_word(ctx: &mut Context<'_>, subject: PartyId) -> Handled<Bytes> {
    let Some(chart) = entries::chart_of(ctx.txn, subject)? else { return Ok(Bytes::default()) };
    let row = entries::chart(ctx.txn, chart)?;
    if row.enrolled && row.registered {
        tracing::error!(%chart, "this institution undid the enrolment in this chart before its store was put back: give `chartmesh patient undo` for it again");
    }
    Ok(Bytes::default())
}

/// Takes entries out of a record: whoever keeps them for somebody lets them go first.
fn take_out(
    ctx: &mut Context<'_>,
    said: &Signed<Misfiled>,
    gone: &[EntryId],
) -> Handled<catalogue::Changes> {
    let subject = said.subject;
    ctx.notify_now(Notice::Misfiled { subject, entries: gone.to_vec() })?;
    let serves = patients::serves(ctx.txn, subject)?;
    let mut changes = catalogue::Changes::default();
    for entry in gone {
        let Some(row) = entries::entry(ctx.txn, subject, *entry)? else { continue };
        let label = row.label.claims();
        let left = MisfiledRow { author: said.author, at: said.at, recorded: label.recorded };
        misfiled::put(ctx.txn, (subject, *entry), &left)?;
        if let Some(compartment) = label.compartment().filter(|_| serves) {
            crate::catalogue::tables::drop_entry(ctx.txn, subject, compartment, *entry)?;
            changes.lost(compartment);
        }
        for holder in entries::holders(ctx.txn, subject, *entry)? {
            entries::forget_holder(ctx.txn, subject, *entry, holder)?;
        }
        entries::move_away(ctx, (subject, *entry), &row)?;
    }
    Ok(changes)
}

/// At the relay: an institution was given a permission to read. A holder that has not heard yet may give it what was misfiled.
pub(super) fn tell_reader(
    ctx: &mut Context<'_>,
    reader: PartyId,
    patient: PartyId,
    may: &MayRead,
) -> Handled<()> {
    for row in misfiled::all_said(ctx.txn, Some(patient))? {
        let claims = row.said.claims();
        let within = row.compartments.iter().any(|one| may.compartments.contains(one))
            || claims.entries().iter().any(|entry| may.entries.contains(entry));
        if within && claims.author != reader {
            tell(ctx, reader, (patient, row.said.id()))?;
        }
    }
    Ok(())
}

/// A party that lost what it knew hears again what it heard, or was to hear; a relay also that an enrolment was undone.
/// [MSG-10]
pub(crate) fn tell_again(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    for row in misfiled::all_said(ctx.txn, None)? {
        let claims = row.said.claims();
        let subject = claims.subject;
        let ours = claims.author == ctx.own.party();
        let to_relay = ours && directory::relay_of(ctx.txn, subject)? == Some(party);
        if to_relay && !is_enrolled(ctx, subject)? {
            ctx.notify(Notice::Unenrolled { patient: subject });
        }
        let (serves, entries) = (patients::serves(ctx.txn, subject)?, claims.entries());
        let compartments = row.compartments.iter().copied().collect();
        let by_relay = serves
            && (claims.author == party
                || permission::ever_read(ctx.txn, subject, &compartments, &entries)?
                    .contains(&party));
        if to_relay || by_relay || row.told.contains(&party) {
            tell(ctx, party, (subject, row.said.id()))?;
        }
    }
    Ok(())
}

fn is_enrolled(ctx: &Context<'_>, patient: PartyId) -> Handled<bool> {
    Ok(match entries::chart_of(ctx.txn, patient)? {
        Some(chart) => entries::chart(ctx.txn, chart)?.registered,
        None => false,
    })
}
