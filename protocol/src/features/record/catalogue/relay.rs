//! At the patient's relay: what is listed is signed when somebody is to have it, and told to whoever may read
//! it.

use super::super::wire::Message;
use crate::capability::Scope;
use crate::catalogue::tables::{self, NAMED, SectionRow};
use crate::catalogue::{Catalogue, Listed, Listing, Section, Step, root};
use crate::entries::{self, Label};
use crate::id::{CompartmentId, EntryId, PartyId};
use crate::limits;
use crate::permission::{self, MayRead};
use crate::refusal::{Handled, Refusal, RefusalCode};
use crate::statement::Signed;
use crate::turn::Context;
use std::collections::{BTreeMap, BTreeSet};

/// The catalogues of all that a permission to read covers, as they stand now: one for each compartment,
/// and one for the entries that it names.
pub(crate) fn for_scope(
    ctx: &mut Context<'_>,
    patient: PartyId,
    scope: &Scope,
) -> Handled<Vec<Signed<Catalogue>>> {
    let mut catalogues = Vec::new();
    for compartment in scope.compartments() {
        catalogues.push(of_compartment(ctx, patient, *compartment)?);
    }
    if !scope.entries().is_empty() {
        let listed = named(ctx, patient, scope.entries())?;
        catalogues.push(of_named(ctx, patient, &listed)?);
    }
    Ok(catalogues)
}

/// Tells an institution all that its permission to read covers; to be called when it is given one.
pub(crate) fn send(
    ctx: &mut Context<'_>,
    to: PartyId,
    patient: PartyId,
    scope: &Scope,
) -> Handled<()> {
    let mut pages = Pages::default();
    for catalogue in for_scope(ctx, patient, scope)? {
        match catalogue.compartment {
            None => {
                let listed = named(ctx, patient, scope.entries())?;
                pages.add(ctx, to, &catalogue, Step::Begins, listed)?;
            }
            Some(compartment) => {
                pages.add_whole(ctx, to, patient, compartment, &catalogue)?;
            }
        }
    }
    pages.flush(ctx, to)
}

/// What one announcement changes in the lists.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Entries that are new in a compartment, by compartment.
    new: BTreeMap<CompartmentId, BTreeMap<EntryId, Listed>>,
    /// Compartments that lost an entry: its author put it under a label that names another.
    less: BTreeSet<CompartmentId>,
    /// Entries with another label than before.
    relabelled: BTreeMap<EntryId, Listed>,
}

impl Changes {
    /// Notes that an entry comes under `label` where `before` was, if anything was.
    pub(crate) fn note(&mut self, before: Option<&Label>, label: &Signed<Label>) {
        let listed = Listed { entry: label.entry(), label: label.listed_as() };
        if let Some(before) = before {
            // By which session it is sealed is no news: else an author that seals it anew has the relay sign and tell of
            // nothing, again and again.
            if before.listed_as() == label.listed_as()
                && before.compartment() == label.compartment()
            {
                return;
            }
            self.relabelled.insert(label.entry(), listed);
            self.less.extend(before.compartment().filter(|old| Some(*old) != label.compartment()));
        }
        if let Some(compartment) = label.compartment() {
            self.new.entry(compartment).or_default().insert(label.entry(), listed);
        }
    }

    /// Notes that a compartment lost an entry.
    pub(crate) fn lost(&mut self, compartment: CompartmentId) {
        self.less.insert(compartment);
    }

    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.less.is_empty() && self.relabelled.is_empty()
    }
}

/// Entries were announced: tells those who may read them.
pub(crate) fn announced(ctx: &mut Context<'_>, patient: PartyId, changes: &Changes) -> Handled<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let readers = permission::readers(ctx.txn, patient, ctx.now)?;
    tell(ctx, patient, changes, &readers)
}

/// Tells readers what has changed of what they may read. Each list is signed once, however many read it.
pub(super) fn tell(
    ctx: &mut Context<'_>,
    patient: PartyId,
    changes: &Changes,
    readers: &BTreeMap<PartyId, MayRead>,
) -> Handled<()> {
    let mut signed: BTreeMap<CompartmentId, Signed<Catalogue>> = BTreeMap::new();
    for (&reader, may) in readers {
        let mut pages = Pages::default();
        for compartment in &may.compartments {
            let new = changes.new.get(compartment);
            let less = changes.less.contains(compartment);
            if new.is_none() && !less {
                continue;
            }
            if !signed.contains_key(compartment) {
                signed.insert(*compartment, of_compartment(ctx, patient, *compartment)?);
            }
            let catalogue = &signed[compartment];
            let few = |new: &&BTreeMap<_, _>| new.len() <= limits::CATALOGUE_PAGE_MAX;
            match new.filter(few).filter(|_| !less && listable(catalogue)) {
                Some(new) => {
                    let new = new.values().copied().collect();
                    pages.add(ctx, reader, catalogue, Step::Adds, new)?;
                }
                None => pages.add_whole(ctx, reader, patient, *compartment, catalogue)?,
            }
        }
        let relabelled = changes.relabelled.values().filter(|l| may.entries.contains(&l.entry));
        let relabelled: Vec<_> = relabelled.copied().collect();
        if !relabelled.is_empty() {
            let catalogue = of_named(ctx, patient, &relabelled)?;
            pages.add(ctx, reader, &catalogue, Step::Begins, relabelled)?;
        }
        pages.flush(ctx, reader)?;
    }
    Ok(())
}

/// A reader refused a listing. When it knows less than what was added to, it gets all of it, if it may
/// still read it.
pub(crate) fn refused(
    ctx: &mut Context<'_>,
    to: PartyId,
    listing: &Listing,
    refusal: &Refusal,
) -> Handled<()> {
    let patient = listing.sections.first().map(|section| section.catalogue.claims().patient);
    let Some(patient) = patient.filter(|_| refusal.code == RefusalCode::WrongState) else {
        return Ok(());
    };
    match permission::readers(ctx.txn, patient, ctx.now)?.get(&to) {
        Some(may) => tell_again(ctx, to, patient, listing, may),
        None => Ok(()),
    }
}

pub(super) fn tell_again(
    ctx: &mut Context<'_>,
    to: PartyId,
    patient: PartyId,
    listing: &Listing,
    may: &MayRead,
) -> Handled<()> {
    let mut again = Vec::new();
    for section in &listing.sections {
        let claims = section.catalogue.claims();
        let Some(compartment) = claims.compartment else { continue };
        if section.step != Step::Adds || !may.compartments.contains(&compartment) {
            continue;
        }
        // Several additions may be on their way and be refused; one whole list answers them all.
        if tables::sent_again(ctx.txn, to, patient, compartment)? < claims.seq {
            let newest = of_compartment(ctx, patient, compartment)?.seq;
            tables::put_sent_again(ctx.txn, to, patient, compartment, newest)?;
            again.push(compartment);
        }
    }
    match Scope::of_compartments(again) {
        Some(scope) => send(ctx, to, patient, &scope),
        None => Ok(()),
    }
}

/// The label of each entry, in ascending order; what is not known here is left out.
fn named(ctx: &Context<'_>, patient: PartyId, entries: &[EntryId]) -> Handled<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in entries {
        if let Some(row) = entries::entry(ctx.txn, patient, *entry)? {
            listed.push(Listed { entry: *entry, label: row.label.claims().listed_as() });
        }
    }
    Ok(listed)
}

fn of_named(
    ctx: &mut Context<'_>,
    patient: PartyId,
    listed: &[Listed],
) -> Handled<Signed<Catalogue>> {
    sign(ctx, patient, None, (listed.len() as u64, root(listed)))
}

/// Signed anew only when its list has changed since.
fn of_compartment(
    ctx: &mut Context<'_>,
    patient: PartyId,
    compartment: CompartmentId,
) -> Handled<Signed<Catalogue>> {
    let list = tables::count_and_root(ctx.txn, patient, compartment)?;
    if let Some(row) = tables::section(ctx.txn, patient, compartment)? {
        let claims = row.catalogue.claims();
        if (claims.count, claims.root) == list && claims.key == ctx.own.key_number() {
            return Ok(row.catalogue.from_own_store());
        }
    }
    sign(ctx, patient, Some(compartment), list)
}

fn sign(
    ctx: &mut Context<'_>,
    patient: PartyId,
    compartment: Option<CompartmentId>,
    (count, root): (u64, [u8; 32]),
) -> Handled<Signed<Catalogue>> {
    let section = compartment.unwrap_or(NAMED);
    let before = tables::section(ctx.txn, patient, section)?
        .map_or(0, |row| row.catalogue.claims().seq.saturating_add(1));
    let catalogue = Catalogue {
        patient,
        relay: ctx.own.party(),
        key: ctx.own.key_number(),
        seq: ctx.now.0.max(before),
        issued: ctx.now,
        compartment,
        count,
        root,
    };
    let catalogue = Signed::sign(catalogue, ctx.own.institution_key());
    let row = SectionRow { catalogue: catalogue.to_unverified(), rows: count, complete: true };
    tables::put_section(ctx.txn, patient, section, &row)?;
    Ok(catalogue)
}

/// Where there are too many to be listed, count and root stand alone.
fn listable(catalogue: &Catalogue) -> bool {
    catalogue.count <= limits::CATALOGUE_ENTRIES_MAX as u64
}

/// Puts sections together into messages of bounded size.
#[derive(Default)]
struct Pages {
    sections: Vec<Section>,
    entries: usize,
}

impl Pages {
    fn add(
        &mut self,
        ctx: &mut Context<'_>,
        to: PartyId,
        catalogue: &Signed<Catalogue>,
        step: Step,
        entries: Vec<Listed>,
    ) -> Handled<()> {
        if self.sections.len() == limits::CATALOGUE_SECTIONS_MAX
            || self.entries + entries.len() > limits::CATALOGUE_PAGE_MAX
        {
            self.flush(ctx, to)?;
        }
        self.entries += entries.len();
        self.sections.push(Section { catalogue: catalogue.to_unverified(), step, entries });
        Ok(())
    }

    fn add_whole(
        &mut self,
        ctx: &mut Context<'_>,
        to: PartyId,
        patient: PartyId,
        compartment: CompartmentId,
        catalogue: &Signed<Catalogue>,
    ) -> Handled<()> {
        if !listable(catalogue) {
            return self.add(ctx, to, catalogue, Step::Begins, Vec::new());
        }
        let (mut step, mut after) = (Step::Begins, None);
        loop {
            let page = tables::page(ctx.txn, patient, compartment, after)?;
            let full = page.len() == limits::CATALOGUE_PAGE_MAX;
            after = page.last().map(|last| last.entry);
            if step == Step::Begins || !page.is_empty() {
                self.add(ctx, to, catalogue, step, page)?;
            }
            if !full {
                return Ok(());
            }
            step = Step::Continues;
        }
    }

    /// A reader that takes nothing any more must not keep the patient from permitting and others from
    /// announcing: it hears the whole list when it next refuses an addition.
    fn flush(&mut self, ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
        let sections = core::mem::take(&mut self.sections);
        self.entries = 0;
        if !sections.is_empty() {
            let message = Message::Listing(Listing { sections });
            ctx.send_if_room(to, &message)?;
        }
        Ok(())
    }
}
