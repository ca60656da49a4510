//! Transitions.

use super::tables::{PATIENTS, PatientRow, patient, patients, remember_compartment};
use super::view::{EnrollingView, PatientView, RotatedView};
use super::wire::{Keys, Message};
use crate::access_log::{self, Action};
use crate::capability::RevocationState;
use crate::codec::Bytes;
use crate::consent;
use crate::directory;
use crate::id::PartyId;
use crate::identity::{Compartment, KeyLog, KeyRing, Role, Rotation};
use crate::limits;
use crate::peer::{Body, Context, Done, Notice, PatientKeys, RequestId, Sender};
use crate::record::Kind;
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::time::{DAY_MS, Timestamp};

/// What a front door can ask of this feature.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Keeps a patient that the node just made; its keys come along unlocked.
    #[serde(skip)]
    Keep {
        /// The name that the relay shows.
        name: String,
        /// The key log.
        log: Box<KeyLog>,
        /// The keys, sealed under the passphrase.
        sealed_keys: Vec<u8>,
    },
    /// Takes over a rotation that the node made with the phrase; the new keys come along unlocked.
    #[serde(skip)]
    Rotate {
        /// The rotation.
        rotation: Box<Signed<Rotation>>,
        /// The new keys, sealed under the passphrase.
        sealed_keys: Vec<u8>,
    },
    /// Publishes a fresh key ring and revocation state, which expire otherwise.
    Refresh {
        /// The patient.
        patient: PartyId,
    },
    /// The patient's keys were unlocked: what had to wait for them was done on the way here.
    #[serde(skip)]
    Unlocked,
}

/// Handles a command.
pub(crate) fn command(
    ctx: &mut Context<'_>,
    request: RequestId,
    command: Command,
    keys: Option<&PatientKeys>,
) -> Handled<()> {
    ctx.peer.require(Role::Patient)?;
    let Some(keys) = keys else {
        return refuse(
            RefusalCode::Locked,
            "the patient's keys are locked; unlock them with the passphrase",
        );
    };
    match command {
        Command::Keep { name, log, sealed_keys } => {
            keep(ctx, request, name, *log, sealed_keys, keys)
        }
        Command::Rotate { rotation, sealed_keys } => {
            rotate(ctx, request, &rotation, sealed_keys, keys)
        }
        Command::Unlocked => {
            ctx.answer(request, Done { done: true });
            Ok(())
        }
        Command::Refresh { patient } => {
            if patient != keys.patient {
                return refuse(
                    RefusalCode::Locked,
                    "the keys that are unlocked are another patient's",
                );
            }
            publish(ctx, keys)?;
            let view = view(ctx, patient)?;
            ctx.answer(request, view);
            Ok(())
        }
    }
}

fn keep(
    ctx: &mut Context<'_>,
    request: RequestId,
    name: String,
    log: KeyLog,
    sealed_keys: Vec<u8>,
    keys: &PatientKeys,
) -> Handled<()> {
    if name.trim().is_empty() || name.len() > 200 {
        return refuse(RefusalCode::Invalid, "a patient needs a name of 1 to 200 bytes");
    }
    let id = directory::learn_keys(ctx.txn, log)?.party();
    let row = PatientRow {
        name,
        sealed_keys: Bytes(sealed_keys),
        created: ctx.now,
        ring_seq: 0,
        revocation_seq: 0,
    };
    rows::put(ctx.txn, PATIENTS, &id.0, &row)?;
    publish(ctx, keys)?;
    let view = view(ctx, id)?;
    ctx.answer(request, view);
    Ok(())
}

fn rotate(
    ctx: &mut Context<'_>,
    request: RequestId,
    rotation: &Signed<Rotation>,
    sealed_keys: Vec<u8>,
    keys: &PatientKeys,
) -> Handled<()> {
    let id = rotation.party;
    let mut row = patient(ctx.txn, id)?;
    let Some(known) = directory::keys(ctx.txn, id)? else {
        return refuse(RefusalCode::NotFound, "the patient's key log is missing");
    };
    directory::learn_keys(ctx.txn, known.log().clone().rotated(rotation))?;
    row.sealed_keys = Bytes(sealed_keys);
    rows::put(ctx.txn, PATIENTS, &id.0, &row)?;
    let (kept, dropped) = consent::rotated(ctx, id, &rotation.kept)?;
    access_log::append(ctx, access_log::Draft::new(id, Action::Rotated, id))?;
    publish(ctx, keys)?;
    ctx.answer(request, RotatedView { patient: id, number: rotation.number, kept, dropped });
    Ok(())
}

/// Whenever a patient's keys are at hand: what had to wait for them is done. A standing permission that
/// ended while they were locked ends for good now, with a new epoch of what it opened.
pub(crate) fn at_hand(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<()> {
    let current = directory::keys(ctx.txn, keys.patient)?
        .is_some_and(|known| known.current_number() == keys.number);
    // A patient that is being made, or keys that are being rotated: they publish by themselves.
    if !current || !super::serves(ctx.txn, keys.patient)? {
        return Ok(());
    }
    if due(ctx.txn, keys.patient, ctx.now)? { publish(ctx, keys) } else { Ok(()) }
}

/// Whether something of a patient's ring cannot be sealed to any more, or must not.
fn due(
    txn: &(impl crate::store::ReadTxn + ?Sized),
    patient: PartyId,
    now: Timestamp,
) -> Handled<bool> {
    let Some(ring) = directory::ring(txn, patient)? else { return Ok(true) };
    let ends = consent::standing_ends(txn, patient)?;
    Ok(ring.compartments.iter().any(|c| {
        ring.end_of(c) <= now || ends.get(&c.id()).is_some_and(|end| *end < ring.end_of(c))
    }))
}

/// Signs a fresh key ring and revocation state and sends them to everybody who deals with the patient.
/// A compartment that a standing permission opened which has ended is replaced by one of a new epoch, so
/// that what comes later is out of its reach; one that a standing permission opens can be sealed to until
/// the first of them ends, so that nothing gets into its reach after it, however long the keys are locked.
pub(crate) fn publish(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<()> {
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
        relay: ctx.peer.me(),
    };
    rows::put(ctx.txn, PATIENTS, &keys.patient.0, &row)?;
    for compartment in &ring.compartments {
        remember_compartment(ctx.txn, keys.patient, compartment)?;
    }
    let ring = Signed::sign(ring, &keys.signing);
    let Some(known) = directory::keys(ctx.txn, keys.patient)? else {
        return refuse(RefusalCode::NotFound, "the patient's key log is missing");
    };
    directory::learn_ring(ctx.txn, ring.to_unverified(), &known, ctx.now)?;
    consent::sign_revocations(ctx, keys, &[])?;
    consent::renew(ctx, keys)?;
    let revocations = consent::revocation_state(ctx.txn, keys.patient)?;
    let message = keys_message(known.log().clone(), &ring, revocations);
    for contact in consent::contacts(ctx.txn, keys.patient)? {
        // A contact that takes nothing must not keep the patient from telling the others.
        ctx.send_urgently(contact, &Body::Custody(message.clone()))?;
    }
    Ok(())
}

/// Tells one institution what was published last.
pub(crate) fn tell(ctx: &mut Context<'_>, patient: PartyId, to: PartyId) -> Handled<()> {
    let Some(known) = directory::keys(ctx.txn, patient)? else { return Ok(()) };
    let message = Keys {
        log: known.log().clone(),
        ring: directory::ring(ctx.txn, patient)?.map(|ring| ring.to_unverified()),
        revocations: consent::revocation_state(ctx.txn, patient)?,
    };
    ctx.send_if_room(to, &Body::Custody(Message::Keys(message)))?;
    Ok(())
}

/// What counts for a patient now, for one more who is to know.
pub(crate) fn keys_message(
    log: KeyLog,
    ring: &Signed<KeyRing>,
    revocations: Option<Unverified<RevocationState>>,
) -> Message {
    Message::Keys(Keys { log, ring: Some(ring.to_unverified()), revocations })
}

/// The compartments of the next ring, one per kind.
fn compartments(ctx: &Context<'_>, keys: &PatientKeys) -> Handled<Vec<Compartment>> {
    let Some(root) = keys.records.last() else {
        return refuse(
            RefusalCode::Locked,
            "the patient's keys are damaged; restore them with the 24 words",
        );
    };
    let before = directory::ring(ctx.txn, keys.patient)?;
    let ends = consent::standing_ends(ctx.txn, keys.patient)?;
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

/// The next number for a revocation state.
pub(crate) fn next_revocation_seq(ctx: &mut Context<'_>, id: PartyId) -> Handled<u64> {
    let mut row = patient(ctx.txn, id)?;
    row.revocation_seq += 1;
    rows::put(ctx.txn, PATIENTS, &id.0, &row)?;
    Ok(row.revocation_seq)
}

/// Handles another institution's message.
pub(crate) fn receive(ctx: &mut Context<'_>, sender: &Sender, message: Message) -> Handled<Bytes> {
    let Message::Keys(message) = message;
    let patient = message.log.party_unverified();
    // Only a patient that we deal with already: nobody fills our tables with strangers. Others are not
    // told whether we do.
    let relay = message.ring.as_ref().map(|ring| ring.claims().relay);
    if directory::keys(ctx.txn, patient)?.is_none() || relay != Some(sender.institution) {
        return refuse(RefusalCode::NotPermitted, "this relay does not serve a patient known here");
    }
    let known = directory::learn_keys(ctx.txn, message.log)?;
    if let Some(ring) = message.ring {
        directory::learn_ring(ctx.txn, ring, &known, ctx.now)?;
        ctx.notify(Notice::Ring { patient });
    }
    if let Some(state) = message.revocations {
        consent::learn_revocations(ctx, state, &known)?;
    }
    Ok(Bytes::default())
}

/// One patient as shown.
pub(crate) fn view(ctx: &Context<'_>, id: PartyId) -> Handled<PatientView> {
    view_of(ctx.txn, id, &patient(ctx.txn, id)?, ctx.now)
}

fn view_of(
    txn: &(impl crate::store::ReadTxn + ?Sized),
    id: PartyId,
    row: &PatientRow,
    now: Timestamp,
) -> Handled<PatientView> {
    let ring = directory::ring(txn, id)?;
    let lapsed = ring.iter().flat_map(|ring| {
        ring.compartments.iter().filter(|c| ring.end_of(c) <= now).map(|c| c.kind)
    });
    Ok(PatientView {
        patient: id,
        name: row.name.clone(),
        created: row.created,
        rotations: directory::keys(txn, id)?.map_or(0, |keys| keys.current_number()),
        ring_expires: ring.as_ref().map(|ring| ring.expires),
        lapsed: lapsed.collect(),
        contacts: consent::contacts(txn, id)?,
        enrolling: consent::enrolling(txn, id)?
            .into_iter()
            .map(|(institution, refused)| EnrollingView { institution, refused })
            .collect(),
    })
}

/// All patients as shown.
pub(crate) fn views(
    txn: &(impl crate::store::ReadTxn + ?Sized),
    now: Timestamp,
) -> Handled<Vec<PatientView>> {
    patients(txn)?.into_iter().map(|(id, row)| view_of(txn, id, &row, now)).collect()
}
