//! What is here, compared with what the patient's catalogue lists.

use super::by_compartment::count_in;
use super::tables::entry;
use crate::capability::Scope;
use crate::catalogue::tables::{self, NAMED, SectionRow};
use crate::catalogue::{Listed, counts};
use crate::directory;
use crate::id::{CompartmentId, EntryId, PartyId};
use crate::limits;
use crate::members;
use crate::misfiled;
use crate::patients;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the patient's catalogue lists, compared with what is here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CatalogueView {
    /// The relay that signs it.
    pub relay: PartyId,
    /// That institution's name.
    pub relay_name: String,
    /// When it was issued, the newest of several; none at a relay that has not signed one yet.
    pub issued: Option<Timestamp>,
    /// Entries that it lists.
    pub listed: u64,
    /// How many of them are not here.
    pub missing: u64,
    /// Which, as far as they are known by name; at most 64.
    pub missing_entries: Vec<EntryId>,
    /// Entries that are here with another label than it lists; at most 64.
    pub other_label: Vec<EntryId>,
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
        // What its author took back is nobody's to have, until the list without it comes.
        if misfiled::get(txn, patient, listed.entry)?.is_some() {
            return Ok(());
        }
        self.listed += 1;
        match entry(txn, patient, listed.entry)? {
            None => {
                self.missing.insert(listed.entry);
            }
            Some(row) if row.label.claims().listed_as() != listed.label => {
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
            let here = count_in(txn, patient, compartment)?;
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
    let ours = patients::serves(txn, patient)?;
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
        relay_name: members::name(txn, relay)?,
        issued: gaps.issued,
        listed: gaps.listed,
        missing: gaps.missing.len() as u64 + gaps.unnamed,
        missing_entries: gaps.missing.into_iter().take(limits::CATALOGUE_SHOWN_MAX).collect(),
        other_label: gaps.other.into_iter().take(limits::CATALOGUE_SHOWN_MAX).collect(),
    }))
}
