//! An offer is judged, and its place kept.

use super::super::Reason;
use super::super::kept::{account, bytes_of, used};
use super::super::tables::{
    DepositState, PlaceRow, ReservationRow, ReservedEntry, put_place, put_reservation, reservation,
};
use super::super::wire::{Offer, OfferPermission};
use crate::access_log::Action;
use crate::capability::{Granted, GrantedSummary, Keep, Operation, Target, Write};
use crate::codec::Bytes;
use crate::directory::{self, Introduction};
use crate::entries::{self, Bundle, Checked};
use crate::id::{EntryId, PartyId};
use crate::identity::{KeyLog, KnownKeys, Role};
use crate::limits;
use crate::permission::{Judged, judge};
use crate::refusal::{Failure, Handled, refuse};
use crate::store::StoreError;
use crate::turn::{Context, Effect, Sender};
use std::collections::BTreeMap;

/// An offer: checked whole before anything of it is kept; then its place is kept, and it waits.
pub(in crate::features::backup) fn offered(
    ctx: &mut Context<'_>,
    sender: &Sender,
    offer: Offer,
) -> Handled<Bytes> {
    if !matches!(ctx.own.role(), Role::Backup | Role::Hospital) {
        return ctx.own.require(Role::Backup).map(|()| Bytes::default());
    }
    if !sender.member {
        return refuse(Reason::NoMember);
    }
    if reservation(ctx.txn, offer.reservation)?.is_some() {
        return refuse(Reason::AlreadyHere);
    }
    if offer.bundles.is_empty() || offer.bundles.len() > limits::PAGE_ENTRIES_MAX {
        return refuse(Reason::EntriesOutOfBounds { most: limits::PAGE_ENTRIES_MAX });
    }
    let objects: usize = offer.bundles.iter().map(|bundle| bundle.contents.len() + 1).sum();
    if objects > limits::DEPOSIT_OBJECTS_MAX {
        return refuse(Reason::TooManyObjects { most: limits::DEPOSIT_OBJECTS_MAX });
    }
    learn_authors(ctx, &offer.bundles, offer.authors)?;
    let checked = check_bundles(ctx, offer.bundles)?;
    let bytes = checked.iter().map(bytes_of).fold(0, u64::saturating_add);
    let granted = match offer.permission {
        Some(permission) => Some(permitted(ctx, sender, offer.owner, permission, &checked, bytes)?),
        None => {
            own(sender, offer.owner, &checked)?;
            learn_patient(ctx, offer.patient, &checked)?;
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
        entries::keep(ctx, bundle, Some(sender.institution), false, None)?;
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
    bundles: &[Bundle],
    introductions: Vec<Introduction>,
) -> Handled<()> {
    for introduction in introductions {
        let party = introduction.keys.party_unverified();
        if bundles.iter().any(|bundle| bundle.label.claims().author == party) {
            directory::hear_of(ctx.txn, introduction)?;
        }
    }
    Ok(())
}

fn check_bundles(ctx: &Context<'_>, bundles: Vec<Bundle>) -> Handled<Vec<Checked>> {
    bundles
        .into_iter()
        .map(|bundle| {
            let author = bundle.label.claims().author;
            match directory::keys(ctx.txn, author)? {
                Some(keys) => bundle.check(&keys),
                None => refuse(Reason::AuthorUnknown { author }),
            }
        })
        .collect()
}

/// An institution backs up its own: it owns what it made.
fn own(sender: &Sender, owner: PartyId, checked: &[Checked]) -> Handled<()> {
    let all_own = checked.iter().all(|bundle| bundle.label.author == sender.institution);
    if owner != sender.institution || !all_own {
        return refuse(Reason::NotOnesOwn);
    }
    Ok(())
}

/// Takes over the keys of the patient whose entries these are, and nobody else's.
fn learn_patient(ctx: &mut Context<'_>, log: Option<KeyLog>, checked: &[Checked]) -> Handled<()> {
    let Some(log) = log else { return Ok(()) };
    let patient = log.party_unverified();
    if checked.iter().any(|bundle| bundle.label.subject != patient) {
        return refuse(Reason::OtherKeyLog);
    }
    directory::learn_keys(ctx.txn, log)?;
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
        return refuse(Reason::OtherPatients);
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
    let targets: Vec<Target> = checked.iter().map(|bundle| bundle.label.target()).collect();
    let operations = permission.chain.leaf().claims().operations;
    let spent: BTreeMap<_, _> = permission
        .chain
        .links()
        .iter()
        .map(|link| Ok((link.claims().id, used(ctx.txn, link.claims().id)?)))
        .collect::<Result<_, StoreError>>()?;
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
        let granted: Granted<Keep> = judge(ctx, sender, judged)?;
        return Ok(granted.summary().clone());
    }
    let granted: Granted<Write> = judge(ctx, sender, judged)?;
    added(ctx, sender, owner, &known, checked)?;
    Ok(granted.summary().clone())
}

/// What was sealed to a compartment after it was retired is not taken from anybody: whoever had a standing
/// permission still has its key. What is older is history, and its compartment was the right one.
fn in_time(ctx: &Context<'_>, checked: &[Checked]) -> Handled<()> {
    for bundle in checked {
        let label = &bundle.label;
        if label.compartment.is_some() && !entries::sealed_in_time(ctx.txn, label)? {
            return retired(label.entry);
        }
    }
    Ok(())
}

fn retired(entry: EntryId) -> Handled<()> {
    refuse(Reason::RetiredCompartment { entry })
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
        return refuse(Reason::RingUnknown);
    };
    for bundle in checked {
        let label = &bundle.label;
        if label.author != sender.institution {
            return refuse(Reason::OthersEntries);
        }
        let current = ring.compartments.iter().any(|c| Some(c.id()) == label.compartment);
        if !current || ring.key != known.current_number() {
            return retired(label.entry);
        }
    }
    Ok(())
}
