//! An offer is judged, and its place kept.

use super::super::Reason;
use super::super::kept::{account, bytes_of, used};
use super::super::tables::{
    DepositState, PlaceRow, ReservationRow, ReservedEntry, put_place, put_reservation, reservation,
};
use super::super::wire::{Offer, OfferPermission};
use crate::access_log::{self, Action};
use crate::capability::{
    self, Granted, GrantedSummary, Keep, Operation, Permitted, Spent, Target, Write,
};
use crate::codec::Bytes;
use crate::directory::{self, Introduction};
use crate::entries::{self, Bundle, Checked, Taken, TurnedDown};
use crate::id::PartyId;
use crate::identity::{KeyLog, KnownKeys, Role};
use crate::limits;
use crate::permission::{Judged, judge};
use crate::refusal::{Failure, Handled, refuse};
use crate::store::StoreError;
use crate::turn::{Context, Effect, Notice, Payer, QuotaSaid, Sender};
use std::collections::BTreeMap;

/// An offer: each entry is checked before anything is kept; then the place of those that hold is kept, and waits.
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
    let mut except = Vec::new();
    let mut checked = Vec::new();
    for bundle in offer.bundles {
        let entry = bundle.label.claims().entry();
        match check(ctx, sender, (offer.owner, offer.permission.is_some()), bundle) {
            Ok(bundle) => checked.push(bundle),
            Err(Failure::Refused(refusal)) => except.push(TurnedDown { entry, refusal }),
            Err(fault) => return Err(fault),
        }
    }
    let granted = match offer.permission {
        Some(permission) if !checked.is_empty() => {
            Some(permitted(ctx, sender, offer.owner, permission, (&mut checked, &mut except))?)
        }
        _ => {
            learn_patient(ctx, offer.patient, &checked)?;
            None
        }
    };
    let answer = Taken::answer(checked.len(), except)?;
    let bytes = checked.iter().map(bytes_of).fold(0, u64::saturating_add);
    let expires = ctx.now.plus_ms(limits::RESERVATION_MS);
    let row = ReservationRow {
        depositor: sender.institution,
        owner: offer.owner,
        entries: checked
            .iter()
            .map(|bundle| ReservedEntry {
                subject: bundle.label.subject,
                entry: bundle.label.entry(),
            })
            .collect(),
        granted,
        state: DepositState::Ready,
        expires,
        missing: 0,
        bytes,
        except: Vec::new(),
    };
    if let Some(granted) = &row.granted {
        let more = Spent { bytes, entries: row.entries.len() as u64 };
        account(ctx.txn, &granted.links, more)?;
        let said = QuotaSaid { entries: granted.quota_entries, bytes: granted.quota };
        ctx.payer = ctx.payer.map(|payer| Payer { said: Some(said), ..payer });
    }
    put_reservation(ctx.txn, offer.reservation, &row)?;
    for bundle in &checked {
        entries::keep(ctx, bundle, Some(sender.institution), false, None)?;
        let place = PlaceRow { owner: offer.owner, author_wrap: bundle.author_wrap.clone() };
        let of = (bundle.label.subject, bundle.label.entry());
        put_place(ctx.txn, of, offer.reservation, &place)?;
    }
    ctx.effects.push(Effect::WakeAt(expires));
    Ok(answer)
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
            directory::hear_of(ctx, introduction)?;
        }
    }
    Ok(())
}

/// Looks at one entry as far as that can be done without the permission. One that is not as it should be keeps no other
/// out: the authors of those that come together need not know each other.
fn check(
    ctx: &Context<'_>,
    sender: &Sender,
    (owner, permitted): (PartyId, bool),
    bundle: Bundle,
) -> Handled<Checked> {
    let label = bundle.label.claims();
    let author = label.author;
    let Some(keys) = directory::keys(ctx.txn, author)? else {
        return refuse(Reason::AuthorUnknown { author });
    };
    if permitted && label.subject != owner {
        return refuse(Reason::OtherPatients);
    }
    // An institution backs up its own: it owns what it made.
    if !permitted && (owner != sender.institution || author != sender.institution) {
        return refuse(Reason::NotOnesOwn);
    }
    let checked = bundle.check(&keys)?;
    in_time(ctx, &checked)?;
    let known = entries::entry(ctx.txn, checked.label.subject, checked.label.entry())?;
    entries::keepable(ctx.own, ctx.txn, &checked, known.as_ref())?;
    Ok(checked)
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

/// A patient's permission: to keep named entries, or to add to the record. Entries that it does not cover, or that it
/// does not let be added, are taken out.
fn permitted(
    ctx: &mut Context<'_>,
    sender: &Sender,
    patient: PartyId,
    mut permission: OfferPermission,
    (checked, except): (&mut Vec<Checked>, &mut Vec<TurnedDown>),
) -> Handled<GrantedSummary> {
    let known = directory::learn_keys(ctx.txn, permission.log.clone())?;
    if let Some(ring) = permission.ring.take() {
        // A depositor that has not heard of a rotation still has the ring of an older key. It teaches
        // nothing; what is sealed to it is judged by the ring that is known here.
        match directory::learn_ring(ctx.txn, ring, &known, ctx.now) {
            // Who keeps for others may have made entries of its own, too.
            Ok(true) if entries::chart_of(ctx.txn, patient)?.is_some() => {
                ctx.notify(Notice::Ring { patient });
            }
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        // What was sealed in time by the ring that was known may not be by this one.
        sort_out(checked, except, |one| in_time(ctx, one))?;
    }
    let claims = permission.chain.leaf().claims();
    let (operations, scope) = (claims.operations, claims.scope.clone());
    let covered = |one: &Checked| {
        let Target { entry, compartment } = one.label.target();
        match scope.covers(entry, compartment) {
            true => Ok(()),
            false => refuse(capability::Reason::OutOfScope),
        }
    };
    // Where none is covered, whoever judges the permission says so, once it is found to be one.
    if checked.iter().any(|one| covered(one).is_ok()) {
        sort_out(checked, except, covered)?;
    }
    let granted = match operations.contains(Operation::Keep) {
        true => judged::<Keep>(ctx, sender, patient, permission, checked)?,
        false => {
            let granted = judged::<Write>(ctx, sender, patient, permission, checked)?;
            sort_out(checked, except, |one| added(ctx, sender, (patient, &known), one))?;
            granted
        }
    };
    if !except.is_empty() {
        log_refused(ctx, sender, (patient, &granted), except)?;
    }
    Ok(granted)
}

/// Moves those that `holds` refuses from `checked` to `except`.
fn sort_out(
    checked: &mut Vec<Checked>,
    except: &mut Vec<TurnedDown>,
    holds: impl Fn(&Checked) -> Handled<()>,
) -> Handled<()> {
    for one in core::mem::take(checked) {
        match holds(&one) {
            Ok(()) => checked.push(one),
            Err(Failure::Refused(refusal)) => {
                except.push(TurnedDown { entry: one.label.entry(), refusal });
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn judged<Op: Permitted>(
    ctx: &mut Context<'_>,
    sender: &Sender,
    patient: PartyId,
    permission: OfferPermission,
    checked: &[Checked],
) -> Handled<GrantedSummary> {
    let targets: Vec<Target> = checked.iter().map(|bundle| bundle.label.target()).collect();
    let spent: BTreeMap<_, _> = permission
        .chain
        .links()
        .iter()
        .map(|link| Ok((link.claims().id, used(ctx.txn, link.claims().id)?)))
        .collect::<Result<_, StoreError>>()?;
    let spent = |token| spent.get(&token).copied().unwrap_or_default();
    let granted: Granted<Op> = judge(
        ctx,
        sender,
        Judged {
            patient,
            chain: permission.chain,
            log: permission.log,
            issuers: permission.issuers,
            news: permission.news,
            purpose: None,
            targets: &targets,
            bytes: checked.iter().map(bytes_of).fold(0, u64::saturating_add),
            used: &spent,
            user: None,
            refused_as: Action::KeepRefused,
        },
    )?;
    Ok(granted.summary().clone())
}

/// What was not taken under a permission is on the record, with the first one's reason.
fn log_refused(
    ctx: &mut Context<'_>,
    sender: &Sender,
    (patient, granted): (PartyId, &GrantedSummary),
    except: &[TurnedDown],
) -> Handled<()> {
    let line = access_log::Draft {
        entries: except.iter().map(|one| one.entry).collect(),
        token: granted.links.last().map(|link| link.token),
        reason: except.first().map(|one| one.refusal.clone()),
        ..access_log::Draft::new(patient, Action::KeepRefused, sender.institution)
    };
    if let Some(line) = access_log::on_record(ctx.txn, ctx.now, line)? {
        access_log::append(ctx, line)?;
    }
    Ok(())
}

/// What was sealed to a compartment after it was retired is not taken from anybody: whoever had a standing
/// permission still has its key. What is older is history, and its compartment was the right one.
fn in_time(ctx: &Context<'_>, checked: &Checked) -> Handled<()> {
    let label = &checked.label;
    match label.compartment.is_some() && !entries::sealed_in_time(ctx.txn, label)? {
        true => refuse(Reason::RetiredCompartment { entry: label.entry() }),
        false => Ok(()),
    }
}

/// What is added to a record is the sender's own work, sealed to compartments that still count.
fn added(
    ctx: &Context<'_>,
    sender: &Sender,
    (patient, known): (PartyId, &KnownKeys),
    checked: &Checked,
) -> Handled<()> {
    let Some(ring) = directory::ring(ctx.txn, patient)? else {
        return refuse(Reason::RingUnknown);
    };
    let label = &checked.label;
    if label.author != sender.institution {
        return refuse(Reason::OthersEntries);
    }
    let current = label.compartment.is_some_and(|id| ring.entry(id).is_some());
    match current && ring.key == known.current_number() {
        true => Ok(()),
        false => refuse(Reason::RetiredCompartment { entry: label.entry() }),
    }
}
