//! What front doors ask of a record: which entries there are, whether they hold together.

use super::Machine;
use super::authors::standing;
use super::reasons::Reason;
use super::view::{CatalogueView, ChartView, EntryView, MisfiledView, TreatsView, VerifiedEntry};
use crate::directory;
use crate::entries::{self, Found};
use crate::holdings;
use crate::id::{EntryId, PartyId};
use crate::limits;
use crate::members;
use crate::misfiled;
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::treating;
use crate::turn::{Listing, Look, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

questions! {
    Machine {
        /// Charts at a hospital.
        any Charts,
        /// Entries of a patient or chart.
        with Entries,
        /// Checks the entries of a patient or chart.
        with Verify,
        /// What the patient's catalogue lists, compared with what is here.
        with Catalogued,
        /// Who treats a patient, by the patient's word.
        with TreatedBy,
        /// Entries that were filed under the wrong patient.
        with Misfiled,
    }
}

/// Charts at a hospital, in the order of their ids.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Charts {
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Charts {
    const NAME: &'static str = "charts";

    type Answer = Page<ChartView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<ChartView>> {
        entries::charts(look.txn, &self.part)?.show(|(id, row)| Ok(Some(ChartView::of(id, &row))))
    }
}

impl Listing for Charts {
    type Item = ChartView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// Entries of a patient or chart, in the order of their ids; at a relay the titles need the patient's keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// Only entries whose title or terms contain this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<String>,
    /// Only these entries; all when none is named. However long the record is, no others are read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub only: BTreeSet<EntryId>,
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Entries {
    /// All of a record.
    #[must_use]
    pub fn of(subject: PartyId) -> Self {
        Self { subject, find: None, only: BTreeSet::new(), part: Part::default() }
    }

    /// An entry as it is listed, if it is looked for.
    fn show(&self, look: &Look<'_>, found: &Found) -> Handled<Option<EntryView>> {
        let author = found.row.label.claims().author;
        let author = members::called(look.txn, author)?;
        let holders = entries::holders(look.txn, self.subject, found.entry)?;
        let mut view = EntryView::of(found, author, holders);
        let mut index = found.index.as_ref().map(|index| (&index.title, &index.terms));
        let keys = look.keys.filter(|keys| keys.patient == self.subject);
        let opened = match keys.filter(|_| found.row.wrap.is_some()) {
            Some(keys) => entries::opened_as_patient(look.txn, keys, &found.row)?,
            None => None,
        };
        if let Some((manifest, _)) = &opened {
            view.tell(manifest);
            index = Some((&manifest.title, &manifest.terms));
        }
        view.standing = standing(look.own, look.txn, &found.row, view.kind)?;
        let Some(text) = &self.find else { return Ok(Some(view)) };
        Ok(index.filter(|(title, terms)| entries::matches(title, terms, text)).map(|_| view))
    }
}

impl Question for Entries {
    const NAME: &'static str = "entries";

    type Answer = Page<EntryView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<EntryView>> {
        let page = match self.only.is_empty() {
            true => entries::entries_page(look.txn, self.subject, &self.part)?,
            false => entries::entries_named(look.txn, self.subject, &self.only, &self.part)?,
        };
        page.show(|found| self.show(look, &found))
    }
}

impl Listing for Entries {
    type Item = EntryView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// Checks the entries of a patient or chart; with the patient's keys, also that they open. What they make up is
/// [`super::view::VerifiedView`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Verify {
    /// All of a record.
    #[must_use]
    pub fn of(subject: PartyId) -> Self {
        Self { subject, part: Part::default() }
    }
}

impl Question for Verify {
    const NAME: &'static str = "verify";

    type Answer = Page<VerifiedEntry>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<VerifiedEntry>> {
        let page = entries::entries_page(look.txn, self.subject, &self.part)?;
        page.show(|found| verified(look, self.subject, &found).map(Some))
    }
}

impl Listing for Verify {
    type Item = VerifiedEntry;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// What the patient's catalogue lists, compared with what is here; none when this node was never given one. It is
/// one number for all: each entry that a compartment lists is looked up, of which there are at most
/// [`limits::CATALOGUE_ENTRIES_MAX`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Catalogued {
    /// The patient.
    pub subject: PartyId,
}

impl Question for Catalogued {
    const NAME: &'static str = "catalogued";

    type Answer = Option<CatalogueView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Option<CatalogueView>> {
        Ok(entries::view(look.txn, self.subject)?)
    }
}

/// Entries that left a patient's record, since their authors had filed them under the wrong patient.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Misfiled {
    /// The patient.
    pub subject: PartyId,
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Misfiled {
    /// All of a record.
    #[must_use]
    pub fn of(subject: PartyId) -> Self {
        Self { subject, part: Part::default() }
    }
}

impl Question for Misfiled {
    const NAME: &'static str = "misfiled";

    type Answer = Page<MisfiledView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<MisfiledView>> {
        let page = misfiled::page(look.txn, self.subject, &self.part)?;
        page.show(|(entry, row)| {
            Ok(Some(MisfiledView {
                entry,
                subject: self.subject,
                author: row.author,
                author_name: members::name(look.txn, row.author)?,
                at: row.at,
                recorded: row.recorded,
            }))
        })
    }
}

impl Listing for Misfiled {
    type Item = MisfiledView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// Who treats a patient, or did, by the patient's word: at the patient's relay all of them, at a reader those of whom it was told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TreatedBy {
    /// The patient.
    pub patient: PartyId,
}

impl Question for TreatedBy {
    const NAME: &'static str = "treated-by";

    type Answer = Vec<TreatsView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<TreatsView>> {
        let mut views = Vec::new();
        for treats in treating::all(look.txn, self.patient)? {
            let (name, role) = members::called(look.txn, treats.institution)?;
            let counts = treating::of(look.txn, self.patient, treats.institution)?.is_some();
            let now = counts && treats.goes_on(look.now);
            views.push(TreatsView::of(treats, name, role, now));
        }
        Ok(views)
    }
}

fn verified(look: &Look<'_>, subject: PartyId, found: &Found) -> Handled<VerifiedEntry> {
    let txn = look.txn;
    let checked = verify_entry(txn, found).and_then(|mut bad| {
        if !opens(look, subject, found)? {
            bad.push(Reason::DoesNotOpen { entry: found.entry });
        }
        Ok(bad)
    });
    let bad = match checked {
        Ok(bad) => bad.into_iter().map(Refusal::from).collect(),
        Err(Failure::Refused(refusal)) => vec![refusal],
        Err(error) => return Err(error),
    };
    let dangling = match found.index.as_ref().and_then(|index| index.adds_to) {
        Some(original) => entries::entry(txn, subject, original)?.is_none(),
        None => false,
    };
    Ok(VerifiedEntry { entry: found.entry, bad, dangling, elsewhere: !found.row.whole })
}

/// Checks an entry again from its bytes, as if it had just arrived, and tells what is wrong with its contents.
fn verify_entry(txn: &dyn ReadTxn, found: &Found) -> Handled<Vec<Reason>> {
    let author = found.row.label.claims().author;
    let Some(keys) = directory::keys(txn, author)? else {
        return refuse(Reason::AuthorUnknown { entry: found.entry });
    };
    let Some(whole) = entries::whole(txn, &found.row)? else {
        return refuse(Reason::WithoutManifest { entry: found.entry });
    };
    whole.to_bundle().check(&keys)?;
    let contents = found.row.contents.iter();
    let bad = contents.filter_map(|content| damage(txn, found, content).transpose());
    Ok(bad.collect::<Result<_, _>>()?)
}

/// Whether an entry that was sealed to the patient opens with the patient's keys, where they are unlocked.
fn opens(look: &Look<'_>, subject: PartyId, found: &Found) -> Handled<bool> {
    let keys = look.keys.filter(|keys| keys.patient == subject && found.row.wrap.is_some());
    let Some(keys) = keys else { return Ok(true) };
    match entries::open_as_patient(look.txn, keys, &found.row) {
        Ok(_) => Ok(true),
        // Sealed to a compartment that these keys do not reach, it is as good as locked.
        Err(Failure::Refused(refusal)) => Ok(refusal.code != RefusalCode::NotAuthentic),
        Err(error) => Err(error),
    }
}

/// What is wrong with a content object that ought to be here; files are the node's to look at.
fn damage(
    txn: &dyn ReadTxn,
    found: &Found,
    content: &holdings::ContentRef,
) -> Result<Option<Reason>, StoreError> {
    let (entry, object) = (found.entry, content.object);
    if let Some(lost) = holdings::lost(txn, object)? {
        return Ok(Some(match lost.damaged {
            true => Reason::ContentDamaged { entry, object },
            false => Reason::ContentLost { entry, object },
        }));
    }
    if !found.row.whole || content.length > limits::SMALL_OBJECT_BYTES_MAX as u64 {
        return Ok(None);
    }
    Ok(match holdings::small(txn, object)? {
        Some(bytes) if blake3::hash(&bytes) != object.0 => {
            Some(Reason::ContentDamaged { entry, object })
        }
        _ => None,
    })
}
