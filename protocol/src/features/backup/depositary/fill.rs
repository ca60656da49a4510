//! The data come; when all are here and synced, the depositary says so, signed.

use super::super::Reason;
use super::super::kept::{bytes_of, delete_kept, give_back, owners_of, put_kept};
use super::super::tables::{
    DepositState, ReservationRow, ReservedEntry, delete_reservation, deposits_of, put_reservation,
    reservation, reservations_due, reservations_open, take_place, wanted_by, wanted_by_anybody,
};
use super::super::wire::{Execute, Message, Stored, Withdrawn};
use crate::access_log::{self, Action};
use crate::capability::{GrantedSummary, Keys, Spent};
use crate::codec::Bytes;
use crate::copied;
use crate::directory;
use crate::entries::{self, EntryRow, TurnedDown};
use crate::holdings::{self, PullFor, Transfer, TransferFor};
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::patients;
use crate::permission;
use crate::receipts::{self, KeptRow, Receipt, ReceiptObject};
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::statement::Signed;
use crate::turn::{Context, Sender};

/// The data can be pulled: what is not here is.
pub(in crate::features::backup) fn executed(
    ctx: &mut Context<'_>,
    sender: &Sender,
    execute: &Execute,
) -> Handled<Bytes> {
    let Some(mut row) = reservation(ctx.txn, execute.reservation)? else {
        return refuse(Reason::NoDeposit);
    };
    if row.depositor != sender.institution {
        return refuse(Reason::OfAnother);
    }
    if row.state != DepositState::Ready {
        return Ok(Bytes::default());
    }
    if let Some(granted) = &row.granted
        && let Err(Failure::Refused(refusal)) = still_stands(ctx, granted)
    {
        ctx.lines_if_refused.push(refused_line(&row, &refusal));
        return Err(refusal.into());
    }
    row.expires = ctx.now.plus_ms(limits::RESERVATION_MS);
    let mut missing = 0;
    for reserved in row.entries.clone() {
        let Some(entry) = entries::entry(ctx.txn, reserved.subject, reserved.entry)? else {
            continue;
        };
        let pull = PullFor {
            id: execute.reservation,
            owner: row.owner,
            subject: reserved.subject,
            entry: reserved.entry,
        };
        missing += holdings::pull_missing(
            ctx,
            &entry.contents,
            row.depositor,
            execute.ticket,
            &TransferFor::Deposit(pull),
        )?;
    }
    row.state = DepositState::Filling;
    row.missing = missing;
    put_reservation(ctx.txn, execute.reservation, &row)?;
    if missing == 0 {
        store(ctx, execute.reservation, row)?;
    }
    Ok(Bytes::default())
}

fn refused_line(row: &ReservationRow, refusal: &Refusal) -> access_log::Draft {
    let mut line = access_log::Draft::new(row.owner, Action::KeepRefused, row.depositor);
    line.entries = row.entries.iter().map(|reserved| reserved.entry).collect();
    line.token = row.granted.as_ref().and_then(|granted| granted.links.last()).map(|l| l.token);
    line.reason = Some(refusal.clone());
    line
}

/// A permission is asked again whenever something is done with it.
fn still_stands(ctx: &Context<'_>, granted: &GrantedSummary) -> Handled<()> {
    let Some(known) = directory::keys(ctx.txn, granted.patient)? else {
        return refuse(directory::Reason::PatientForgotten);
    };
    let revocations = permission::revocations(ctx.txn, granted.patient)?;
    let forgot = copied::forgot(ctx.txn, granted.grantee)?;
    let txn = &*ctx.txn;
    let institutions = |party| permission::issuer(txn, party);
    let keys = Keys { patient: &known, institutions: &institutions };
    Ok(granted.recheck(ctx.now, (&revocations, forgot), &keys)?)
}

/// An object of a deposit has come, or never will.
pub(crate) fn pulled(
    ctx: &mut Context<'_>,
    transfer: &Transfer,
    pull: &PullFor,
    result: Result<(), Refusal>,
) -> Handled<()> {
    let Some(mut row) = reservation(ctx.txn, pull.id)? else { return Ok(()) };
    if let Err(refusal) = result {
        row.missing = row.missing.saturating_sub(1);
        return give_up(ctx, pull.id, row, (pull.subject, pull.entry), refusal);
    }
    holdings::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
    row.missing = row.missing.saturating_sub(1);
    row.expires = ctx.now.plus_ms(limits::RESERVATION_MS);
    put_reservation(ctx.txn, pull.id, &row)?;
    if row.missing == 0 {
        store(ctx, pull.id, row)?;
    }
    Ok(())
}

/// Everything is here and synced: says so, signed. A permission that ended meanwhile, or an object
/// that was deleted meanwhile, ends the deposit instead: no receipt for what is not kept.
fn store(ctx: &mut Context<'_>, id: [u8; 16], mut row: ReservationRow) -> Handled<()> {
    if let Some(granted) = &row.granted
        && let Err(Failure::Refused(refusal)) = still_stands(ctx, granted)
    {
        access_log::append(ctx, refused_line(&row, &refusal))?;
        return withdraw(ctx, id, &row, refusal);
    }
    for reserved in row.entries.clone() {
        if !held(ctx, &row, &reserved)? {
            drop_entry(ctx, id, &mut row, &reserved, Reason::DeletedMeanwhile.into())?;
        }
    }
    if row.entries.is_empty() {
        return withdraw(ctx, id, &row, Reason::DeletedMeanwhile.into());
    }
    let mut list = Vec::new();
    let mut entries = Vec::new();
    for reserved in &row.entries {
        entries::complete(ctx, reserved.subject, reserved.entry)?;
        entries::learn_holder(ctx.txn, reserved.subject, reserved.entry, ctx.own.party())?;
        entries.push(reserved.entry);
        let Some(entry) = entries::entry(ctx.txn, reserved.subject, reserved.entry)? else {
            continue;
        };
        keep_for_owner(ctx, id, &row, reserved, &entry)?;
        let manifest = entry.label.claims().manifest;
        let length = holdings::small(ctx.txn, manifest)?.map_or(0, |bytes| bytes.len() as u64);
        holdings::hold(ctx.txn, manifest, row.owner, reserved.entry, length)?;
        list.push(ReceiptObject { entry: reserved.entry, object: manifest, length });
        for content in &entry.contents {
            holdings::hold(ctx.txn, content.object, row.owner, reserved.entry, content.length)?;
            list.push(ReceiptObject {
                entry: reserved.entry,
                object: content.object,
                length: content.length,
            });
        }
    }
    row.state = DepositState::Stored;
    put_reservation(ctx.txn, id, &row)?;
    let mut line = access_log::Draft::new(row.owner, Action::Kept, row.depositor);
    line.entries = entries;
    line.token =
        row.granted.as_ref().and_then(|granted| granted.links.last()).map(|link| link.token);
    line.news = row.granted.as_ref().and_then(|granted| granted.old_news(ctx.now));
    access_log::append(ctx, line)?;
    let receipt = Receipt {
        holder: ctx.own.party(),
        key: ctx.own.key_number(),
        reservation: id,
        owner: row.owner,
        objects: list,
        at: ctx.now,
        keep_until: None,
    };
    let receipt = Signed::sign(receipt, ctx.own.institution_key()).to_unverified();
    ctx.send(
        row.depositor,
        &Message::Stored(Stored { reservation: id, receipt, except: row.except }),
    )?;
    Ok(())
}

/// From a place that was kept to an entry that is.
fn keep_for_owner(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    row: &ReservationRow,
    reserved: &ReservedEntry,
    entry: &EntryRow,
) -> Handled<()> {
    let of = (reserved.subject, reserved.entry);
    let place = take_place(ctx.txn, of, id)?;
    let small = holdings::small(ctx.txn, entry.label.claims().manifest)?;
    let manifest = small.map_or(0, |bytes| bytes.len() as u64);
    let kept = KeptRow {
        depositor: row.depositor,
        since: ctx.now,
        bytes: entry.contents.iter().fold(manifest, |sum, c| sum.saturating_add(c.length)),
        author_wrap: place.and_then(|place| place.author_wrap),
    };
    put_kept(ctx.txn, row.owner, of, &kept)?;
    Ok(())
}

fn held(ctx: &Context<'_>, row: &ReservationRow, reserved: &ReservedEntry) -> Handled<bool> {
    let Some(entry) = entries::entry(ctx.txn, reserved.subject, reserved.entry)? else {
        return Ok(false);
    };
    for content in &entry.contents {
        if !holdings::here_for(ctx.txn, content.object, row.owner)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The data of one entry cannot be had: it is given up, and the deposit goes on with the others.
fn give_up(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    mut row: ReservationRow,
    (subject, entry): (PartyId, EntryId),
    refusal: Refusal,
) -> Handled<()> {
    if row.entries.iter().all(|reserved| reserved.entry == entry) {
        return withdraw(ctx, id, &row, refusal);
    }
    drop_entry(ctx, id, &mut row, &ReservedEntry { subject, entry }, refusal)?;
    put_reservation(ctx.txn, id, &row)?;
    match row.missing {
        0 => store(ctx, id, row),
        _ => Ok(()),
    }
}

/// Entries were filed under the wrong patient, as their author says: deposits that wait for them go on without them, and
/// nobody's copy stays.
pub(crate) fn misfiled(
    ctx: &mut Context<'_>,
    subject: PartyId,
    entries: &[EntryId],
) -> Handled<()> {
    for entry in entries {
        let of = (subject, *entry);
        let why = Refusal::from(entries::Reason::Misfiled { entry: *entry });
        for id in deposits_of(ctx.txn, of)? {
            let Some(mut row) = reservation(ctx.txn, id)? else { continue };
            if row.state == DepositState::Filling
                || row.entries.iter().all(|reserved| reserved.entry == *entry)
            {
                give_up(ctx, id, row, of, why.clone())?;
            } else {
                let reserved = ReservedEntry { subject, entry: *entry };
                drop_entry(ctx, id, &mut row, &reserved, why.clone())?;
                put_reservation(ctx.txn, id, &row)?;
            }
        }
        for owner in owners_of(ctx.txn, of)? {
            delete_kept(ctx.txn, owner, of)?;
            entries::forget(ctx, owner, of, true)?;
        }
        // Its author, and the patient's relay, go by receipts until the holders have heard.
        let author = entries::entry(ctx.txn, subject, *entry)?.map(|row| row.label.claims().author);
        if author != Some(ctx.own.party()) && !patients::serves(ctx.txn, subject)? {
            receipts::forget_everywhere(ctx.txn, of)?;
        }
    }
    Ok(())
}

/// A patient took permissions back: places that are kept under them are given up at once, so that nobody takes up a patient's
/// room without bringing anything.
pub(crate) fn taken_back(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    for (id, row) in reservations_open(ctx.txn)? {
        let Some(granted) = row.granted.as_ref().filter(|granted| granted.patient == patient)
        else {
            continue;
        };
        if let Err(Failure::Refused(refusal)) = still_stands(ctx, granted) {
            access_log::append(ctx, refused_line(&row, &refusal))?;
            withdraw(ctx, id, &row, refusal)?;
        }
    }
    Ok(())
}

/// Takes one entry out of a deposit; what was accounted for it is given back.
fn drop_entry(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    row: &mut ReservationRow,
    reserved: &ReservedEntry,
    refusal: Refusal,
) -> Handled<()> {
    let checked = match entries::entry(ctx.txn, reserved.subject, reserved.entry)? {
        Some(entry) => entries::whole(ctx.txn, &entry)?,
        None => None,
    };
    let bytes = checked.as_ref().map_or(0, bytes_of);
    if let Some(granted) = &row.granted {
        give_back(ctx.txn, &granted.links, Spent { bytes, entries: 1 })?;
    }
    row.bytes = row.bytes.saturating_sub(bytes);
    row.missing = row.missing.saturating_sub(release(ctx, id, row.owner, reserved)?);
    row.entries.retain(|one| one.entry != reserved.entry);
    row.except.push(TurnedDown { entry: reserved.entry, refusal });
    Ok(())
}

/// Gives the place of one entry up: what came for it goes, unless it was kept before or another deposit waits for it.
/// Gives how many of its objects were on their way.
fn release(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    owner: PartyId,
    &ReservedEntry { subject, entry }: &ReservedEntry,
) -> Handled<u64> {
    take_place(ctx.txn, (subject, entry), id)?;
    if !wanted_by(ctx.txn, owner, subject, entry)? {
        let wanted = wanted_by_anybody(ctx.txn, subject, entry)?;
        entries::forget(ctx, owner, (subject, entry), wanted)?;
    }
    holdings::cancel(ctx, &TransferFor::Deposit(PullFor { id, owner, subject, entry }))
}

/// Gives up a deposit and tells the depositor why.
fn withdraw(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    row: &ReservationRow,
    refusal: Refusal,
) -> Handled<()> {
    for reserved in &row.entries {
        release(ctx, id, row.owner, reserved)?;
    }
    if let Some(granted) = &row.granted {
        let less = Spent { bytes: row.bytes, entries: row.entries.len() as u64 };
        give_back(ctx.txn, &granted.links, less)?;
    }
    delete_reservation(ctx.txn, id)?;
    let withdrawn = Withdrawn { reservation: id, refusal };
    ctx.send_urgently(row.depositor, &Message::Withdrawn(withdrawn))?;
    Ok(())
}

/// Time passed: places that were kept for data that never came are given up.
pub(in crate::features::backup) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    for id in reservations_due(ctx.txn, ctx.now)? {
        let Some(row) = reservation(ctx.txn, id)? else { continue };
        withdraw(ctx, id, &row, Reason::NotInTime.into())?;
    }
    Ok(())
}
