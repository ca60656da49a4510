//! The storing side.

use super::tables::{
    DepositState, KeptRow, PlaceRow, ReservationRow, ReservedEntry, account, bytes_of, delete_kept,
    delete_reservation, kept_page, put_kept, put_place, put_reservation, reservation,
    reservations_due, subjects_of, take_place, used, wanted_by,
};
use super::wire::{
    Delete, Deletion, Execute, Fetch, FetchAnswer, Message, Offer, OfferPermission, Position,
    Receipt, ReceiptObject, Stored, Withdrawn,
};
use crate::access_log::{self, Action};
use crate::capability::{Granted, GrantedSummary, Keep, Operation, Target, Write};
use crate::codec::{Bytes, Wire};
use crate::consent::{self, Judged};
use crate::directory;
use crate::id::PartyId;
use crate::identity::{KnownKeys, Role};
use crate::limits;
use crate::objects::{self, PullFor, Transfer, TransferFor};
use crate::peer::{Body, Context, Effect, Sender};
use crate::record::{self, Checked};
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::statement::Signed;
use crate::time::{DAY_MS, MINUTE_MS};

/// Handles another institution's message.
pub(crate) fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
    match message {
        Message::Offer(offer) => offered(ctx, sender, offer),
        Message::Execute(execute) => executed(ctx, sender, &execute),
        Message::Stored(stored) => super::depositor::stored(ctx, sender, &stored),
        Message::Delete(delete) => deleted(ctx, sender, delete),
        Message::Fetch(fetch) => fetched(ctx, sender, &fetch),
        Message::Withdrawn(withdrawn) => super::depositor::withdrawn(ctx, sender, withdrawn),
    }
}

/// An offer: checked whole before anything of it is kept; then its place is kept, and it waits.
fn offered(ctx: &mut Context<'_>, sender: &Sender, offer: Offer) -> Handled<Bytes> {
    if !matches!(ctx.peer.role(), Role::Backup | Role::Hospital) {
        return ctx.peer.require(Role::Backup).map(|()| Bytes::default());
    }
    if !sender.member {
        return refuse(RefusalCode::NotPermitted, "only members of the federation deposit");
    }
    if reservation(ctx.txn, offer.reservation)?.is_some() {
        return refuse(RefusalCode::AlreadyDone, "a deposit of this id is here already");
    }
    if offer.bundles.is_empty() || offer.bundles.len() > limits::PAGE_ENTRIES_MAX {
        return refuse(
            RefusalCode::Invalid,
            format!("a deposit has 1 to {} entries", limits::PAGE_ENTRIES_MAX),
        );
    }
    let objects: usize = offer.bundles.iter().map(|bundle| bundle.contents.len() + 1).sum();
    if objects > limits::DEPOSIT_OBJECTS_MAX {
        return refuse(
            RefusalCode::LimitReached,
            format!("a deposit has at most {} objects", limits::DEPOSIT_OBJECTS_MAX),
        );
    }
    learn_authors(ctx, &offer.bundles, offer.authors)?;
    let checked = check_bundles(ctx, offer.bundles)?;
    let bytes = checked.iter().map(bytes_of).fold(0, u64::saturating_add);
    let granted = match offer.permission {
        Some(permission) => Some(permitted(ctx, sender, offer.owner, permission, &checked, bytes)?),
        None => {
            own(sender, offer.owner, &checked)?;
            None
        }
    };
    in_time(ctx, &checked)?;
    let expires = ctx.now.plus_ms(limits::RESERVATION_MS);
    let row = ReservationRow {
        depositor: sender.institution,
        owner: offer.owner,
        entries: checked
            .iter()
            .map(|bundle| ReservedEntry {
                subject: bundle.label.subject,
                entry: bundle.label.entry,
            })
            .collect(),
        granted,
        state: DepositState::Ready,
        expires,
        missing: 0,
        bytes,
    };
    for link in row.granted.iter().flat_map(|granted| &granted.links) {
        account(ctx.txn, link.token, i64::try_from(bytes).unwrap_or(i64::MAX))?;
    }
    put_reservation(ctx.txn, offer.reservation, &row)?;
    for bundle in &checked {
        record::keep(ctx, bundle, Some(sender.institution), false, None)?;
        let place = PlaceRow { owner: offer.owner, author_wrap: bundle.author_wrap.clone() };
        let of = (bundle.label.subject, bundle.label.entry);
        put_place(ctx.txn, of, offer.reservation, &place)?;
    }
    ctx.effects.push(Effect::WakeAt(expires));
    Ok(Bytes::default())
}

/// Takes over who made the entries, and nobody else.
fn learn_authors(
    ctx: &mut Context<'_>,
    bundles: &[record::Bundle],
    introductions: Vec<directory::Introduction>,
) -> Handled<()> {
    for introduction in introductions {
        let party = introduction.keys.party_unverified();
        if bundles.iter().any(|bundle| bundle.label.claims().author == party) {
            directory::hear_of(ctx.txn, introduction)?;
        }
    }
    Ok(())
}

fn check_bundles(ctx: &Context<'_>, bundles: Vec<record::Bundle>) -> Handled<Vec<Checked>> {
    bundles
        .into_iter()
        .map(|bundle| {
            let author = bundle.label.claims().author;
            match directory::keys(ctx.txn, author)? {
                Some(keys) => bundle.check(&keys),
                None => refuse(
                    RefusalCode::NotAuthentic,
                    format!("the author {} of an entry is not known", author.short()),
                ),
            }
        })
        .collect()
}

/// An institution backs up its own: it owns what it made.
fn own(sender: &Sender, owner: PartyId, checked: &[Checked]) -> Handled<()> {
    let all_own = checked.iter().all(|bundle| bundle.label.author == sender.institution);
    if owner != sender.institution || !all_own {
        return refuse(
            RefusalCode::NotPermitted,
            "without a patient's permission an institution deposits only entries that it made, for itself",
        );
    }
    Ok(())
}

/// A patient's permission: to keep named entries, or to add to the record.
fn permitted(
    ctx: &mut Context<'_>,
    sender: &Sender,
    owner: PartyId,
    permission: OfferPermission,
    checked: &[Checked],
    bytes: u64,
) -> Handled<GrantedSummary> {
    if checked.iter().any(|bundle| bundle.label.subject != owner) {
        return refuse(
            RefusalCode::Invalid,
            "a deposit for a patient has that patient's entries only",
        );
    }
    let known = directory::learn_keys(ctx.txn, permission.log.clone())?;
    if let Some(ring) = permission.ring {
        // A depositor that has not heard of a rotation still has the ring of an older key. It teaches
        // nothing; what is sealed to it is judged by the ring that is known here.
        match directory::learn_ring(ctx.txn, ring, &known, ctx.now) {
            Ok(()) | Err(Failure::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let targets: Vec<Target> =
        checked.iter().map(|bundle| consent::target(&bundle.label)).collect();
    let operations = permission.chain.leaf().claims().operations;
    let spent: std::collections::BTreeMap<_, _> = permission
        .chain
        .links()
        .iter()
        .map(|link| Ok((link.claims().id, used(ctx.txn, link.claims().id)?)))
        .collect::<Result<_, crate::store::StoreError>>()?;
    let spent = |token| spent.get(&token).copied().unwrap_or(0);
    let judged = Judged {
        patient: owner,
        chain: permission.chain,
        log: permission.log,
        issuers: permission.issuers,
        revocations: permission.revocations,
        purpose: None,
        targets: &targets,
        bytes,
        used: &spent,
        user: None,
        refused_as: Action::KeepRefused,
    };
    if operations.contains(Operation::Keep) {
        let granted: Granted<Keep> = consent::judge(ctx, sender, judged)?;
        return Ok(granted.summary().clone());
    }
    let granted: Granted<Write> = consent::judge(ctx, sender, judged)?;
    added(ctx, sender, owner, &known, checked)?;
    Ok(granted.summary().clone())
}

/// What was sealed to a compartment after it was retired is not taken from anybody: whoever had a standing
/// permission still has its key. What is older is history, and its compartment was the right one.
fn in_time(ctx: &Context<'_>, checked: &[Checked]) -> Handled<()> {
    for bundle in checked {
        let label = &bundle.label;
        if label.compartment.is_some() && !record::sealed_in_time(ctx.txn, label)? {
            return retired(label.entry);
        }
    }
    Ok(())
}

fn retired(entry: crate::id::EntryId) -> Handled<()> {
    refuse(
        RefusalCode::WrongState,
        format!(
            "retired-compartment: entry {entry} is sealed to a compartment that was retired; its author seals it again with the patient's current keys"
        ),
    )
}

/// What is added to a record is the sender's own work, sealed to compartments that still count.
fn added(
    ctx: &Context<'_>,
    sender: &Sender,
    patient: PartyId,
    known: &KnownKeys,
    checked: &[Checked],
) -> Handled<()> {
    let Some(ring) = directory::ring(ctx.txn, patient)? else {
        return refuse(RefusalCode::WrongState, "the patient's key ring is not known here");
    };
    for bundle in checked {
        let label = &bundle.label;
        if label.author != sender.institution {
            return refuse(
                RefusalCode::NotPermitted,
                "an institution adds only entries that it made",
            );
        }
        let current = ring.compartments.iter().any(|c| Some(c.id()) == label.compartment);
        if !current || ring.key != known.current_number() {
            return retired(label.entry);
        }
    }
    Ok(())
}

/// The data can be pulled: what is not here is.
fn executed(ctx: &mut Context<'_>, sender: &Sender, execute: &Execute) -> Handled<Bytes> {
    let Some(mut row) = reservation(ctx.txn, execute.reservation)? else {
        return refuse(RefusalCode::NotFound, "no such deposit here; offer it again");
    };
    if row.depositor != sender.institution {
        return refuse(RefusalCode::NotPermitted, "this deposit is another institution's");
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
        let Some(entry) = record::entry(ctx.txn, reserved.subject, reserved.entry)? else {
            continue;
        };
        let pull = PullFor {
            id: execute.reservation,
            owner: row.owner,
            subject: reserved.subject,
            entry: reserved.entry,
        };
        missing += objects::pull_missing(
            ctx,
            &entry.contents,
            &Transfer {
                from: row.depositor,
                ticket: execute.ticket,
                object: entry.label.claims().manifest,
                length: 0,
                purpose: TransferFor::Deposit(pull),
            },
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
    line.reason = Some(refusal.text.split(':').next().unwrap_or_default().to_owned());
    line
}

/// A permission is asked again whenever something is done with it.
fn still_stands(ctx: &Context<'_>, granted: &GrantedSummary) -> Handled<()> {
    let Some(known) = directory::keys(ctx.txn, granted.patient)? else {
        return refuse(RefusalCode::BadPermission, "the patient is not known here any more");
    };
    let revocations = consent::revocations(ctx.txn, granted.patient)?;
    let txn = &*ctx.txn;
    let institutions = |party| consent::issuer(txn, party);
    let keys = crate::capability::Keys { patient: &known, institutions: &institutions };
    granted.recheck(ctx.now, &revocations, &keys).or_else(|reason| {
        refuse(RefusalCode::BadPermission, format!("{}: {}", reason.name(), reason.sentence()))
    })
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
        return withdraw(ctx, pull.id, &row, refusal);
    }
    objects::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
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
    if !all_held(ctx, &row)? {
        let text = "some of it was deleted while the rest came; offer it again";
        return withdraw(ctx, id, &row, Refusal::new(RefusalCode::WrongState, text));
    }
    let mut list = Vec::new();
    let mut entries = Vec::new();
    for reserved in &row.entries {
        record::complete(ctx, reserved.subject, reserved.entry)?;
        record::learn_holder(ctx, reserved.subject, reserved.entry, ctx.peer.me())?;
        entries.push(reserved.entry);
        let Some(entry) = record::entry(ctx.txn, reserved.subject, reserved.entry)? else {
            continue;
        };
        keep_for_owner(ctx, id, &row, reserved, &entry)?;
        let manifest = entry.label.claims().manifest;
        let length = objects::small(ctx.txn, manifest)?.map_or(0, |bytes| bytes.len() as u64);
        objects::hold(ctx.txn, manifest, row.owner, reserved.entry, length)?;
        list.push(ReceiptObject { entry: reserved.entry, object: manifest, length });
        for content in &entry.contents {
            objects::hold(ctx.txn, content.object, row.owner, reserved.entry, content.length)?;
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
    access_log::append(ctx, line)?;
    let receipt = Receipt {
        holder: ctx.peer.me(),
        key: ctx.peer.key_number(),
        reservation: id,
        owner: row.owner,
        objects: list,
        at: ctx.now,
        keep_until: None,
    };
    let receipt = Signed::sign(receipt, ctx.peer.institution_key()).to_unverified();
    ctx.send(row.depositor, &Body::Backup(Message::Stored(Stored { reservation: id, receipt })))?;
    Ok(())
}

/// From a place that was kept to an entry that is.
fn keep_for_owner(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    row: &ReservationRow,
    reserved: &ReservedEntry,
    entry: &record::EntryRow,
) -> Handled<()> {
    let of = (reserved.subject, reserved.entry);
    let place = take_place(ctx.txn, of, id)?;
    let small = objects::small(ctx.txn, entry.label.claims().manifest)?;
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

fn all_held(ctx: &Context<'_>, row: &ReservationRow) -> Handled<bool> {
    for reserved in &row.entries {
        let Some(entry) = record::entry(ctx.txn, reserved.subject, reserved.entry)? else {
            return Ok(false);
        };
        for content in &entry.contents {
            if !objects::held_for(ctx.txn, content.object, row.owner)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Gives up a deposit and tells the depositor why: what came for it goes, unless it was kept before or
/// another deposit waits for it.
fn withdraw(
    ctx: &mut Context<'_>,
    id: [u8; 16],
    row: &ReservationRow,
    refusal: Refusal,
) -> Handled<()> {
    for reserved in &row.entries {
        take_place(ctx.txn, (reserved.subject, reserved.entry), id)?;
        if !wanted_by(ctx.txn, row.owner, reserved.subject, reserved.entry)? {
            record::forget(ctx, row.owner, reserved.subject, reserved.entry)?;
        }
        let pull =
            PullFor { id, owner: row.owner, subject: reserved.subject, entry: reserved.entry };
        objects::cancel(ctx, &TransferFor::Deposit(pull))?;
    }
    for link in row.granted.iter().flat_map(|granted| &granted.links) {
        account(ctx.txn, link.token, -i64::try_from(row.bytes).unwrap_or(i64::MAX))?;
    }
    delete_reservation(ctx.txn, id)?;
    let withdrawn = Withdrawn { reservation: id, refusal };
    ctx.send_if_room(row.depositor, &Body::Backup(Message::Withdrawn(withdrawn)))?;
    Ok(())
}

/// Stops keeping an entry for an owner.
fn forget(
    ctx: &mut Context<'_>,
    owner: PartyId,
    subject: PartyId,
    id: crate::id::EntryId,
) -> Handled<bool> {
    let was_kept = delete_kept(ctx.txn, owner, (subject, id))?;
    if was_kept {
        record::forget(ctx, owner, subject, id)?;
    }
    Ok(was_kept)
}

/// Time passed: places that were kept for data that never came are given up.
pub(super) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    for id in reservations_due(ctx.txn, ctx.now)? {
        let Some(row) = reservation(ctx.txn, id)? else { continue };
        let text = "the data did not come in time; offer them again";
        withdraw(ctx, id, &row, Refusal::new(RefusalCode::Expired, text))?;
    }
    Ok(())
}

/// Deletes on the owner's word, and says so, signed.
fn deleted(ctx: &mut Context<'_>, sender: &Sender, delete: Delete) -> Handled<Bytes> {
    let claims = delete.order.claims().clone();
    let refused = |ctx: &mut Context<'_>, code, text: &str| {
        let mut line =
            access_log::Draft::new(claims.owner, Action::DeleteRefused, sender.institution);
        line.entries.clone_from(&claims.entries);
        line.reason = Some(text.to_owned());
        ctx.lines_if_refused.push(line);
        refuse(code, text)
    };
    // Nobody but an owner learns from the refusal whether the owner is known here.
    let Some(known) = directory::keys(ctx.txn, claims.owner)? else {
        return refuse(
            RefusalCode::NotAuthentic,
            "the order is not signed with the owner's current key",
        );
    };
    let signed =
        claims.key == known.current_number() && delete.order.check(&known.current()).is_ok();
    if !signed {
        return refused(
            ctx,
            RefusalCode::NotAuthentic,
            "the order is not signed with the owner's current key",
        );
    }
    if claims.holder != ctx.peer.me() {
        return refused(ctx, RefusalCode::NotAuthentic, "the order is for another holder");
    }
    let too_new = claims.at > ctx.now.plus_ms(2 * MINUTE_MS);
    if too_new || ctx.now.since(claims.at) > DAY_MS {
        return refused(ctx, RefusalCode::Expired, "the order is not of today; sign it again");
    }
    let own = claims.owner == sender.institution;
    let subjects = if own { subjects_of(ctx.txn, claims.owner)? } else { Default::default() };
    let (mut gone, mut unknown) = (Vec::new(), Vec::new());
    for entry in &claims.entries {
        // A patient owns under its own name; an institution may own entries of many subjects.
        let subject = if own { subjects.get(entry).copied() } else { Some(claims.owner) };
        let was_kept = match subject {
            Some(subject) => forget(ctx, claims.owner, subject, *entry)?,
            None => false,
        };
        if was_kept { gone.push(*entry) } else { unknown.push(*entry) }
    }
    let mut line = access_log::Draft::new(claims.owner, Action::Deleted, claims.owner);
    line.entries.clone_from(&gone);
    access_log::append(ctx, line)?;
    let deletion = Deletion {
        holder: ctx.peer.me(),
        key: ctx.peer.key_number(),
        order: delete.order.id(),
        deleted: gone,
        unknown,
        at: ctx.now,
    };
    Ok(Bytes(Signed::sign(deletion, ctx.peer.institution_key()).bytes().to_vec()))
}

/// An institution gets back what it backed up.
fn fetched(ctx: &mut Context<'_>, sender: &Sender, fetch: &Fetch) -> Handled<Bytes> {
    let owner = sender.institution;
    let after = fetch.after.map(|at| (at.subject, at.entry));
    let page = kept_page(ctx.txn, owner, fetch.subject, after, limits::PAGE_ENTRIES_MAX)?;
    // A full page may be followed by others, whatever of it could be given.
    let mut more = page.len() == limits::PAGE_ENTRIES_MAX;
    let (mut bundles, mut contents, mut bytes, mut last) = (Vec::new(), Vec::new(), 0, None);
    for (subject, entry, kept) in page {
        let row = record::entry(ctx.txn, subject, entry)?.filter(|row| row.whole);
        let whole = row.as_ref().map(|row| record::whole(ctx.txn, row)).transpose()?.flatten();
        if let (Some(row), Some(mut whole)) = (row, whole) {
            whole.author_wrap = kept.author_wrap;
            let bundle = whole.to_bundle();
            let size = bundle.to_bytes().len();
            if bytes + size > limits::PAGE_BYTES_MAX {
                more = true;
                break;
            }
            bytes += size;
            contents.extend(row.contents.iter().map(|content| content.object));
            bundles.push(bundle);
        }
        last = Some(Position { subject, entry });
    }
    let next = last.filter(|_| more);
    let ticket = objects::issue_ticket(ctx, owner, contents, None)?;
    Ok(Bytes(FetchAnswer { bundles, ticket, next }.to_bytes()))
}
