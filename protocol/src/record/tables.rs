//! Where entries are kept, in every role: with keys at an author, without at a depositary or relay.

use super::Kind;
use super::by_compartment;
use super::wire::{Checked, ContentRef, Label, Manifest, Term};
use crate::codec::{Bytes, wire_struct};
use crate::id::{ChartId, EntryId, PartyId};
use crate::object::DataKey;
use crate::objects;
use crate::peer::{Context, Peer};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::rows;
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::wrap::Wrap;

/// Chart -> [`ChartRow`].
pub(super) const CHARTS: Table = Table("chart");
/// Subject -> chart.
pub(super) const CHART_OF: Table = Table("chart_of");
/// Subject, entry -> [`EntryRow`].
pub(super) const ENTRIES: Table = Table("entry");
/// Subject, entry -> [`IndexRow`].
pub(super) const INDEX: Table = Table("entry_index");
/// Subject, entry, institution -> nothing: who is known to hold it.
const HOLDERS: Table = Table("entry_holder");

wire_struct! {
    /// What an institution keeps about one person.
    #[derive(Debug, Clone)]
    pub struct ChartRow {
        /// The person's name, for people at this institution only.
        1 => name: String,
        /// Identifiers at this institution.
        2 => identifiers: Vec<Term>,
        /// When it was opened.
        3 => created: Timestamp,
        /// Whom its entries' labels name: the patient once enrolled, before that an id of the chart.
        4 => subject: PartyId,
        /// Whether the patient is known: its entries name the patient and are sealed to the patient, too.
        5 => enrolled: bool,
        /// Whether a person here opened it; a permission or a restored copy opens one, too.
        6 => registered: bool,
    }
}

wire_struct! {
    /// An entry that is kept here.
    #[derive(Debug, Clone)]
    pub struct EntryRow {
        /// Its label.
        1 => label: Unverified<Label>,
        /// Its content objects.
        2 => contents: Vec<ContentRef>,
        /// Its manifest's key, sealed to the patient's compartment.
        3 => wrap: Option<Wrap>,
        /// The institution that it was obtained from; none when it was made here.
        4 => from: Option<PartyId>,
        /// When it came here.
        5 => received: Timestamp,
        /// Whether its content objects are here, too.
        6 => whole: bool,
    }
}

wire_struct! {
    /// What a reader knows of an entry, to list and find it without opening it again.
    #[derive(Debug, Clone)]
    pub struct IndexRow {
        /// The kind of record.
        1 => kind: Kind,
        /// Its title.
        2 => title: String,
        /// When what it tells of happened.
        3 => effective: Timestamp,
        /// Who recorded it.
        4 => user: String,
        /// What it is found by.
        5 => terms: Vec<Term>,
        /// The entry that it adds to.
        6 => adds_to: Option<EntryId>,
        /// The manifest's key, sealed to this institution.
        7 => own_wrap: Wrap,
        /// Bytes of its contents.
        8 => bytes: u64,
    }
}

/// An entry with its id.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) entry: EntryId,
    pub(crate) row: EntryRow,
    pub(crate) index: Option<IndexRow>,
}

/// The id that stands for the patient in the labels of a chart that is not enrolled.
pub(crate) fn subject_of_chart(chart: ChartId) -> PartyId {
    PartyId(blake3::derive_key("chartmesh/1/chart", &chart.0))
}

/// A chart.
pub(crate) fn chart(txn: &(impl ReadTxn + ?Sized), chart: ChartId) -> Handled<ChartRow> {
    match rows::get(txn, CHARTS, &chart.0)? {
        Some(row) => Ok(row),
        None => refuse(
            RefusalCode::NotFound,
            format!("no chart {chart} here; list charts with `chartmesh patient list`"),
        ),
    }
}

/// The chart kept about a subject.
pub(crate) fn chart_of(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
) -> Result<Option<ChartId>, StoreError> {
    rows::get(txn, CHART_OF, &subject.0)
}

/// All entries of a subject, with what is known of them.
pub(crate) fn entries(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
) -> Result<Vec<Found>, StoreError> {
    rows::all::<EntryRow>(txn, ENTRIES, &subject.0)?
        .into_iter()
        .map(|(key, row)| {
            let index = rows::get(txn, INDEX, &key)?;
            Ok(Found { entry: EntryId(rows::tail(ENTRIES, &key)?), row, index })
        })
        .collect()
}

/// One entry.
pub(crate) fn entry(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Option<EntryRow>, StoreError> {
    rows::get(txn, ENTRIES, &rows::pair(&subject.0, &entry.0))
}

/// What is known of one entry.
pub(crate) fn index(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Option<IndexRow>, StoreError> {
    rows::get(txn, INDEX, &rows::pair(&subject.0, &entry.0))
}

/// An entry's bundle with its manifest.
pub(crate) fn whole(
    txn: &(impl ReadTxn + ?Sized),
    row: &EntryRow,
) -> Result<Option<Checked>, StoreError> {
    let label = row.label.clone().from_own_store();
    Ok(objects::small(txn, label.manifest)?.map(|manifest| Checked {
        label,
        contents: row.contents.clone(),
        manifest,
        wrap: row.wrap.clone(),
        author_wrap: None,
    }))
}

/// Whether a label names a compartment that could be sealed to when the entry was recorded, as far as the
/// patient's rings are known here. An author who dates back reveals nothing but its own entry.
pub(crate) fn sealed_in_time(
    txn: &(impl ReadTxn + ?Sized),
    label: &Label,
) -> Result<bool, StoreError> {
    let Some(compartment) = label.compartment else { return Ok(false) };
    let end = crate::directory::compartment_end(txn, label.subject, compartment)?;
    Ok(end.is_none_or(|end| label.recorded < end))
}

/// Whether its author may put a label in the place of the one that is kept: the two are the same but for
/// the compartment, and the old one names none that could be sealed to.
fn completes(
    txn: &(impl ReadTxn + ?Sized),
    old: &Label,
    new: &Checked,
) -> Result<bool, StoreError> {
    let as_before = Label { compartment: old.compartment, key: old.key, ..(*new.label).clone() };
    Ok(as_before == *old
        && new.wrap.is_some()
        && !sealed_in_time(txn, old)?
        && sealed_in_time(txn, &new.label)?)
}

/// Keeps an entry; the content objects come by themselves. A label once kept is never replaced, but
/// for a wrap that was missing, or for one that [`completes`] it.
pub(crate) fn keep(
    ctx: &mut Context<'_>,
    checked: &Checked,
    from: Option<PartyId>,
    whole: bool,
    opened: Option<(&Manifest, Wrap)>,
) -> Handled<()> {
    let (subject, id) = (checked.label.subject, checked.label.entry);
    let key = rows::pair(&subject.0, &id.0);
    let known = rows::get::<EntryRow>(ctx.txn, ENTRIES, &key)?;
    let replaces = match &known {
        Some(known) if known.label.id() != checked.label.id() => {
            if !completes(ctx.txn, known.label.claims(), checked)? {
                return refuse(
                    RefusalCode::NotAuthentic,
                    format!("entry {id} is here already with another label"),
                );
            }
            true
        }
        _ => false,
    };
    let row = EntryRow {
        label: checked.label.to_unverified(),
        contents: checked.contents.clone(),
        // The first one stays: a holder cannot check a wrap, and a later one could be worth nothing.
        wrap: known
            .as_ref()
            .filter(|_| !replaces)
            .and_then(|row| row.wrap.clone())
            .or_else(|| checked.wrap.clone()),
        from: known.as_ref().map_or(from, |row| row.from),
        received: known.as_ref().map_or(ctx.now, |row| row.received),
        whole: whole || known.as_ref().is_some_and(|row| row.whole),
    };
    super::catalogue::enter(ctx, &checked.label)?;
    let before = known.as_ref().and_then(|row| row.label.claims().compartment);
    if before != checked.label.compartment {
        by_compartment::leave(ctx.txn, (subject, id), before)?;
    }
    by_compartment::enter(ctx.txn, (subject, id), checked.label.compartment)?;
    rows::put(ctx.txn, ENTRIES, &key, &row)?;
    objects::put_small(ctx.txn, &checked.manifest)?;
    objects::note_here(ctx.txn, checked.label.manifest)?;
    objects::hold(ctx.txn, checked.label.manifest, subject, id, checked.manifest.len() as u64)?;
    if row.whole {
        for content in &checked.contents {
            objects::hold(ctx.txn, content.object, subject, id, content.length)?;
        }
    }
    if let Some((manifest, own_wrap)) = opened {
        let index = IndexRow {
            kind: manifest.kind,
            title: manifest.title.clone(),
            effective: manifest.effective,
            user: manifest.user.clone(),
            terms: manifest.terms.clone(),
            adds_to: manifest.adds_to,
            own_wrap,
            bytes: manifest
                .contents
                .iter()
                .fold(0, |sum, content| sum.saturating_add(content.plaintext_length)),
        };
        rows::put(ctx.txn, INDEX, &key, &index)?;
    }
    Ok(())
}

/// Opens an entry with this institution's own wrap.
pub(crate) fn open_own(
    peer: &Peer,
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    id: EntryId,
) -> Handled<(EntryRow, Manifest, DataKey)> {
    let (Some(row), Some(index)) = (entry(txn, subject, id)?, index(txn, subject, id)?) else {
        return refuse(
            RefusalCode::NotFound,
            format!("no entry {id} that this institution can open"),
        );
    };
    let label = row.label.clone().from_own_store();
    let Some(sealed) = objects::small(txn, label.manifest)? else {
        return refuse(RefusalCode::NotFound, format!("the manifest of entry {id} is not here"));
    };
    let key = crate::wrap::unwrap(&index.own_wrap, label.manifest, subject, peer.kem())
        .map(|key| DataKey::from_bytes(*key))
        .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
    let manifest = Manifest::open(&label, &row.contents, &sealed, &key)?;
    Ok((row, manifest, key))
}

/// Remembers that an institution holds an entry.
pub(crate) fn learn_holder(
    ctx: &mut Context<'_>,
    subject: PartyId,
    entry: EntryId,
    holder: PartyId,
) -> Result<(), StoreError> {
    rows::mark(ctx.txn, HOLDERS, &[&subject.0[..], &entry.0, &holder.0].concat())
}

/// Who is known to hold an entry.
pub(crate) fn holders(
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Result<Vec<PartyId>, StoreError> {
    rows::all::<Bytes>(txn, HOLDERS, &rows::pair(&subject.0, &entry.0))?
        .into_iter()
        .map(|(key, _)| rows::tail(HOLDERS, &key).map(PartyId))
        .collect()
}

/// Forgets that an institution holds an entry.
pub(crate) fn forget_holder(
    ctx: &mut Context<'_>,
    subject: PartyId,
    entry: EntryId,
    holder: PartyId,
) -> Result<(), StoreError> {
    ctx.txn.delete(HOLDERS, &[&subject.0[..], &entry.0, &holder.0].concat())
}

/// Marks an entry whole once all its content objects are here.
pub(crate) fn complete(ctx: &mut Context<'_>, subject: PartyId, id: EntryId) -> Handled<()> {
    let Some(mut row) = entry(ctx.txn, subject, id)? else { return Ok(()) };
    for content in &row.contents {
        if !objects::here(ctx.txn, content.object)? {
            return Ok(());
        }
    }
    row.whole = true;
    for content in &row.contents {
        objects::hold(ctx.txn, content.object, subject, id, content.length)?;
    }
    rows::put(ctx.txn, ENTRIES, &rows::pair(&subject.0, &id.0), &row)?;
    Ok(())
}

/// Stops keeping an entry for an owner; the entry itself goes with its last owner.
pub(crate) fn forget(
    ctx: &mut Context<'_>,
    owner: PartyId,
    subject: PartyId,
    id: EntryId,
) -> Handled<()> {
    let Some(row) = entry(ctx.txn, subject, id)? else { return Ok(()) };
    let manifest = row.label.claims().manifest;
    let objects: Vec<_> =
        row.contents.iter().map(|content| content.object).chain([manifest]).collect();
    // What this institution made or obtained is in its own chart, and no depositor's word ends that.
    let ours = index(ctx.txn, subject, id)?.is_some();
    if !ours || owner != subject {
        for object in &objects {
            objects::release(ctx, *object, owner, id)?;
        }
    }
    if !ours && !crate::backup::kept_for_anybody(ctx.txn, subject, id)? {
        for object in &objects {
            objects::release(ctx, *object, subject, id)?;
        }
        let key = rows::pair(&subject.0, &id.0);
        ctx.txn.delete(ENTRIES, &key)?;
        by_compartment::leave(ctx.txn, (subject, id), row.label.claims().compartment)?;
        forget_holder(ctx, subject, id, ctx.peer.me())?;
    }
    Ok(())
}

/// Opens an entry with the patient's unlocked keys.
pub(crate) fn open_as_patient(
    txn: &(impl ReadTxn + ?Sized),
    keys: &crate::peer::PatientKeys,
    row: &EntryRow,
) -> Handled<(Manifest, DataKey)> {
    let label = row.label.clone().from_own_store();
    let unknown = || {
        refuse(
            RefusalCode::NotFound,
            format!(
                "entry {} is sealed to a compartment that the patient's keys do not open",
                label.entry
            ),
        )
    };
    let (Some(compartment), Some(wrap)) = (label.compartment, &row.wrap) else { return unknown() };
    let Some(secret) = crate::custody::compartment_secret(txn, keys, compartment)? else {
        return unknown();
    };
    let Some(sealed) = objects::small(txn, label.manifest)? else {
        return refuse(
            RefusalCode::NotFound,
            format!("the manifest of entry {} is missing", label.entry),
        );
    };
    let key = crate::wrap::unwrap(wrap, label.manifest, label.subject, &secret)
        .map(|key| DataKey::from_bytes(*key))
        .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
    Ok((Manifest::open(&label, &row.contents, &sealed, &key)?, key))
}

/// Makes a chart for a patient that came by a permission or a backup, if there is none.
pub(crate) fn chart_for(ctx: &mut Context<'_>, subject: PartyId) -> Handled<()> {
    if chart_of(ctx.txn, subject)?.is_some() {
        return Ok(());
    }
    let id = ChartId(ctx.random());
    let enrolled = crate::directory::keys(ctx.txn, subject)?.is_some();
    let row = ChartRow {
        name: format!("patient {}", subject.short()),
        identifiers: Vec::new(),
        created: ctx.now,
        subject,
        enrolled,
        registered: false,
    };
    rows::put(ctx.txn, CHARTS, &id.0, &row)?;
    rows::put(ctx.txn, CHART_OF, &subject.0, &id)?;
    Ok(())
}

/// All charts.
pub(crate) fn charts(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(ChartId, ChartRow)>, StoreError> {
    rows::all::<ChartRow>(txn, CHARTS, &[])?
        .into_iter()
        .map(|(key, row)| Ok((ChartId(rows::tail(CHARTS, &key)?), row)))
        .collect()
}
