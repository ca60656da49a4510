//! What API, command line and pages show.

use super::authors::EntryStanding;
use super::reasons::Reason;
pub use crate::entries::CatalogueView;
use crate::entries::{ChartRow, ContentKey, Found, Manifest, Term};
use crate::id::{ChartId, EntryId, ObjectId, PartyId, StatementId};
use crate::identity::{Role, Treats};
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A chart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChartView {
    /// The chart.
    pub chart: ChartId,
    /// The person's name.
    pub name: String,
    /// Identifiers at this institution.
    pub identifiers: Vec<Term>,
    /// When it was opened.
    pub created: Timestamp,
    /// Whom its entries' labels name.
    pub subject: PartyId,
    /// Whether the patient is enrolled.
    pub enrolled: bool,
}

impl ChartView {
    pub(crate) fn of(chart: ChartId, row: &ChartRow) -> Self {
        Self {
            chart,
            name: row.name.clone(),
            identifiers: row.identifiers.clone(),
            created: row.created,
            subject: row.subject,
            enrolled: row.enrolled && row.registered,
        }
    }
}

/// How the undoing of an enrolment stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UndoneView {
    /// The chart's own subject, which its entries' labels name again.
    pub subject: PartyId,
    /// The patient who had enrolled in it; none where that was undone before.
    pub patient: Option<PartyId>,
    /// Entries that left that patient's record.
    pub taken_out: usize,
    /// Entries that stay in that patient's record, since others made them, or they do not open here.
    pub stay: usize,
    /// Entries of the chart that are still to be sealed anew.
    pub left: usize,
}

/// An entry that was filed under the wrong patient, as its author says: what is left of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MisfiledView {
    /// The entry.
    pub entry: EntryId,
    /// The patient whom it is not about.
    pub subject: PartyId,
    /// The institution that made it, and says so.
    pub author: PartyId,
    /// That institution's name.
    pub author_name: String,
    /// When that was said.
    pub at: Timestamp,
    /// When it was recorded.
    pub recorded: Timestamp,
}

/// Entries that were recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecordedView {
    /// Their ids.
    pub entries: Vec<EntryId>,
}

/// One entry in a listing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EntryView {
    /// The entry.
    pub entry: EntryId,
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// The kind of record, when it can be opened here.
    pub kind: Option<Kind>,
    /// Its title, when it can be opened here.
    pub title: Option<String>,
    /// When what it tells of happened, when it can be opened here.
    pub effective: Option<Timestamp>,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// The institution that made it.
    pub author: PartyId,
    /// That institution's name.
    pub author_name: String,
    /// What it is, by what the members admitted or, if it is no member, by what it says of itself.
    #[serde(default)]
    pub author_role: Option<Role>,
    /// Whether the entry belongs to the patient's record; none where this node has no chart of the patient.
    #[serde(default)]
    pub standing: Option<EntryStanding>,
    /// Who recorded it, when it can be opened here.
    pub user: Option<String>,
    /// The entry that it adds to.
    pub adds_to: Option<EntryId>,
    /// How many content objects it has.
    pub contents: usize,
    /// Bytes of its sealed objects.
    pub sealed_bytes: u64,
    /// Whether its content objects are here.
    pub whole: bool,
    /// The institution that it was obtained from.
    pub from: Option<PartyId>,
    /// Who is known to hold it.
    pub holders: Vec<PartyId>,
    /// The label's statement id.
    pub label: StatementId,
}

impl EntryView {
    pub(crate) fn of(
        found: &Found,
        (author_name, author_role): (String, Option<Role>),
        holders: Vec<PartyId>,
    ) -> Self {
        let label = found.row.label.claims();
        let index = found.index.as_ref();
        Self {
            entry: found.entry,
            subject: label.subject,
            kind: index.map(|index| index.kind),
            title: index.map(|index| index.title.clone()),
            effective: index.map(|index| index.effective),
            recorded: label.recorded,
            author: label.author,
            author_name,
            author_role,
            standing: None,
            user: index.map(|index| index.user.clone()),
            adds_to: index.and_then(|index| index.adds_to),
            contents: found.row.contents.len(),
            sealed_bytes: found
                .row
                .contents
                .iter()
                .fold(0, |sum, content| sum.saturating_add(content.length)),
            whole: found.row.whole,
            from: found.row.from,
            holders,
            label: found.row.label.id(),
        }
    }

    /// Puts a listing, which comes in the order of ids, in the order of what happened.
    pub fn sort_by_time(entries: &mut [Self]) {
        entries.sort_by_key(|view| (view.effective.unwrap_or(view.recorded), view.recorded));
    }

    /// Fills in what a manifest tells.
    pub(crate) fn tell(&mut self, manifest: &Manifest) {
        self.kind = Some(manifest.kind);
        self.title = Some(manifest.title.clone());
        self.effective = Some(manifest.effective);
        self.user = Some(manifest.user.clone());
        self.adds_to = manifest.adds_to;
    }
}

/// That an institution treats a patient, by the patient's word.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TreatsView {
    /// The institution.
    pub institution: PartyId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Option<Role>,
    /// Whether it does now.
    pub now: bool,
    /// Until when; without end if absent.
    pub until: Option<Timestamp>,
    /// Only these kinds of record; all if empty.
    pub kinds: Vec<Kind>,
    /// When the patient said so last.
    pub issued: Timestamp,
}

impl TreatsView {
    pub(crate) fn of(treats: Treats, name: String, role: Option<Role>, now: bool) -> Self {
        let Treats { institution, until, kinds, issued, .. } = treats;
        Self { institution, name, role, now, until, kinds, issued }
    }
}

/// An entry with the keys to its contents: for the node, which streams them in the clear to whoever
/// asked, and never for another party.
#[derive(Clone)]
pub struct OpenedView {
    /// What its manifest says.
    pub manifest: Manifest,
    /// Whether its content objects are here.
    pub whole: bool,
    /// The label as signed.
    pub label: Vec<u8>,
    /// The institution that made it.
    pub author: PartyId,
    /// That institution's name.
    pub author_name: String,
    /// Whether the entry belongs to the patient's record; none where this node has no chart of the patient.
    pub standing: Option<EntryStanding>,
}

impl core::fmt::Debug for OpenedView {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpenedView of {:?}", self.manifest.entry)
    }
}

impl Serialize for OpenedView {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ManifestView::from(&self.manifest).serialize(serializer)
    }
}

/// The part of an opened entry that may be shown: no keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ManifestView {
    /// The entry.
    pub entry: EntryId,
    /// The kind of record.
    pub kind: Kind,
    /// Its title.
    pub title: String,
    /// When what it tells of happened.
    pub effective: Timestamp,
    /// Who recorded it.
    pub user: String,
    /// What it is found by.
    pub terms: Vec<Term>,
    /// The entry that it adds to.
    pub adds_to: Option<EntryId>,
    /// Its contents.
    pub contents: Vec<ContentView>,
}

/// One content object that may be shown: no key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContentView {
    /// The sealed object.
    pub object: ObjectId,
    /// Bytes of its content.
    pub bytes: u64,
    /// Its media type.
    pub media_type: String,
    /// Its file name or resource.
    pub name: String,
}

impl From<&Manifest> for ManifestView {
    fn from(manifest: &Manifest) -> Self {
        Self {
            entry: manifest.entry,
            kind: manifest.kind,
            title: manifest.title.clone(),
            effective: manifest.effective,
            user: manifest.user.clone(),
            terms: manifest.terms.clone(),
            adds_to: manifest.adds_to,
            contents: manifest.contents.iter().map(ContentView::from).collect(),
        }
    }
}

impl From<&ContentKey> for ContentView {
    fn from(content: &ContentKey) -> Self {
        Self {
            object: content.object,
            bytes: content.plaintext_length,
            media_type: content.media_type.clone(),
            name: content.name.clone(),
        }
    }
}

/// What verifying one entry found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerifiedEntry {
    /// The entry.
    pub entry: EntryId,
    /// What does not hold of its label, contents list, manifest, author and the objects that are here.
    pub bad: Vec<Refusal>,
    /// Whether it adds to one that is not here.
    pub dangling: bool,
    /// Whether its contents are elsewhere, and were not looked at.
    pub elsewhere: bool,
}

/// What verifying a record found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerifiedView {
    /// Entries whose label, contents list, manifest and author hold together.
    pub good: usize,
    /// What does not hold, one line each.
    pub bad: Vec<Refusal>,
    /// Entries that add to one that is not here.
    pub dangling: Vec<EntryId>,
    /// The patient's catalogue; none when this node was never given one.
    pub catalogue: Option<CatalogueView>,
    /// Entries whose contents are elsewhere, and were not looked at.
    pub elsewhere: usize,
}

impl VerifiedView {
    /// What the entries and the catalogue make up.
    #[must_use]
    pub fn of(entries: Vec<VerifiedEntry>, catalogue: Option<CatalogueView>) -> Self {
        let mut verified =
            Self { good: 0, bad: Vec::new(), dangling: Vec::new(), elsewhere: 0, catalogue };
        for entry in verified.catalogue.iter().flat_map(|catalogue| &catalogue.other_label) {
            verified.bad.push(Reason::NotAsListed { entry: *entry }.into());
        }
        for found in entries {
            verified.good += usize::from(found.bad.is_empty());
            verified.bad.extend(found.bad);
            verified.dangling.extend(Some(found.entry).filter(|_| found.dangling));
            verified.elsewhere += usize::from(found.elsewhere);
        }
        verified
    }
}
