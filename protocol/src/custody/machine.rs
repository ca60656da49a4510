//! Transitions.

use super::tables::{PATIENTS, PatientRow, patient, patients, remember_compartment};
use super::view::{EnrollingView, PatientView, RotatedView};
use super::wire::{Keys, Message};
use crate::access_log::{self, Action};
use crate::codec::Bytes;
use crate::consent;
use crate::directory;
use crate::id::PartyId;
use crate::identity::{Compartment, KeyLog, KeyRing, Role, Rotation};
use crate::limits;
use crate::peer::{Body, Context, PatientKeys, RequestId, Sender};
use crate::record::Kind;
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::Signed;
use crate::time::DAY_MS;

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
        Command::Refresh { patient } => {
            if patient != keys.patient {
                return refuse(
                    RefusalCode::Locked,
                    "the keys that are unlocked are another patient's",
                );
            }
            publish(ctx, keys, false)?;
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
        epoch: 0,
    };
    rows::put(ctx.txn, PATIENTS, &id.0, &row)?;
    publish(ctx, keys, false)?;
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
    row.epoch = 0;
    rows::put(ctx.txn, PATIENTS, &id.0, &row)?;
    let (kept, dropped) = consent::rotated(ctx, id, &rotation.kept)?;
    access_log::append(ctx, access_log::Draft::new(id, Action::Rotated, id))?;
    publish(ctx, keys, false)?;
    ctx.answer(request, RotatedView { patient: id, number: rotation.number, kept, dropped });
    Ok(())
}

/// Signs a fresh key ring and revocation state and sends them to everybody who deals with the patient.
/// With `new_epoch`, every compartment is new, and what comes later is out of reach of old grants.
pub(crate) fn publish(ctx: &mut Context<'_>, keys: &PatientKeys, new_epoch: bool) -> Handled<()> {
    let mut row = patient(ctx.txn, keys.patient)?;
    // Never below the clock: a relay restored from an old copy goes on above what others have seen.
    row.ring_seq = ctx.now.0.max(row.ring_seq.saturating_add(1));
    if new_epoch {
        row.epoch += 1;
    }
    let Some(root) = keys.records.last() else {
        return refuse(
            RefusalCode::Locked,
            "the patient's keys are damaged; restore them with the 24 words",
        );
    };
    let ring = KeyRing {
        patient: keys.patient,
        key: keys.number,
        seq: row.ring_seq,
        issued: ctx.now,
        expires: ctx.now.plus_ms(limits::KEY_RING_DAYS_MAX * DAY_MS),
        compartments: Kind::ALL
            .iter()
            .map(|kind| Compartment {
                kind: *kind,
                generation: root.generation(),
                epoch: row.epoch,
                key: root.compartment(*kind, row.epoch).public(),
            })
            .collect(),
        relay: ctx.peer.me(),
    };
    rows::put(ctx.txn, PATIENTS, &keys.patient.0, &row)?;
    for compartment in &ring.compartments {
        remember_compartment(ctx.txn, compartment)?;
    }
    let ring = Signed::sign(ring, &keys.signing);
    let Some(known) = directory::keys(ctx.txn, keys.patient)? else {
        return refuse(RefusalCode::NotFound, "the patient's key log is missing");
    };
    directory::learn_ring(ctx.txn, ring.to_unverified(), &known, ctx.now)?;
    consent::sign_revocations(ctx, keys, &[])?;
    let message = Keys {
        log: known.log().clone(),
        ring: Some(ring.to_unverified()),
        revocations: consent::revocation_state(ctx.txn, keys.patient)?,
    };
    for contact in consent::contacts(ctx.txn, keys.patient)? {
        // A contact that takes nothing must not keep the patient from telling the others.
        ctx.send_urgently(contact, &Body::Custody(Message::Keys(message.clone())))?;
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
    }
    if let Some(state) = message.revocations {
        consent::learn_revocations(ctx, state, &known)?;
    }
    Ok(Bytes::default())
}

/// One patient as shown.
pub(crate) fn view(ctx: &Context<'_>, id: PartyId) -> Handled<PatientView> {
    view_of(ctx.txn, id, &patient(ctx.txn, id)?)
}

fn view_of(
    txn: &(impl crate::store::ReadTxn + ?Sized),
    id: PartyId,
    row: &PatientRow,
) -> Handled<PatientView> {
    Ok(PatientView {
        patient: id,
        name: row.name.clone(),
        created: row.created,
        rotations: directory::keys(txn, id)?.map_or(0, |keys| keys.current_number()),
        ring_expires: directory::ring(txn, id)?.map(|ring| ring.expires),
        contacts: consent::contacts(txn, id)?,
        enrolling: consent::enrolling(txn, id)?
            .into_iter()
            .map(|(institution, refused)| EnrollingView { institution, refused })
            .collect(),
    })
}

/// All patients as shown.
pub(crate) fn views(txn: &(impl crate::store::ReadTxn + ?Sized)) -> Handled<Vec<PatientView>> {
    patients(txn)?.into_iter().map(|(id, row)| view_of(txn, id, &row)).collect()
}
