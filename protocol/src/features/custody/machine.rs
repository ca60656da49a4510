//! Transitions.

use super::news;
use super::put_back;
use super::reasons::Reason;
use super::view::{PatientView, RotatedView};
use super::wire::{Keys, Message};
use crate::access_log::{self, Action};
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::id::PartyId;
use crate::identity::{Compartment, KeyLog, KeyRing, PatientKeys, RingEntry, Role, Rotation};
use crate::kind::Kind;
use crate::limits;
use crate::names;
use crate::patients::{self, PatientRow, patient, put_patient, remember_compartment, view};
use crate::permission::{self, MayRead};
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::store::ReadTxn;
use crate::time::{DAY_MS, Timestamp};
use crate::treating;
use crate::turn::{Context, Notice, Sender};

/// A patient's keys that came along, at a relay.
pub(super) fn unlocked<'a>(ctx: &Context<'a>) -> Handled<&'a PatientKeys> {
    ctx.own.require(Role::Patient)?;
    let Some(keys) = ctx.keys else {
        return refuse(Reason::Locked);
    };
    Ok(keys)
}

/// Publishes anew for a patient.
pub(super) fn refresh(ctx: &mut Context<'_>, patient: PartyId) -> Handled<PatientView> {
    let keys = unlocked(ctx)?;
    if patient != keys.patient {
        return refuse(Reason::OthersKeys);
    }
    publish(ctx, keys)?;
    view(ctx.txn, patient, ctx.now)
}

/// Keeps a patient that was just made.
pub(super) fn keep(
    ctx: &mut Context<'_>,
    name: String,
    log: KeyLog,
    sealed_keys: Vec<u8>,
) -> Handled<PatientView> {
    let keys = unlocked(ctx)?;
    if !names::can_be_named(&name) {
        return refuse(Reason::NameOutOfBounds);
    }
    let id = directory::learn_keys(ctx.txn, log)?.party();
    let row = PatientRow {
        name,
        sealed_keys: Bytes(sealed_keys),
        created: ctx.now,
        ring_seq: 0,
        revocation_seq: 0,
    };
    put_patient(ctx.txn, id, &row)?;
    news::begin(ctx)?;
    publish(ctx, keys)?;
    view(ctx.txn, id, ctx.now)
}

/// Takes over a rotation.
pub(super) fn rotate(
    ctx: &mut Context<'_>,
    rotation: &Signed<Rotation>,
    sealed_keys: Vec<u8>,
    although_put_back: bool,
) -> Handled<RotatedView> {
    let keys = unlocked(ctx)?;
    let id = rotation.party;
    if !although_put_back {
        put_back::all_were_heard(ctx, id)?;
    }
    let mut row = patient(ctx.txn, id)?;
    let Some(known) = directory::keys(ctx.txn, id)? else {
        return refuse(directory::Reason::KeyLogMissing);
    };
    directory::learn_keys(ctx.txn, known.log().clone().rotated(rotation))?;
    row.sealed_keys = Bytes(sealed_keys);
    put_patient(ctx.txn, id, &row)?;
    let (kept, dropped) = permission::rotated(ctx.txn, ctx.now, id, &rotation.kept)?;
    access_log::append(ctx, access_log::Draft::new(id, Action::Rotated, id))?;
    publish(ctx, keys)?;
    Ok(RotatedView { patient: id, number: rotation.number, kept, dropped })
}

/// Whenever a patient's keys are at hand: what had to wait for them is done. A standing permission that
/// ended while they were locked ends for good now, with a new epoch of what it opened.
pub(crate) fn at_hand(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<()> {
    let current = directory::keys(ctx.txn, keys.patient)?
        .is_some_and(|known| known.current_number() == keys.number);
    // A patient that is being made, or keys that are being rotated: they publish by themselves.
    if !current || !patients::serves(ctx.txn, keys.patient)? {
        return Ok(());
    }
    let begun = put_back::find_forgotten(ctx, keys)?;
    if begun || due(ctx.txn, keys.patient, ctx.now)? { publish(ctx, keys) } else { Ok(()) }
}

/// Whether something of a patient's ring cannot be sealed to any more, or must not; or an institution is said to treat the
/// patient that has undone the enrolment.
fn due(txn: &(impl ReadTxn + ?Sized), patient: PartyId, now: Timestamp) -> Handled<bool> {
    let Some(ring) = directory::ring(txn, patient)? else { return Ok(true) };
    let enrolled = contacts::enrolled(txn, patient)?;
    let mut treats = treating::all(txn, patient)?.into_iter();
    if treats.any(|one| one.until.is_none() && !enrolled.contains(&one.institution)) {
        return Ok(true);
    }
    let ends = permission::standing_ends(txn, patient)?;
    Ok(ring.compartments.iter().any(|c| {
        ring.end_of(c) <= now || ends.get(&c.compartment).is_some_and(|end| *end < ring.end_of(c))
    }))
}

/// Publishes for a patient whose keys are at hand.
pub(crate) fn publish_for(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    match ctx.keys.filter(|keys| keys.patient == patient) {
        Some(keys) => publish(ctx, keys),
        None => refuse(patients::Reason::Locked { patient }),
    }
}

/// Signs a fresh key ring and revocation state and sends them to everybody who deals with the patient.
/// A compartment that a standing permission opened which has ended is replaced by one of a new epoch, so
/// that what comes later is out of its reach; one that a standing permission opens can be sealed to until
/// the first of them ends, so that nothing gets into its reach after it, however long the keys are locked.
fn publish(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<()> {
    let mut row = patient(ctx.txn, keys.patient)?;
    // Never below the clock: a relay restored from an old copy goes on above what others have seen.
    row.ring_seq = ctx.now.0.max(row.ring_seq.saturating_add(1));
    let (compartments, entries) = compartments(ctx, keys)?;
    let ring = KeyRing {
        patient: keys.patient,
        key: keys.number,
        seq: row.ring_seq,
        issued: ctx.now,
        expires: ctx.now.plus_ms(limits::KEY_RING_DAYS_MAX * DAY_MS),
        compartments: entries,
        relay: ctx.own.party(),
    };
    put_patient(ctx.txn, keys.patient, &row)?;
    for compartment in &compartments {
        remember_compartment(ctx.txn, keys.patient, compartment)?;
    }
    let ring = Signed::sign(ring, &keys.signing);
    let Some(known) = directory::keys(ctx.txn, keys.patient)? else {
        return refuse(directory::Reason::KeyLogMissing);
    };
    directory::learn_ring(ctx.txn, ring.to_unverified(), &known, ctx.now)?;
    directory::learn_compartments(ctx.txn, keys.patient, &compartments)?;
    permission::sign_revocations(ctx, keys, &[])?;
    // Before anybody is told anything: what was said of an institution counts by the key that counts.
    if permission::sign_treats(ctx, keys)? {
        ctx.notify(Notice::Treating { patient: keys.patient });
    }
    ctx.notify_now(Notice::RingSigned { patient: keys.patient })?;
    let readers = permission::readers(ctx.txn, keys.patient, ctx.now)?;
    for contact in contacts::contacts(ctx.txn, keys.patient)? {
        let may = readers.get(&contact);
        let message = Message::Keys(Keys {
            log: known.log().clone(),
            ring: Some(ring.to_unverified()),
            news: permission::news(ctx, keys.patient, contact)?,
            compartments: told_to(ctx, (keys.patient, contact), may)?,
            treats: None,
        });
        // A contact that takes nothing must not keep the patient from telling the others.
        ctx.send_urgently(contact, &message)?;
    }
    Ok(())
}

/// Tells one institution what was published last.
pub(crate) fn tell(ctx: &mut Context<'_>, patient: PartyId, to: PartyId) -> Handled<()> {
    let Some(known) = directory::keys(ctx.txn, patient)? else { return Ok(()) };
    let may = permission::readers(ctx.txn, patient, ctx.now)?.remove(&to);
    let message = Keys {
        log: known.log().clone(),
        ring: directory::ring(ctx.txn, patient)?.map(|ring| ring.to_unverified()),
        news: permission::news(ctx, patient, to)?,
        compartments: told_to(ctx, (patient, to), may.as_ref())?,
        treats: None,
    };
    ctx.send_if_room(to, &Message::Keys(message))?;
    Ok(())
}

/// The compartments of the next ring, one per kind, and what the ring says of them.
fn compartments(
    ctx: &Context<'_>,
    keys: &PatientKeys,
) -> Handled<(Vec<Compartment>, Vec<RingEntry>)> {
    let Some(root) = keys.records.last() else {
        return refuse(Reason::KeysDamaged);
    };
    let before = patients::compartments(ctx.txn, keys.patient)?;
    let ends = permission::standing_ends(ctx.txn, keys.patient)?;
    let of_kind = |kind: &Kind| {
        let (kind, generation) = (*kind, root.generation());
        let mut known = before.iter().map(|(_, row)| row);
        // The newest first.
        let known = known.find(|row| row.kind == kind && row.generation == generation);
        let mut epoch = known.map_or(0, |known| known.epoch);
        loop {
            let key = root.compartment(kind, epoch).public();
            let compartment = Compartment { kind, generation, epoch, key };
            let id = compartment.id();
            let until = ends.get(&id).copied();
            if until.is_none_or(|until| until > ctx.now) {
                return (compartment, RingEntry { compartment: id, until });
            }
            epoch += 1;
        }
    };
    let (compartments, mut entries): (_, Vec<_>) = Kind::ALL.iter().map(of_kind).unzip();
    entries.sort_by_key(|entry| entry.compartment);
    Ok((compartments, entries))
}

fn told_to(
    ctx: &Context<'_>,
    to: (PartyId, PartyId),
    may: Option<&MayRead>,
) -> Handled<Vec<Compartment>> {
    Ok(permission::compartments_for(ctx.txn, to, may, ctx.now)?)
}

/// A patient's relay tells which keys count.
pub(super) fn told(ctx: &mut Context<'_>, sender: &Sender, message: Keys) -> Handled<Bytes> {
    let patient = message.log.party_unverified();
    // Only a patient that we deal with already: nobody fills our tables with strangers. Others are not
    // told whether we do.
    if patients::serves(ctx.txn, patient)? {
        return put_back::brought_back(ctx, sender, message);
    }
    let relay = match &message.ring {
        Some(ring) => Some(ring.claims().relay),
        // News of what was taken back needs no new ring.
        None => directory::relay_of(ctx.txn, patient)?,
    };
    if directory::keys(ctx.txn, patient)?.is_none() || relay != Some(sender.institution) {
        return refuse(patients::Reason::NotTheirRelay);
    }
    let known = directory::learn_keys(ctx.txn, message.log)?;
    if let Some(ring) = message.ring {
        let newer = directory::learn_ring(ctx.txn, ring, &known, ctx.now)?;
        let more = directory::learn_compartments(ctx.txn, patient, &message.compartments)?;
        // Saying the same again has nobody look through a whole record again.
        if newer || more {
            ctx.notify(Notice::Ring { patient });
        }
    }
    permission::learn_news(ctx, message.news, &known)?;
    Ok(Bytes::default())
}
