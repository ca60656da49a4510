//! A relay that was put back from an older copy: whoever deals with its patients brings back what the patients said since,
//! and once a patient's keys are at hand, what follows from them is derived anew. [MSG-10, MSG-12]
//!
//! ```text
//!  hospital ── key log, ring, revocations, who treats ──> relay: what the patient signed proves itself
//!  keys at hand ──> epochs that the ring names, or in which entries lie, and that are not known ──> derived
//!  rotate ──> refused until all have been heard
//! ```

use super::machine::tell;
use super::reasons::Reason;
use super::wire::{Keys, Message};
use crate::capability::News;
use crate::codec::Bytes;
use crate::contacts;
use crate::copied;
use crate::directory;
use crate::entries;
use crate::id::{CompartmentId, PartyId};
use crate::identity::{Compartment, KeyRing, KnownKeys, PatientKeys, RecordsRoot, Treats};
use crate::kind::Kind;
use crate::limits;
use crate::members;
use crate::patients::{self, put_patient, remember_compartment};
use crate::permission;
use crate::refusal::{Failure, Handled, refuse};
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::treating;
use crate::turn::{Context, Notice, Sender};
use std::collections::BTreeSet;

/// Patient, institution -> when it last brought back what it knows.
const BROUGHT: Table = Table::rows("custody_brought");
/// Patient -> the hash over the compartments that were looked for last, so that none is looked for twice.
const SOUGHT: Table = Table::rows("custody_sought");

/// Tells a party that lost what it knew once more of each patient: a relay, of whom it deals with; and whoever deals with
/// a relay's patients, what the patients have said, which the relay may have forgotten. [MSG-10]
pub(crate) fn tell_again(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    for patient in patients::all(ctx.txn)? {
        if contacts::is_contact(ctx.txn, patient, to)? {
            tell(ctx, patient, to)?;
        }
    }
    for patient in directory::patients_of(ctx.txn, to)? {
        let Some(known) = directory::keys(ctx.txn, patient)? else { continue };
        let revocations = permission::revocation_state(ctx.txn, patient)?;
        let mut treats = treating::signed(ctx.txn, patient)?;
        treats.sort_by_key(|treats| core::cmp::Reverse(treats.claims().issued));
        treats.truncate(limits::TREATERS_TOLD_MAX);
        let keys = Keys {
            log: known.log().clone(),
            ring: directory::ring(ctx.txn, patient)?.map(|ring| ring.to_unverified()),
            news: News { revocations, ..News::default() },
            compartments: vec![],
            treats: Some(treats),
        };
        ctx.send_if_room(to, &Message::Keys(keys))?;
    }
    Ok(())
}

/// At a relay that forgot: somebody brings back what its patient said, which proves itself. Keys that it has not are not at
/// hand until the patient's words bring the next ones; what was taken back is taken back.
pub(super) fn brought_back(
    ctx: &mut Context<'_>,
    sender: &Sender,
    message: Keys,
) -> Handled<Bytes> {
    let patient = message.log.party_unverified();
    if !contacts::is_contact(ctx.txn, patient, sender.institution)? {
        return refuse(patients::Reason::NotTheirRelay);
    }
    let known = directory::learn_keys(ctx.txn, message.log)?;
    let news = News { revocations: message.news.revocations, ..News::default() };
    permission::learn_news(ctx, news, &known)?;
    permission::take_back_known(ctx.txn, patient)?;
    if let Some(ring) = message.ring {
        passed_over(ring_came(ctx, ring, &known))?;
    }
    let mut changed = false;
    for treats in message.treats.into_iter().flatten().take(limits::TREATERS_TOLD_MAX) {
        changed |= passed_over(said_of(ctx, treats, &known))?.unwrap_or_default();
    }
    if changed {
        ctx.notify(Notice::Treating { patient });
    }
    rows::put(ctx.txn, BROUGHT, &rows::pair(&patient.0, &sender.institution.0), &ctx.now)?;
    Ok(Bytes::default())
}

/// What does not hold keeps the rest from nobody.
fn passed_over<T>(taken: Handled<T>) -> Handled<Option<T>> {
    match taken {
        Ok(taken) => Ok(Some(taken)),
        Err(Failure::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The ring that this relay published last, as somebody has it. It goes on above that.
fn ring_came(ctx: &mut Context<'_>, ring: Unverified<KeyRing>, known: &KnownKeys) -> Handled<()> {
    let KeyRing { patient, seq, relay, .. } = *ring.claims();
    if patient != known.party() || relay != ctx.own.party() {
        return Ok(());
    }
    if directory::learn_ring(ctx.txn, ring, known, ctx.now)? {
        let mut row = patients::patient(ctx.txn, patient)?;
        row.ring_seq = row.ring_seq.max(seq);
        put_patient(ctx.txn, patient, &row)?;
    }
    Ok(())
}

/// What the patient said of an institution: the newest counts, whether that was that it treats the patient or that this
/// ended. Gives whether it was newer than what was known here. [AUT-1]
fn said_of(ctx: &mut Context<'_>, treats: Unverified<Treats>, known: &KnownKeys) -> Handled<bool> {
    let Treats { patient, institution, .. } = *treats.claims();
    let before = treating::of(ctx.txn, patient, institution)?;
    treating::learn(ctx, treats, known)?;
    let now = treating::of(ctx.txn, patient, institution)?.filter(|_| patient == known.party());
    let Some(now) = now.filter(|now| before.as_ref() != Some(now)) else { return Ok(false) };
    // Without end and for all kinds: the patient enrolled with it. Whoever may add does so until some time.
    if now.until.is_none() && now.kinds.is_empty() {
        contacts::enrol(ctx.txn, patient, institution)?;
        contacts::add_contact(ctx.txn, patient, institution)?;
    } else {
        contacts::leave(ctx.txn, patient, institution)?;
    }
    Ok(true)
}

/// Refuses as long as this relay was put back, and one of the members whom the patient deals with was not heard since: it
/// may bring back that something was taken back, or ended.
pub(super) fn all_were_heard(ctx: &Context<'_>, patient: PartyId) -> Handled<()> {
    let Some(row) = copied::ours(ctx.txn, ctx.now)? else { return Ok(()) };
    for institution in contacts::contacts(ctx.txn, patient)? {
        let key = rows::pair(&patient.0, &institution.0);
        let heard = rows::get::<Timestamp>(ctx.txn, BROUGHT, &key)?;
        let since = heard.is_some_and(|heard| heard >= row.put_back.noticed);
        if !since && members::is_member(ctx.txn, institution)? {
            return refuse(Reason::PutBackUnheard { institution });
        }
    }
    Ok(())
}

/// Compartments of the patient's that are not known here: the ring names them, or entries lie in them.
fn not_known(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<BTreeSet<CompartmentId>, StoreError> {
    let ring = directory::ring(txn, patient)?;
    let named = ring.iter().flat_map(|ring| &ring.compartments).map(|entry| entry.compartment);
    let mut wanted = BTreeSet::new();
    for id in named.chain(entries::compartments_of(txn, patient)?) {
        if patients::compartment(txn, patient, id)?.is_none() {
            wanted.insert(id);
        }
    }
    Ok(wanted)
}

/// Derives the compartments whose epochs began after the copy, at a relay that knows that it is one. Gives whether any was
/// found. [MSG-12]
pub(super) fn find_forgotten(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<bool> {
    let patient = keys.patient;
    if copied::ours(ctx.txn, ctx.now)?.is_none() {
        return Ok(false);
    }
    let mut wanted = not_known(ctx.txn, patient)?;
    let mut hash = blake3::Hasher::new();
    for id in &wanted {
        hash.update(&id.0);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let sought = rows::get::<[u8; 32]>(ctx.txn, SOUGHT, &patient.0)?;
    if wanted.is_empty() || sought == Some(hash) {
        return Ok(false);
    }
    rows::put(ctx.txn, SOUGHT, &patient.0, &hash)?;
    let known = patients::compartments(ctx.txn, patient)?;
    let newest = known.first().map_or(0, |(_, row)| row.generation);
    let mut found = Vec::new();
    for root in keys.records.iter().filter(|root| root.generation() >= newest) {
        for kind in Kind::ALL.iter().copied() {
            let mut rows = known.iter().map(|(_, row)| row);
            let last = rows.find(|row| (row.kind, row.generation) == (kind, root.generation()));
            let first = last.map_or(0, |last| last.epoch.saturating_add(1));
            found.extend(search(root, kind, first, &mut wanted));
        }
    }
    // A ring that was published before this was noticed went back to an epoch that holders know as retired, and so is the
    // newest one by now.
    let ring = directory::ring(ctx.txn, patient)?;
    let passed = |last: &&Compartment| ring.as_ref().is_none_or(|r| r.entry(last.id()).is_none());
    let ahead: Vec<Compartment> = keys.records.last().map_or(Vec::new(), |root| {
        let of = |kind| {
            let of_kind =
                found.iter().filter(|c| (c.kind, c.generation) == (kind, root.generation()));
            let last = of_kind.max_by_key(|c| c.epoch).filter(passed)?;
            Some(compartment(root, kind, last.epoch.saturating_add(1)))
        };
        Kind::ALL.iter().copied().filter_map(of).collect()
    });
    for compartment in found.iter().chain(&ahead) {
        remember_compartment(ctx.txn, patient, compartment)?;
    }
    directory::learn_compartments(ctx.txn, patient, &found)?;
    Ok(!found.is_empty())
}

fn compartment(root: &RecordsRoot, kind: Kind, epoch: u32) -> Compartment {
    let key = root.compartment(kind, epoch).public();
    Compartment { kind, generation: root.generation(), epoch, key }
}

/// The compartments of a kind from an epoch on, to the last that is wanted; it is looked for so far behind each.
fn search(
    root: &RecordsRoot,
    kind: Kind,
    first: u32,
    wanted: &mut BTreeSet<CompartmentId>,
) -> Vec<Compartment> {
    let (mut found, mut passed, mut epoch) = (Vec::new(), Vec::new(), first);
    while !wanted.is_empty() && passed.len() < limits::EPOCHS_SOUGHT {
        let next = compartment(root, kind, epoch);
        let is_one = wanted.remove(&next.id());
        passed.push(next);
        if is_one {
            found.append(&mut passed);
        }
        let Some(further) = epoch.checked_add(1) else { break };
        epoch = further;
    }
    found
}
