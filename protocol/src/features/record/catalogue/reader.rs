//! At a reader: what the relay lists is kept, for comparing it with what holders sent.

use crate::catalogue::tables::{self, NAMED, SectionRow};
use crate::catalogue::{Listing, Section, Step};
use crate::codec::Bytes;
use crate::directory;
use crate::entries;
use crate::identity::{KeyRing, KnownKeys};
use crate::limits;
use crate::refusal::{Handled, RefusalCode, refuse};
use crate::turn::{Context, Sender};

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
    if entries::chart_of(ctx.txn, ring.patient)?.is_none() {
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
