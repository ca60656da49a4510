//! Whose entries belong to a patient's record: the patient says who treats the patient, and the relay tells readers of the
//! authors whose entries they may read. [AUT-2] to [AUT-4]

use super::reasons::Reason;
use super::wire::{Message, Treating};
use crate::catalogue;
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::entries::{self, EntryRow, Label};
use crate::id::{CompartmentId, PartyId};
use crate::kind::Kind;
use crate::limits;
use crate::patients;
use crate::permission::{self, MayRead};
use crate::refusal::{Handled, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::treating;
use crate::turn::{Context, Own, Sender};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether an entry belongs to its patient's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EntryStanding {
    /// It does: its author treats the patient, by the patient's word, and the patient's catalogue has it.
    Listed,
    /// Its author treats the patient, but the relay has not confirmed the entry: the newest ones are like this while
    /// the relay is off.
    Unconfirmed,
    /// The patient does not say that its author treats the patient, or did at the time. It stands apart: it adds to no
    /// listed entry, and nothing may be concluded from it.
    Unlisted,
}

/// Whether an entry belongs to its patient's record; none where this node has no chart of the patient, and so is told
/// nothing of that. [AUT-4]
pub(crate) fn standing(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    row: &EntryRow,
    kind: Option<Kind>,
) -> Result<Option<EntryStanding>, StoreError> {
    let label = row.label.claims();
    if label.author == own.party() {
        return Ok(Some(EntryStanding::Listed));
    }
    let serves = patients::serves(txn, label.subject)?;
    if !serves && entries::chart_of(txn, label.subject)?.is_none() {
        return Ok(None);
    }
    let Some(treats) = treating::of(txn, label.subject, label.author)? else {
        return Ok(Some(EntryStanding::Unlisted));
    };
    let listed = catalogue::listed(txn, label.subject, label.entry())?;
    let confirmed = serves || listed == Some(label.listed_as());
    if listed.is_some() && !confirmed {
        // The author shows the patient something else under the same id.
        return Ok(Some(EntryStanding::Unlisted));
    }
    // An author dates its own entries. Once its time is over, only what was known before counts.
    let in_time = treats.goes_on(label.recorded) && (confirmed || treats.goes_on(row.received));
    let covered = match kind {
        // What lies in another kind's compartment is not what its author may add.
        Some(kind) => treats.covers(kind) && kind_of(txn, label)?.is_none_or(|of| of == kind),
        None => true,
    };
    Ok(Some(match (covered && in_time, confirmed) {
        (false, _) => EntryStanding::Unlisted,
        (true, false) => EntryStanding::Unconfirmed,
        (true, true) => EntryStanding::Listed,
    }))
}

/// At the relay: whether an entry may be announced by its author: a new one by whoever treats the patient now, and a known
/// one, sealed anew, by whoever made it. [AUT-3]
pub(super) fn may_announce(ctx: &Context<'_>, label: &Label, known: bool) -> Handled<()> {
    let treats = treating::of(ctx.txn, label.subject, label.author)?;
    // What the patient said of an enrolment ends with that, also while the keys to say so are locked.
    let enrolled =
        || Ok::<_, StoreError>(contacts::enrolled(ctx.txn, label.subject)?.contains(&label.author));
    let ended = match &treats {
        Some(treats) if treats.until.is_none() => !enrolled()?,
        _ => false,
    };
    if !known && (ended || !treats.as_ref().is_some_and(|treats| treats.goes_on(ctx.now))) {
        return refuse(Reason::DoesNotTreat);
    }
    let Some(treats) = treats.filter(|treats| !treats.kinds.is_empty()) else { return Ok(()) };
    // Of what has no compartment yet, or one that this relay does not know, it cannot tell the kind. Once it is sealed to one, its
    // author announces it again.
    match kind_of(ctx.txn, label)?.is_some_and(|kind| treats.covers(kind)) {
        true => Ok(()),
        false => refuse(Reason::OtherKinds),
    }
}

/// Of which kind the compartment is that an entry lies in, if that is known here: at the patient's relay of all, at a reader
/// of those of the newest ring that it may read or seal to.
fn kind_of(txn: &(impl ReadTxn + ?Sized), label: &Label) -> Result<Option<Kind>, StoreError> {
    let Some(compartment) = label.compartment() else { return Ok(None) };
    match patients::compartment(txn, label.subject, compartment)? {
        Some(row) => Ok(Some(row.kind)),
        None => directory::kind_of(txn, label.subject, compartment),
    }
}

/// At the relay: tells a reader what the patient says of the authors of what it may read.
pub(crate) fn tell(
    ctx: &mut Context<'_>,
    reader: PartyId,
    patient: PartyId,
    may: &MayRead,
) -> Handled<()> {
    let mut authors = BTreeSet::new();
    for compartment in &may.compartments {
        authors.extend(treating::authors_in(ctx.txn, patient, *compartment)?);
    }
    for entry in &may.entries {
        let row = entries::entry(ctx.txn, patient, *entry)?;
        authors.extend(row.map(|row| row.label.claims().author));
    }
    authors.remove(&reader);
    let mut treats = Vec::new();
    for author in authors {
        treats.extend(treating::stored(ctx.txn, patient, author)?);
    }
    for page in treats.chunks(limits::TREATERS_TOLD_MAX) {
        let message = Treating { patient, treats: page.to_vec() };
        ctx.send_if_room(reader, &Message::Treating(message))?;
    }
    Ok(())
}

/// At the relay: it has changed who treats the patient.
pub(crate) fn tell_all(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    for (reader, may) in permission::readers(ctx.txn, patient, ctx.now)? {
        tell(ctx, reader, patient, &may)?;
    }
    Ok(())
}

/// At the relay: an author has its first entries in these compartments.
pub(super) fn tell_of_new(
    ctx: &mut Context<'_>,
    patient: PartyId,
    compartments: &BTreeSet<CompartmentId>,
) -> Handled<()> {
    if compartments.is_empty() {
        return Ok(());
    }
    for (reader, mut may) in permission::readers(ctx.txn, patient, ctx.now)? {
        may.compartments.retain(|compartment| compartments.contains(compartment));
        may.entries.clear();
        tell(ctx, reader, patient, &may)?;
    }
    Ok(())
}

/// At a reader: the patient's relay tells who treats the patient.
pub(super) fn told(ctx: &mut Context<'_>, sender: &Sender, told: Treating) -> Handled<Bytes> {
    let patient = told.patient;
    let relay = directory::relay_of(ctx.txn, patient)?;
    // Only of a patient that we have a chart of, as with what is listed.
    if relay != Some(sender.institution) || entries::chart_of(ctx.txn, patient)?.is_none() {
        return refuse(patients::Reason::NotTheirRelay);
    }
    let Some(keys) = directory::keys(ctx.txn, patient)? else {
        return refuse(patients::Reason::KeysMissing);
    };
    if told.treats.len() > limits::TREATERS_TOLD_MAX {
        return refuse(Reason::TooManyTreaters { most: limits::TREATERS_TOLD_MAX });
    }
    treating::learn_all(ctx, told.treats, &keys)?;
    Ok(Bytes::default())
}
