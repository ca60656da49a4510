//! Transitions.

use super::news;
use super::reasons::Reason;
use super::view::{PatientView, RotatedView};
use super::wire::{Keys, Message};
use crate::access_log::{self, Action};
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::id::PartyId;
use crate::identity::{Compartment, KeyLog, KeyRing, PatientKeys, Role, Rotation};
use crate::kind::Kind;
use crate::limits;
use crate::names;
use crate::patients::{self, PatientRow, patient, put_patient, remember_compartment, view};
use crate::permission;
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::store::ReadTxn;
use crate::time::{DAY_MS, Timestamp};
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
) -> Handled<RotatedView> {
    let keys = unlocked(ctx)?;
    let id = rotation.party;
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
    if due(ctx.txn, keys.patient, ctx.now)? { publish(ctx, keys) } else { Ok(()) }
}

/// Whether something of a patient's ring cannot be sealed to any more, or must not.
fn due(txn: &(impl ReadTxn + ?Sized), patient: PartyId, now: Timestamp) -> Handled<bool> {
    let Some(ring) = directory::ring(txn, patient)? else { return Ok(true) };
    let ends = permission::standing_ends(txn, patient)?;
    Ok(ring.compartments.iter().any(|c| {
        ring.end_of(c) <= now || ends.get(&c.id()).is_some_and(|end| *end < ring.end_of(c))
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
    let ring = KeyRing {
        patient: keys.patient,
        key: keys.number,
        seq: row.ring_seq,
        issued: ctx.now,
        expires: ctx.now.plus_ms(limits::KEY_RING_DAYS_MAX * DAY_MS),
        compartments: compartments(ctx, keys)?,
        relay: ctx.own.party(),
    };
    put_patient(ctx.txn, keys.patient, &row)?;
    for compartment in &ring.compartments {
        remember_compartment(ctx.txn, keys.patient, compartment)?;
    }
    let ring = Signed::sign(ring, &keys.signing);
    let Some(known) = directory::keys(ctx.txn, keys.patient)? else {
        return refuse(directory::Reason::KeyLogMissing);
    };
    directory::learn_ring(ctx.txn, ring.to_unverified(), &known, ctx.now)?;
    permission::sign_revocations(ctx, keys, &[])?;
    ctx.notify_now(Notice::RingSigned { patient: keys.patient })?;
    if permission::sign_treats(ctx, keys)? {
        ctx.notify(Notice::Treating { patient: keys.patient });
    }
    for contact in contacts::contacts(ctx.txn, keys.patient)? {
        let news = permission::news(ctx, keys.patient, contact)?;
        let ring = Some(ring.to_unverified());
        let message = Message::Keys(Keys { log: known.log().clone(), ring, news });
        // A contact that takes nothing must not keep the patient from telling the others.
        ctx.send_urgently(contact, &message)?;
    }
    Ok(())
}

/// Tells one institution what was published last.
pub(crate) fn tell(ctx: &mut Context<'_>, patient: PartyId, to: PartyId) -> Handled<()> {
    let Some(known) = directory::keys(ctx.txn, patient)? else { return Ok(()) };
    let message = Keys {
        log: known.log().clone(),
        ring: directory::ring(ctx.txn, patient)?.map(|ring| ring.to_unverified()),
        news: permission::news(ctx, patient, to)?,
    };
    ctx.send_if_room(to, &Message::Keys(message))?;
    Ok(())
}

/// The compartments of the next ring, one per kind.
fn compartments(ctx: &Context<'_>, keys: &PatientKeys) -> Handled<Vec<Compartment>> {
    let Some(root) = keys.records.last() else {
        return refuse(Reason::KeysDamaged);
    };
    let before = directory::ring(ctx.txn, keys.patient)?;
    let ends = permission::standing_ends(ctx.txn, keys.patient)?;
    let of_kind = |kind: &Kind| {
        let (kind, generation) = (*kind, root.generation());
        let known = before.iter().flat_map(|ring| &ring.compartments);
        let mut epoch = known
            .filter(|known| known.kind == kind && known.generation == generation)
            .map(|known| known.epoch)
            .next()
            .unwrap_or(0);
        loop {
            let key = root.compartment(kind, epoch).public();
            let mut compartment = Compartment { kind, generation, epoch, key, until: None };
            compartment.until = ends.get(&compartment.id()).copied();
            if compartment.until.is_none_or(|until| until > ctx.now) {
                return compartment;
            }
            epoch += 1;
        }
    };
    Ok(Kind::ALL.iter().map(of_kind).collect())
}

/// A patient's relay tells which keys count.
pub(super) fn told(ctx: &mut Context<'_>, sender: &Sender, message: Keys) -> Handled<Bytes> {
    let patient = message.log.party_unverified();
    // Only a patient that we deal with already: nobody fills our tables with strangers. Others are not
    // told whether we do.
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
        directory::learn_ring(ctx.txn, ring, &known, ctx.now)?;
        ctx.notify(Notice::Ring { patient });
    }
    permission::learn_news(ctx, message.news, &known)?;
    Ok(Bytes::default())
}
