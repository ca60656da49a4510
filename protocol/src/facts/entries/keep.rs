//! Keeping an entry, and letting it go: its row, its objects, its places in the lists.

use super::by_compartment;
use super::reasons::Reason;
use super::sessions;
use super::tables::{
    EntryRow, IndexRow, delete_entry, delete_index, entry, forget_holder, index, put_entry,
    put_index, sealed_in_time,
};
use super::wire::{Checked, Label, Manifest};
use crate::catalogue::{self, Listed};
use crate::holdings::{self, PullFor, Transfer};
use crate::id::{EntryId, ObjectId, PartyId};
use crate::misfiled;
use crate::own_wrap::OwnWrap;
use crate::patients;
use crate::refusal::{Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::turn::{Context, Own};

/// Whether its author may put a label in the place of the one that is kept: the two are the same but for
/// the compartment, and the old one names none that could be sealed to.
fn completes(
    txn: &(impl ReadTxn + ?Sized),
    old: &Label,
    new: &Checked,
) -> Result<bool, StoreError> {
    let as_before = Label { sealed: old.sealed, key: old.key, ..(*new.label).clone() };
    Ok(as_before == *old && !sealed_in_time(txn, old)? && sealed_in_time(txn, &new.label)?)
}

/// What a label may be kept as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the first, or the same as before.
    Own,
    /// It is the same as before but for the session: its author sealed it anew, having forgotten. The first one stays, since a
    /// holder cannot tell what a session is worth.
    Known,
    /// It [`completes`] the one before.
    Completed,
    /// Its author signed another one, and the patient's catalogue has this one: at a reader, to whom a thief of the
    /// author's key, or the author, gave the other one first.
    Listed,
}

/// Whether a label may be kept, and as what.
///
/// # Errors
/// Refused where its author signed another label of the same entry, and the catalogue does not tell the two apart.
pub(crate) fn keepable(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    checked: &Checked,
    known: Option<&EntryRow>,
) -> Handled<Place> {
    let label = &checked.label;
    if misfiled::is_taken_back(txn, (label.subject, label.author), label.entry())? {
        return refuse(Reason::Misfiled { entry: label.entry() });
    }
    let Some(known) = known.filter(|known| known.label.id() != label.id()) else {
        // What is here already has its session here.
        if known.is_none() {
            sessions::require(txn, checked)?;
        }
        return Ok(Place::Own);
    };
    sessions::require(txn, checked)?;
    if completes(txn, known.label.claims(), checked)? {
        return Ok(Place::Completed);
    }
    let old = known.label.claims();
    let same = old.listed_as() == label.listed_as();
    if same && old.compartment() == label.compartment() {
        return Ok(Place::Known);
    }
    let as_listed = |label: &Label| {
        let (subject, entry) = (label.subject, (label.entry(), label.listed_as()));
        catalogue::lists(txn, subject, label.compartment(), entry)
    };
    let listed = match same {
        true => as_listed(label)? && !as_listed(old)?,
        false => {
            let listed = catalogue::listed(txn, label.subject, label.entry())?;
            listed == Some(label.listed_as())
        }
    };
    match listed && label.author != own.party() {
        true => Ok(Place::Listed),
        false => refuse(Reason::OtherLabel { entry: label.entry() }),
    }
}

/// Keeps an entry; the content objects come by themselves. A label once kept is never replaced, but
/// for a wrap that was missing, or as a [`Place`] says.
pub(crate) fn keep(
    ctx: &mut Context<'_>,
    checked: &Checked,
    from: Option<PartyId>,
    whole: bool,
    opened: Option<(&Manifest, OwnWrap)>,
) -> Handled<()> {
    let (subject, id) = (checked.label.subject, checked.label.entry());
    let mut known = entry(ctx.txn, subject, id)?;
    // Before anything is let go that names the same one.
    let session = sessions::session_of(ctx.txn, checked)?;
    let place = keepable(ctx.own, ctx.txn, checked, known.as_ref())?;
    if place == Place::Listed
        && let Some(other) = known.take()
    {
        tracing::warn!(entry = %id.short(), author = %checked.label.author.short(), "an entry gives way to what its author showed the patient");
        move_away(ctx, (subject, id), &other)?;
    }
    let label = match &known {
        Some(known) if place == Place::Known => known.label.clone(),
        _ => checked.label.to_unverified(),
    };
    let row = EntryRow {
        label,
        contents: checked.contents.clone(),
        from: known.as_ref().map_or(from, |row| row.from),
        received: known.as_ref().map_or(ctx.now, |row| row.received),
        whole: whole || known.as_ref().is_some_and(|row| row.whole),
    };
    let before = known.as_ref().map(|row| row.label.claims());
    let label = row.label.claims();
    if before.is_none_or(|before| before.sealed != label.sealed) {
        if let Some(before) = before {
            sessions::leave(ctx.txn, before)?;
        }
        sessions::enter(ctx.txn, label, session.as_deref())?;
    }
    let (before, compartment) = (before.and_then(Label::compartment), label.compartment());
    if patients::serves(ctx.txn, subject)? {
        let listed = Listed { entry: id, label: checked.label.listed_as() };
        catalogue::enter(ctx.txn, subject, (before, compartment), &listed)?;
    }
    if before != compartment {
        by_compartment::leave(ctx.txn, (subject, id), before)?;
    }
    by_compartment::enter(ctx.txn, (subject, id), compartment)?;
    put_entry(ctx.txn, (subject, id), &row)?;
    holdings::put_small(ctx.txn, &checked.manifest)?;
    holdings::note_here(ctx.txn, checked.label.manifest)?;
    holdings::hold(ctx.txn, checked.label.manifest, subject, id, checked.manifest.len() as u64)?;
    if row.whole {
        for content in &checked.contents {
            holdings::hold(ctx.txn, content.object, subject, id, content.length)?;
        }
    }
    if let Some((manifest, own_wrap)) = opened {
        let index = IndexRow {
            kind: manifest.kind,
            title: manifest.title.clone(),
            effective: manifest.effective,
            user: manifest.user.clone(),
            terms: manifest.terms.clone(),
            adds_to: manifest.adds_to,
            own_wrap,
            bytes: manifest
                .contents
                .iter()
                .fold(0, |sum, content| sum.saturating_add(content.plaintext_length)),
        };
        put_index(ctx.txn, (subject, id), &index)?;
    }
    Ok(())
}

/// An object of an entry has come: it is held, unless the entry was taken out meanwhile.
pub(crate) fn arrived(ctx: &mut Context<'_>, transfer: &Transfer, pull: &PullFor) -> Handled<()> {
    if entry(ctx.txn, pull.subject, pull.entry)?.is_none() {
        return holdings::release(ctx, transfer.object, pull.owner, pull.entry);
    }
    holdings::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
    complete(ctx, pull.subject, pull.entry)
}

/// Marks an entry whole once all its content objects are here.
pub(crate) fn complete(ctx: &mut Context<'_>, subject: PartyId, id: EntryId) -> Handled<()> {
    let Some(mut row) = entry(ctx.txn, subject, id)? else { return Ok(()) };
    for content in &row.contents {
        if !holdings::here(ctx.txn, content.object)? {
            return Ok(());
        }
    }
    row.whole = true;
    for content in &row.contents {
        holdings::hold(ctx.txn, content.object, subject, id, content.length)?;
    }
    Ok(put_entry(ctx.txn, (subject, id), &row)?)
}

/// Stops keeping an entry for an owner; the entry itself goes with its last owner: unless it is `wanted`,
/// kept here for anybody else or about to be.
pub(crate) fn forget(
    ctx: &mut Context<'_>,
    owner: PartyId,
    (subject, id): (PartyId, EntryId),
    wanted: bool,
) -> Handled<()> {
    let Some(row) = entry(ctx.txn, subject, id)? else { return Ok(()) };
    let manifest = row.label.claims().manifest;
    let objects: Vec<_> =
        row.contents.iter().map(|content| content.object).chain([manifest]).collect();
    // What this institution made or obtained is in its own chart, and no depositor's word ends that.
    let ours = index(ctx.txn, subject, id)?.is_some();
    if !ours || owner != subject {
        for object in &objects {
            holdings::release(ctx, *object, owner, id)?;
        }
    }
    if !ours && !wanted {
        for object in &objects {
            holdings::release(ctx, *object, subject, id)?;
        }
        delete_entry(ctx.txn, (subject, id))?;
        by_compartment::leave(ctx.txn, (subject, id), row.label.claims().compartment())?;
        sessions::leave(ctx.txn, row.label.claims())?;
        forget_holder(ctx.txn, subject, id, ctx.own.party())?;
    }
    Ok(())
}

/// An object of entries is lost: they are not whole any more.
pub(crate) fn not_whole(ctx: &mut Context<'_>, object: ObjectId) -> Handled<()> {
    for (subject, id) in holdings::holders(ctx.txn, object)? {
        if let Some(mut row) = entry(ctx.txn, subject, id)?.filter(|row| row.whole) {
            row.whole = false;
            put_entry(ctx.txn, (subject, id), &row)?;
        }
    }
    Ok(())
}

/// Takes an entry out from under a subject: it stands under another by now, or gives way to another.
pub(crate) fn move_away(
    ctx: &mut Context<'_>,
    (subject, id): (PartyId, EntryId),
    row: &EntryRow,
) -> Handled<()> {
    let label = row.label.claims();
    delete_entry(ctx.txn, (subject, id))?;
    by_compartment::leave(ctx.txn, (subject, id), label.compartment())?;
    sessions::leave(ctx.txn, label)?;
    delete_index(ctx.txn, (subject, id))?;
    holdings::release(ctx, label.manifest, subject, id)?;
    for content in &row.contents {
        holdings::release(ctx, content.object, subject, id)?;
    }
    Ok(())
}
