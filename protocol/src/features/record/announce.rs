//! The author tells the patient's relay what it recorded, and the relay takes it.
//!
//! Nothing that the relay does or fails to do keeps the author from recording: what finds no room in the outbox is
//! remembered as a row, and announced as it stands by then, a page for each message that went.

use super::authors;
use super::catalogue;
use super::reasons::Reason;
use super::wire::{Announce, Message};
use crate::codec::{Bytes, Wire};
use crate::contacts;
use crate::directory;
use crate::entries::{self, Bundle, Taken, TurnedDown, keep, learn_holder};
use crate::id::{CompartmentId, EntryId, PartyId};
use crate::limits;
use crate::outbox;
use crate::patients;
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::rows;
use crate::store::{StoreError, Table, prefix_end};
use crate::time::Timestamp;
use crate::treating;
use crate::turn::{Context, Sender};
use std::collections::BTreeSet;

/// Patient, entry -> nothing: what is to be announced when the outbox has room.
const UNANNOUNCED: Table = Table::rows("record_unannounced");

/// Tells the patient's relay of entries, in messages of bounded size.
pub(super) fn announce(
    ctx: &mut Context<'_>,
    patient: PartyId,
    bundles: Vec<Bundle>,
) -> Handled<()> {
    let Some(relay) = directory::relay_of(ctx.txn, patient)? else { return Ok(()) };
    for bundles in pages(bundles) {
        if outbox::has_room_to_tell(ctx.txn, relay)? {
            ctx.send(relay, &Message::Announce(Announce { patient, bundles }))?;
        } else {
            for bundle in bundles {
                rows::mark(ctx.txn, UNANNOUNCED, &key(patient, bundle.label.claims().entry()))?;
            }
        }
    }
    Ok(())
}

/// In the order that they come in, each page with room for one more of its size in a message.
fn pages(bundles: Vec<Bundle>) -> Vec<Vec<Bundle>> {
    let budget = limits::REQUEST_BYTES_MAX / 2;
    let mut pages: Vec<Vec<Bundle>> = Vec::new();
    let mut bytes = 0;
    for bundle in bundles {
        let size = bundle.to_bytes().len();
        match pages.last_mut() {
            Some(page) if bytes + size <= budget && page.len() < limits::PAGE_ENTRIES_MAX => {
                page.push(bundle);
            }
            _ => {
                bytes = 0;
                pages.push(vec![bundle]);
            }
        }
        bytes += size;
    }
    pages
}

/// The outbox has room for an institution again: of each patient whose relay it is, a page of what waits goes, as long as
/// there is room. Nothing is taken out that would have to be put back: else each answer of a slow relay, to any message,
/// would cost the work of all that waits for it.
pub(crate) fn announce_waiting(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    let mut from = Vec::new();
    while outbox::has_room_to_tell(ctx.txn, to)?
        && let Some((first, _)) = ctx.txn.page(UNANNOUNCED, &from, &[], 1)?.into_iter().next()
    {
        let Some(patient) = first.first_chunk().map(|id| PartyId(*id)) else { return Ok(()) };
        if directory::relay_of(ctx.txn, patient)? == Some(to) {
            announce_page(ctx, patient)?;
        }
        from = prefix_end(&patient.0);
        if from.is_empty() {
            break;
        }
    }
    Ok(())
}

/// A relay that lost what it knew is told again of what this institution recorded since, and somewhat before, of its
/// patients: as what had no room is. [MSG-10]
pub(crate) fn announce_again(
    ctx: &mut Context<'_>,
    relay: PartyId,
    since: Timestamp,
) -> Handled<()> {
    let me = ctx.own.party();
    for patient in directory::patients_of(ctx.txn, relay)? {
        for found in entries::entries(ctx.txn, patient)? {
            let label = found.row.label.claims();
            if label.author == me && found.index.is_some() && label.recorded >= since {
                rows::mark(ctx.txn, UNANNOUNCED, &key(patient, found.entry))?;
            }
        }
    }
    announce_waiting(ctx, relay)
}

fn announce_page(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    let end = prefix_end(&patient.0);
    let mut bundles = Vec::new();
    for (key, _) in ctx.txn.page(UNANNOUNCED, &patient.0, &end, limits::PAGE_ENTRIES_MAX)? {
        ctx.txn.delete(UNANNOUNCED, &key)?;
        bundles.extend(as_it_stands(ctx, patient, EntryId(rows::tail(UNANNOUNCED, &key)?))?);
    }
    announce(ctx, patient, bundles)
}

fn as_it_stands(
    ctx: &Context<'_>,
    patient: PartyId,
    entry: EntryId,
) -> Result<Option<Bundle>, StoreError> {
    let Some(row) = entries::entry(ctx.txn, patient, entry)? else { return Ok(None) };
    Ok(entries::whole(ctx.txn, &row)?.map(|whole| whole.to_bundle()))
}

fn key(patient: PartyId, entry: EntryId) -> Vec<u8> {
    rows::pair(&patient.0, &entry.0)
}

/// An author shows what it recorded. What cannot be taken keeps nothing else of the page from the patient; the author is
/// told of it.
pub(super) fn announced(
    ctx: &mut Context<'_>,
    sender: &Sender,
    announce: Announce,
) -> Handled<Bytes> {
    let patient = announce.patient;
    if !patients::serves(ctx.txn, patient)? {
        return refuse(patients::Reason::NotServed);
    }
    if !contacts::is_contact(ctx.txn, patient, sender.institution)? {
        return refuse(patients::Reason::NoDealings);
    }
    let (mut changes, mut taken, mut except) = (catalogue::Changes::default(), 0, Vec::new());
    let mut writes_in = BTreeSet::new();
    for bundle in announce.bundles {
        let entry = bundle.label.claims().entry();
        match take(ctx, sender, patient, bundle, &mut changes) {
            Ok(new) => {
                taken += 1;
                writes_in.extend(new);
            }
            Err(Failure::Refused(refusal)) => except.push(TurnedDown { entry, refusal }),
            Err(fault) => return Err(fault),
        }
    }
    let answer = Taken::answer(taken, except)?;
    authors::tell_of_new(ctx, patient, &writes_in)?;
    catalogue::announced(ctx, patient, &changes)?;
    Ok(answer)
}

/// At the author: what the relay did not take is our own program's fault, or the relay's.
pub(super) fn answered(relay: PartyId, answer: &Bytes) -> Handled<()> {
    for one in Taken::read(answer)? {
        tracing::warn!(relay = %relay.short(), reason = one.refusal.name(), "an announced entry was not taken");
    }
    Ok(())
}

/// At the author: the relay took nothing. Where it had no room, the entries wait for the next time that something is said to
/// it, as what found no room in the outbox does.
pub(super) fn refused(
    ctx: &mut Context<'_>,
    relay: PartyId,
    announce: &Announce,
    refusal: &Refusal,
) -> Handled<()> {
    tracing::warn!(relay = %relay.short(), reason = refusal.name(), "an announcement was not taken");
    if refusal.code == RefusalCode::LimitReached {
        for bundle in &announce.bundles {
            let key = key(announce.patient, bundle.label.claims().entry());
            rows::mark(ctx.txn, UNANNOUNCED, &key)?;
        }
    }
    Ok(())
}

/// Takes one entry; gives its compartment if it is its author's first there.
fn take(
    ctx: &mut Context<'_>,
    sender: &Sender,
    patient: PartyId,
    bundle: Bundle,
    changes: &mut catalogue::Changes,
) -> Handled<Option<CompartmentId>> {
    let author = bundle.label.claims().author;
    if author != sender.institution || bundle.label.claims().subject != patient {
        return refuse(Reason::NotItsOwn);
    }
    let checked = bundle.check(&sender.keys)?;
    let before = entries::entry(ctx.txn, patient, checked.label.entry())?;
    authors::may_announce(ctx, &checked.label, before.is_some())?;
    keep(ctx, &checked, Some(author), false, None)?;
    changes.note(before.as_ref().map(|row| row.label.claims()), &checked.label);
    learn_holder(ctx.txn, patient, checked.label.entry(), author)?;
    let Some(compartment) = checked.label.compartment else { return Ok(None) };
    let new = treating::wrote_in(ctx.txn, patient, compartment, author)?;
    Ok(Some(compartment).filter(|_| new))
}
