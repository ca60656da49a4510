//! At a reader: what the relay lists is kept, for comparing it with what holders sent.

use super::super::Reason;
use crate::catalogue::tables::{self, NAMED, SectionRow};
use crate::catalogue::{Listing, Section, Step};
use crate::codec::Bytes;
use crate::directory;
use crate::entries;
use crate::identity::{KeyRing, KnownKeys};
use crate::limits;
use crate::patients;
use crate::refusal::{Handled, refuse};
use crate::turn::{Context, Sender};

/// The relay tells which entries there are.
pub(crate) fn received(ctx: &mut Context<'_>, sender: &Sender, listing: Listing) -> Handled<Bytes> {
    let patient = listing.sections.first().map(|section| section.catalogue.claims().patient);
    let ring = match patient {
        Some(patient) => directory::ring(ctx.txn, patient)?,
        None => return refuse(Reason::ListsNothing),
    };
    // Only of a patient that we have a chart of: nobody fills our tables with strangers. Others are not
    // told whether we have.
    let ring = ring.filter(|ring| ring.relay == sender.institution);
    let Some(ring) = ring else { return not_ours() };
    if entries::chart_of(ctx.txn, ring.patient)?.is_none() {
        return not_ours();
    }
    if listing.sections.len() > limits::CATALOGUE_SECTIONS_MAX {
        return refuse(Reason::TooManyCompartments);
    }
    let mut kept = forget_replaced(ctx, &ring)?;
    for section in listing.sections {
        take(ctx, &ring, &sender.keys, section, &mut kept)?;
    }
    Ok(Bytes::default())
}

fn not_ours<T>() -> Handled<T> {
    refuse(patients::Reason::NotTheirRelay)
}

/// What a relay listed that the patient has replaced since counts no more, however high its `seq`. Gives how many
/// catalogues are kept.
fn forget_replaced(ctx: &mut Context<'_>, ring: &KeyRing) -> Handled<usize> {
    let mut kept = 0;
    for (compartment, row) in tables::sections(ctx.txn, ring.patient)? {
        if row.catalogue.claims().relay == ring.relay {
            kept += 1;
        } else {
            tables::forget(ctx.txn, ring.patient, compartment)?;
        }
    }
    Ok(kept)
}

fn take(
    ctx: &mut Context<'_>,
    ring: &KeyRing,
    relay: &KnownKeys,
    section: Section,
    kept: &mut usize,
) -> Handled<()> {
    section.check()?;
    let catalogue = section.catalogue.certify(ring, relay, ctx.now)?;
    let (patient, seq) = (catalogue.patient, catalogue.seq);
    if catalogue.compartment == Some(NAMED) {
        return refuse(Reason::NoCompartment);
    }
    let compartment = catalogue.compartment.unwrap_or(NAMED);
    let known = tables::section(ctx.txn, patient, compartment)?;
    // Compartments that this node never heard of may be of earlier rings, but not any number of them.
    if known.is_none() && *kept >= limits::CATALOGUES_KEPT_MAX {
        return refuse(Reason::TooManyCompartments);
    }
    *kept += usize::from(known.is_none());
    let newest = known.as_ref().is_none_or(|known| known.catalogue.claims().seq <= seq);
    let mut row = SectionRow { catalogue: catalogue.to_unverified(), rows: 0, complete: true };
    if compartment == NAMED {
        row.rows = known.as_ref().map_or(0, |known| known.rows);
        for listed in &section.entries {
            let before = tables::entry(ctx.txn, patient, NAMED, listed.entry)?;
            if before.is_none_or(|before| before.seq <= seq) {
                row.rows += u64::from(tables::put_entry(ctx.txn, patient, NAMED, listed, seq)?);
            }
        }
        // Each row is counted, also what a catalogue that comes late adds.
        if let Some(known) = known.filter(|_| !newest) {
            row.catalogue = known.catalogue;
        }
        return Ok(tables::put_section(ctx.txn, patient, NAMED, &row)?);
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
        return refuse(Reason::TooManyListed);
    }
    row.complete = row.rows == catalogue.count
        && tables::count_and_root(ctx.txn, patient, compartment)?.1 == catalogue.root;
    if section.step == Step::Adds && !row.complete {
        return refuse(Reason::OtherRoot);
    }
    Ok(tables::put_section(ctx.txn, patient, compartment, &row)?)
}
