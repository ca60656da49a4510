//! At a reader: what the relay lists is kept, and compared with what holders sent.

use super::tables::{self, NAMED, SectionRow};
use super::wire::{Listed, Listing, Section, Step};
use crate::capability::Scope;
use crate::codec::Bytes;
use crate::custody;
use crate::directory;
use crate::id::{CompartmentId, EntryId, PartyId, StatementId};
use crate::identity::{KeyRing, KnownKeys};
use crate::limits;
use crate::peer::{Context, Sender};
use crate::record::view::CatalogueView;
use crate::record::{self, Label};
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// The relay tells which entries there are.
pub(crate) fn received(ctx: &mut Context<'_>, sender: &Sender, listing: Listing) -> Handled<Bytes> {
    let patient = listing.sections.first().map(|section| section.catalogue.claims().patient);
    let ring = match patient {
        Some(patient) => directory::ring(ctx.txn, patient)?,
        None => return refuse(RefusalCode::Invalid, "a listing lists something"),
    };
    // Only of a patient that we have a chart of: nobody fills our tables with strangers. Others are not
    // told whether we have.
    let ring = ring.filter(|ring| ring.relay == sender.institution);
    let Some(ring) = ring else { return not_ours() };
    if record::chart_of(ctx.txn, ring.patient)?.is_none() {
        return not_ours();
    }
    if listing.sections.len() > limits::CATALOGUE_SECTIONS_MAX {
        return refuse(RefusalCode::LimitReached, "a listing of too many compartments");
    }
    forget_replaced(ctx, &ring)?;
    for section in listing.sections {
        take(ctx, &ring, &sender.keys, section)?;
    }
    Ok(Bytes::default())
}

fn not_ours<T>() -> Handled<T> {
    refuse(RefusalCode::NotPermitted, "this relay does not serve a patient known here")
}

/// What a relay listed that the patient has replaced since counts no more, however high its `seq`.
fn forget_replaced(ctx: &mut Context<'_>, ring: &KeyRing) -> Handled<()> {
    for (compartment, row) in tables::sections(ctx.txn, ring.patient)? {
        if row.catalogue.claims().relay != ring.relay {
            tables::forget(ctx.txn, ring.patient, compartment)?;
        }
    }
    Ok(())
}

fn take(ctx: &mut Context<'_>, ring: &KeyRing, relay: &KnownKeys, section: Section) -> Handled<()> {
    if let Err(error) = section.check() {
        return refuse(RefusalCode::NotAuthentic, error.to_string());
    }
    let catalogue = match section.catalogue.certify(ring, relay, ctx.now) {
        Ok(catalogue) => catalogue,
        Err(error) => return refuse(RefusalCode::NotAuthentic, error.to_string()),
    };
    let (patient, seq) = (catalogue.patient, catalogue.seq);
    if catalogue.compartment == Some(NAMED) {
        return refuse(RefusalCode::NotAuthentic, "no compartment has this id");
    }
    let compartment = catalogue.compartment.unwrap_or(NAMED);
    let known = tables::section(ctx.txn, patient, compartment)?;
    let newest = known.as_ref().is_none_or(|known| known.catalogue.claims().seq <= seq);
    let mut row = SectionRow { catalogue: catalogue.to_unverified(), rows: 0, complete: true };
    if compartment == NAMED {
        for listed in &section.entries {
            let before = tables::entry(ctx.txn, patient, NAMED, listed.entry)?;
            if before.is_none_or(|before| before.seq <= seq) {
                tables::put_entry(ctx.txn, patient, NAMED, listed, seq)?;
            }
        }
        return if newest {
            Ok(tables::put_section(ctx.txn, patient, NAMED, &row)?)
        } else {
            Ok(())
        };
    }
    // An older one comes late, or again; it says nothing any more.
    if !newest {
        return Ok(());
    }
    if section.step == Step::Begins {
        tables::forget(ctx.txn, patient, compartment)?;
    } else {
        row.rows = known.map_or(0, |known| known.rows);
    }
    for listed in &section.entries {
        row.rows += u64::from(tables::put_entry(ctx.txn, patient, compartment, listed, seq)?);
    }
    let changed = section.entries.iter().map(|listed| listed.entry);
    tables::refresh(ctx.txn, patient, compartment, changed)?;
    if row.rows > limits::CATALOGUE_ENTRIES_MAX as u64 {
        return refuse(RefusalCode::LimitReached, "more entries than can be listed");
    }
    row.complete = row.rows == catalogue.count
        && tables::count_and_root(ctx.txn, patient, compartment)?.1 == catalogue.root;
    if section.step == Step::Adds && !row.complete {
        return refuse(
            RefusalCode::WrongState,
            "what is listed here does not lead to the catalogue's root; send all of it",
        );
    }
    Ok(tables::put_section(ctx.txn, patient, compartment, &row)?)
}

/// The label that the patient's catalogue lists for the entry of `label`, if it lists the entry. Which
/// compartment `label` itself names has no say in where to look.
pub(crate) fn listed(
    txn: &(impl ReadTxn + ?Sized),
    label: &Label,
) -> Result<Option<StatementId>, StoreError> {
    let relay = directory::relay_of(txn, label.subject)?;
    let mut newest: Option<tables::ListedRow> = None;
    for (compartment, section) in tables::sections(txn, label.subject)? {
        if Some(section.catalogue.claims().relay) != relay {
            continue;
        }
        if let Some(row) = tables::entry(txn, label.subject, compartment, label.entry)?
            && newest.as_ref().is_none_or(|newest| newest.seq < row.seq)
        {
            newest = Some(row);
        }
    }
    Ok(newest.map(|row| row.label))
}

/// The newest catalogue of a compartment, if it is by the relay that the patient's key ring names now.
fn counts(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    compartment: CompartmentId,
) -> Result<Option<SectionRow>, StoreError> {
    let relay = directory::relay_of(txn, patient)?;
    Ok(tables::section(txn, patient, compartment)?
        .filter(|row| Some(row.catalogue.claims().relay) == relay))
}

/// How what is here differs from what the catalogue lists.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// When the catalogue was issued, the newest of several.
    pub(crate) issued: Option<Timestamp>,
    /// How many entries it lists.
    pub(crate) listed: u64,
    /// Entries that it lists and that are not here.
    pub(crate) missing: BTreeSet<EntryId>,
    /// How many more are missing that cannot be named, because only their number is known.
    pub(crate) unnamed: u64,
    /// Entries that are here with another label.
    pub(crate) other: BTreeSet<EntryId>,
    /// Entries seen, so that one that is listed twice counts once.
    seen: BTreeSet<EntryId>,
}

impl Gaps {
    fn compare(
        &mut self,
        txn: &(impl ReadTxn + ?Sized),
        patient: PartyId,
        listed: &Listed,
    ) -> Result<(), StoreError> {
        if !self.seen.insert(listed.entry) {
            return Ok(());
        }
        self.listed += 1;
        match record::entry(txn, patient, listed.entry)? {
            None => {
                self.missing.insert(listed.entry);
            }
            Some(row) if row.label.id() != listed.label => {
                self.other.insert(listed.entry);
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn compare_compartment(
        &mut self,
        txn: &(impl ReadTxn + ?Sized),
        patient: PartyId,
        compartment: CompartmentId,
        row: Option<&SectionRow>,
    ) -> Result<(), StoreError> {
        let (listed, missing) = (self.listed, self.missing.len());
        tables::each(txn, patient, compartment, |listed| self.compare(txn, patient, listed))?;
        let Some(row) = row else { return Ok(()) };
        self.issued = self.issued.max(Some(row.catalogue.claims().issued));
        if compartment != NAMED && !row.complete {
            // Count and root alone, or a list that is still on its way: how many are missing is known.
            let here = record::count_in(txn, patient, compartment)?;
            let named = (self.missing.len() - missing) as u64;
            let count = row.catalogue.claims().count;
            self.listed = listed + count;
            self.unnamed += count.saturating_sub(here).saturating_sub(named);
        }
        Ok(())
    }
}

/// Compares what is here with what the catalogue lists of a permission's scope.
pub(crate) fn gaps(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    scope: &Scope,
) -> Result<Gaps, StoreError> {
    let mut gaps = Gaps::default();
    for compartment in scope.compartments() {
        if let Some(row) = counts(txn, patient, *compartment)? {
            gaps.compare_compartment(txn, patient, *compartment, Some(&row))?;
        }
    }
    if let Some(row) = counts(txn, patient, NAMED)? {
        gaps.issued = gaps.issued.max(Some(row.catalogue.claims().issued));
        for entry in scope.entries() {
            if let Some(row) = tables::entry(txn, patient, NAMED, *entry)? {
                let listed = Listed { entry: *entry, label: row.label };
                gaps.compare(txn, patient, &listed)?;
            }
        }
    }
    Ok(gaps)
}

/// All that is listed of a patient, compared with what is here; none when nothing is.
pub(crate) fn view(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
) -> Result<Option<CatalogueView>, StoreError> {
    let ours = custody::serves(txn, patient)?;
    let (mut gaps, mut any) = (Gaps::default(), ours);
    let sections = tables::sections(txn, patient)?;
    if ours {
        // What it last signed, for whomever it was.
        gaps.issued = sections.iter().map(|(_, row)| row.catalogue.claims().issued).max();
    }
    // The relay has listed what it has not signed yet; a reader may know a number alone.
    let compartments = match ours {
        true => tables::compartments(txn, patient)?,
        false => sections.into_iter().map(|(compartment, _)| compartment).collect(),
    };
    for compartment in compartments {
        let row = counts(txn, patient, compartment)?;
        if row.is_some() || ours {
            any = true;
            gaps.compare_compartment(txn, patient, compartment, row.as_ref())?;
        }
    }
    let Some(relay) = directory::relay_of(txn, patient)?.filter(|_| any) else { return Ok(None) };
    Ok(Some(CatalogueView {
        relay,
        relay_name: directory::name(txn, relay)?,
        issued: gaps.issued,
        listed: gaps.listed,
        missing: gaps.missing.len() as u64 + gaps.unnamed,
        missing_entries: gaps.missing.into_iter().take(limits::CATALOGUE_SHOWN_MAX).collect(),
        other_label: gaps.other.into_iter().take(limits::CATALOGUE_SHOWN_MAX).collect(),
    }))
}
