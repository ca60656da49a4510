//! Transitions.

use super::announce::announce;
use super::reasons::Reason;
use super::view::{ChartView, RecordedView};
use super::{authors, catalogue, misfiled};
use crate::access_log::{self, Action};
use crate::capability::{Purpose, Scope};
use crate::directory;
use crate::entries::{
    self, ChartRow, Checked, EntryRow, Label, Manifest, Open, SealedEntry, Sealer, Term, chart,
    chart_of, delete_chart, keep, learn_holder, open_own, put_chart, sealed_in_time,
    subject_of_chart, whole,
};
use crate::holdings;
use crate::id::{ChartId, CompartmentId, EntryId, PartyId};
use crate::identity::Role;
use crate::limits;
use crate::names;
use crate::object::DataKey;
use crate::own_wrap::OwnWrap;
use crate::patients;
use crate::permission::MayRead;
use crate::refusal::{Failure, Handled, refuse};
use crate::statement::Signed;
use crate::turn::Context;

/// Opens a chart.
pub(super) fn new_chart(
    ctx: &mut Context<'_>,
    name: String,
    identifiers: Vec<Term>,
) -> Handled<ChartView> {
    ctx.own.require(Role::Hospital)?;
    if !names::can_be_named(&name) {
        return refuse(Reason::NameOutOfBounds);
    }
    let (most, bytes) = (limits::IDENTIFIERS_MAX, limits::NAME_BYTES_MAX);
    let fits = |term: &Term| term.name.len() <= bytes && term.value.len() <= bytes;
    if identifiers.len() > most || !identifiers.iter().all(fits) {
        return refuse(Reason::IdentifiersOutOfBounds { most, bytes });
    }
    let id = ChartId(ctx.random());
    let subject = subject_of_chart(id);
    let row = ChartRow {
        name,
        identifiers,
        created: ctx.now,
        subject,
        enrolled: false,
        registered: true,
    };
    put_chart(ctx.txn, id, &row)?;
    Ok(ChartView::of(id, &row))
}

/// Keeps sealed entries under a chart.
pub(super) fn record(
    ctx: &mut Context<'_>,
    subject: PartyId,
    for_chart: Option<ChartId>,
    entries: Vec<SealedEntry>,
) -> Handled<RecordedView> {
    let Some(chart_id) = chart_of(ctx.txn, subject)? else {
        return refuse(Reason::EnrolledMeanwhile);
    };
    if for_chart.is_some_and(|chart| chart != chart_id) {
        return refuse(Reason::EnrolledMeanwhile);
    }
    let row = chart(ctx.txn, chart_id)?;
    let mut recorded = Vec::with_capacity(entries.len());
    for entry in &entries {
        let label = &entry.checked.label;
        if let Some(compartment) = label.compartment()
            && !current_compartment(ctx, subject, compartment)?
        {
            return refuse(Reason::RotatedMeanwhile);
        }
        if let Some(original) = entry.manifest.adds_to
            && crate::misfiled::is_to_be_sealed(ctx.txn, subject, original)?
        {
            return refuse(Reason::SealedAnew { chart: chart_id });
        }
        if let Some(original) = entry.manifest.adds_to
            && entries::entry(ctx.txn, subject, original)?.is_none()
        {
            return refuse(Reason::NothingToAddTo { entry: original });
        }
        for small in &entry.small {
            holdings::put_small(ctx.txn, small)?;
        }
        if let Some(begun) = &entry.begun {
            entries::put_open(ctx.txn, begun)?;
        }
        keep(ctx, &entry.checked, None, true, Some((&entry.manifest, entry.own_wrap)))?;
        learn_holder(ctx.txn, subject, label.entry(), ctx.own.party())?;
        recorded.push(label.entry());
    }
    let user = entries.first().map(|entry| entry.manifest.user.clone());
    access_log::append(
        ctx,
        access_log::Draft {
            user,
            entries: recorded.clone(),
            ..access_log::Draft::new(subject, Action::Recorded, ctx.own.party())
        },
    )?;
    if row.enrolled {
        let bundles = entries.iter().map(|entry| entry.checked.to_bundle()).collect();
        announce(ctx, subject, bundles)?;
    }
    Ok(RecordedView { entries: recorded })
}

fn current_compartment(
    ctx: &Context<'_>,
    patient: PartyId,
    compartment: CompartmentId,
) -> Handled<bool> {
    let named =
        directory::ring(ctx.txn, patient)?.is_some_and(|ring| ring.entry(compartment).is_some());
    let end = directory::compartment_end(ctx.txn, patient, compartment)?;
    Ok(named && end.is_some_and(|end| ctx.now < end))
}

/// Opens an entry: a person at an institution with its keys, a patient at the relay with the
/// patient's.
pub(super) fn open(
    ctx: &Context<'_>,
    subject: PartyId,
    id: EntryId,
) -> Handled<(EntryRow, Manifest)> {
    if !patients::serves(ctx.txn, subject)? {
        let (row, manifest, _) = open_own(ctx.own, ctx.txn, subject, id)?;
        return Ok((row, manifest));
    }
    let Some(keys) = ctx.keys.filter(|keys| keys.patient == subject) else {
        return refuse(patients::Reason::Locked { patient: subject });
    };
    let Some(row) = entries::entry(ctx.txn, subject, id)? else {
        return refuse(entries::Reason::NotInRecord { entry: id });
    };
    let (manifest, _) = entries::open_as_patient(ctx.txn, keys, &row)?;
    Ok((row, manifest))
}

/// The line in the log is durable before the keys leave, because the answer goes out after the
/// commit.
pub(super) fn log_opened(
    ctx: &mut Context<'_>,
    subject: PartyId,
    entry: EntryId,
    user: String,
    purpose: Purpose,
    export: bool,
) -> Handled<()> {
    let action = if export { Action::Exported } else { Action::Opened };
    let by = if patients::serves(ctx.txn, subject)? { subject } else { ctx.own.party() };
    access_log::append(
        ctx,
        access_log::Draft {
            user: Some(user),
            purpose: Some(purpose),
            entries: vec![entry],
            ..access_log::Draft::new(subject, action, by)
        },
    )?;
    Ok(())
}

/// The chart's patient has enrolled: its entries get the patient's name and wraps and are announced. A
/// chart that nobody here opened, but a permission for the patient, goes up in it.
pub(crate) fn adopt(ctx: &mut Context<'_>, chart_id: ChartId, patient: PartyId) -> Handled<()> {
    let mut row = chart(ctx.txn, chart_id)?;
    let before = row.subject;
    row.subject = patient;
    row.enrolled = true;
    row.registered = true;
    let other = chart_of(ctx.txn, patient)?.filter(|other| *other != chart_id);
    put_chart(ctx.txn, chart_id, &row)?;
    if let Some(other) = other {
        delete_chart(ctx.txn, other)?;
    }
    if before == patient {
        reseal(ctx, patient)?;
        let mut bundles = Vec::new();
        for found in entries::entries(ctx.txn, patient)? {
            if found.row.label.claims().author == ctx.own.party() {
                bundles.extend(whole(ctx.txn, &found.row)?.map(|whole| whole.to_bundle()));
            }
        }
        return announce(ctx, patient, bundles);
    }
    access_log::adopt(ctx, before, patient)?;
    let mut bundles = Vec::new();
    let mut sealer = Sealer::new(ctx.own, patient, ctx.now);
    for found in entries::entries(ctx.txn, before)? {
        bundles.push(relabel(ctx, before, &mut sealer, found.entry)?.to_bundle());
    }
    sealer.keep_begun(ctx.txn)?;
    announce(ctx, patient, bundles)
}

/// Gives an entry of a chart its patient's name and wraps, or takes them from it; its objects stay as they are.
pub(super) fn relabel(
    ctx: &mut Context<'_>,
    before: PartyId,
    sealer: &mut Sealer<'_>,
    id: EntryId,
) -> Handled<Checked> {
    let (row, manifest, key) = open_own(ctx.own, ctx.txn, before, id)?;
    let session = sealer.session(ctx.txn, manifest.kind, ctx.rng)?.cloned();
    let (checked, own_wrap) = labelled(ctx, &row, &key, (sealer.patient(), session.as_ref()))?;
    keep(ctx, &checked, row.from, row.whole, Some((&manifest, own_wrap)))?;
    learn_holder(ctx.txn, sealer.patient(), id, ctx.own.party())?;
    entries::move_away(ctx, (before, id), &row)?;
    Ok(checked)
}

/// An entry of ours under a new label, with its key for us and for the compartment. [WRP-7]
fn labelled(
    ctx: &Context<'_>,
    row: &EntryRow,
    key: &DataKey,
    (patient, session): (PartyId, Option<&Open>),
) -> Handled<(Checked, OwnWrap)> {
    let old = row.label.claims();
    let label = Label {
        subject: patient,
        sealed: session.map(|session| session.seal(key)),
        key: ctx.own.key_number(),
        ..old.clone()
    };
    let Some(manifest) = holdings::small(ctx.txn, old.manifest)? else {
        return refuse(Reason::ManifestMissing);
    };
    let checked = Checked {
        label: Signed::sign(label, ctx.own.institution_key()),
        contents: row.contents.clone(),
        manifest,
        session: session.map(Open::session),
        own_wrap: None,
    };
    Ok((checked, ctx.own.wrap(key)))
}

/// A key ring has come: entries of ours that were recorded while there was no compartment to seal them
/// to, or to one that was retired already and that we had not heard of, get the patient's wrap now.
pub(crate) fn reseal(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    let mut bundles = Vec::new();
    let mut sealer = Sealer::new(ctx.own, patient, ctx.now);
    for found in entries::entries(ctx.txn, patient)? {
        let label = found.row.label.claims();
        let ours = label.author == ctx.own.party() && found.index.is_some();
        if !ours || sealed_in_time(ctx.txn, label)? {
            continue;
        }
        match reseal_entry(ctx, &mut sealer, found.entry) {
            Ok(resealed) => bundles.extend(resealed.map(|checked| checked.to_bundle())),
            // One that cannot be opened must not keep the others from their wraps, nor the ring from us.
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(reason = refusal.name(), "an entry was not sealed again");
            }
            Err(error) => return Err(error),
        }
    }
    sealer.keep_begun(ctx.txn)?;
    announce(ctx, patient, bundles)
}

fn reseal_entry(
    ctx: &mut Context<'_>,
    sealer: &mut Sealer<'_>,
    id: EntryId,
) -> Handled<Option<Checked>> {
    let patient = sealer.patient();
    let (row, manifest, key) = open_own(ctx.own, ctx.txn, patient, id)?;
    let Some(session) = sealer.session(ctx.txn, manifest.kind, ctx.rng)?.cloned() else {
        return Ok(None);
    };
    let (checked, own_wrap) = labelled(ctx, &row, &key, (patient, Some(&session)))?;
    keep(ctx, &checked, row.from, row.whole, Some((&manifest, own_wrap)))?;
    Ok(Some(checked))
}

/// At the relay: an institution was given a permission to read. It hears who treats the patient and which entries there are,
/// as far as it may read them.
pub(crate) fn may_read(
    ctx: &mut Context<'_>,
    reader: PartyId,
    patient: PartyId,
    scope: &Scope,
) -> Handled<()> {
    let may = MayRead {
        compartments: scope.compartments().iter().copied().collect(),
        entries: scope.entries().iter().copied().collect(),
    };
    authors::tell(ctx, reader, patient, &may)?;
    misfiled::tell_reader(ctx, reader, patient, &may)?;
    catalogue::send(ctx, reader, patient, scope)
}
