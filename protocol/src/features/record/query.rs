//! What front doors ask of a record: which entries there are, whether they hold together.

use super::reasons::Reason;
use super::view::{ChartView, EntryView, VerifiedView};
use crate::directory;
use crate::entries::{self, Found};
use crate::id::PartyId;
use crate::identity::PatientKeys;
use crate::limits;
use crate::objects;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::store::{ReadTxn, StoreError};
use crate::turn::{Look, Question};

/// Charts at a hospital.
#[derive(Debug, Clone, Copy, Default)]
pub struct Charts;

impl Question for Charts {
    type Answer = Vec<ChartView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<ChartView>> {
        let charts = entries::charts(look.txn)?;
        Ok(charts.iter().map(|(id, row)| ChartView::of(*id, row)).collect())
    }
}

/// Entries of a patient or chart; at a relay the titles need the patient's keys.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// Only entries whose title or terms contain this.
    #[serde(default)]
    pub find: Option<String>,
}

impl Question for Entries {
    type Answer = Vec<EntryView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<EntryView>> {
        entries(look.txn, self.subject, self.find.as_deref(), look.keys)
    }
}

/// Checks every entry of a patient or chart.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
}

impl Question for Verify {
    type Answer = VerifiedView;

    fn answer(&self, look: &Look<'_>) -> Handled<VerifiedView> {
        verify(look.txn, self.subject)
    }
}

/// Entries of a patient or chart, those that contain `find`; `keys` are the patient's, when they are unlocked.
fn entries(
    txn: &dyn ReadTxn,
    subject: PartyId,
    find: Option<&str>,
    keys: Option<&PatientKeys>,
) -> Handled<Vec<EntryView>> {
    let mut views = Vec::new();
    for found in entries::entries(txn, subject)? {
        let author = directory::name(txn, found.row.label.claims().author)?;
        let holders = entries::holders(txn, subject, found.entry)?;
        let mut view = EntryView::of(&found, author, holders);
        let mut matches =
            found.index.as_ref().is_some_and(|index| find.is_none_or(|text| index.matches(text)));
        if let Some(keys) = keys.filter(|keys| keys.patient == subject && found.row.wrap.is_some())
        {
            let (manifest, _) = entries::open_as_patient(txn, keys, &found.row)?;
            view.tell(&manifest);
            matches = find.is_none_or(|text| {
                manifest.title.to_lowercase().contains(&text.to_lowercase())
                    || manifest
                        .terms
                        .iter()
                        .any(|term| term.value.to_lowercase().contains(&text.to_lowercase()))
            });
        }
        if find.is_none() || matches {
            views.push(view);
        }
    }
    views.sort_by_key(|view| (view.effective.unwrap_or(view.recorded), view.recorded));
    Ok(views)
}

fn verify(txn: &dyn ReadTxn, subject: PartyId) -> Handled<VerifiedView> {
    let catalogue = entries::view(txn, subject)?;
    let mut verified =
        VerifiedView { good: 0, bad: Vec::new(), dangling: Vec::new(), elsewhere: 0, catalogue };
    for entry in verified.catalogue.iter().flat_map(|catalogue| &catalogue.other_label) {
        verified.bad.push(Reason::NotAsListed { entry: *entry }.into());
    }
    let all = entries::entries(txn, subject)?;
    for found in &all {
        let bad = match verify_entry(txn, found) {
            Ok(bad) => bad.into_iter().map(Refusal::from).collect(),
            Err(Failure::Refused(refusal)) => vec![refusal],
            Err(error) => return Err(error),
        };
        verified.good += usize::from(bad.is_empty());
        verified.bad.extend(bad);
        verified.elsewhere += usize::from(!found.row.whole);
        let adds_to = found.index.as_ref().and_then(|index| index.adds_to);
        if adds_to.is_some_and(|original| !all.iter().any(|other| other.entry == original)) {
            verified.dangling.push(found.entry);
        }
    }
    Ok(verified)
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

/// What is wrong with a content object that ought to be here; files are the node's to look at.
fn damage(
    txn: &dyn ReadTxn,
    found: &Found,
    content: &objects::ContentRef,
) -> Result<Option<Reason>, StoreError> {
    let (entry, object) = (found.entry, content.object);
    if let Some(lost) = objects::lost(txn, object)? {
        return Ok(Some(match lost.damaged {
            true => Reason::ContentDamaged { entry, object },
            false => Reason::ContentLost { entry, object },
        }));
    }
    if !found.row.whole || content.length > limits::SMALL_OBJECT_BYTES_MAX as u64 {
        return Ok(None);
    }
    Ok(match objects::small(txn, object)? {
        Some(bytes) if blake3::hash(&bytes) != object.0 => {
            Some(Reason::ContentDamaged { entry, object })
        }
        _ => None,
    })
}
