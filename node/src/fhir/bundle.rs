//! From bytes to groups of drafts.

use std::collections::BTreeSet;

use chartmesh_protocol::record::Kind;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::{FhirError, shortened};
use super::group::{Together, group};
use super::json::{self, NotElements};
use super::path::Path;
use super::read::{self, PatientSummary};
use super::reference::{self, Names, Target};
use super::table::{self, ResourceRule};
use super::validate::validate;
use crate::content::limits::BUNDLE_ENTRIES_MAX;
use crate::content::{Content, Draft, Group};

/// The media type of FHIR in JSON.
pub const MEDIA_TYPE: &str = "application/fhir+json";

/// What a FHIR file brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The patient, when their Patient resource is in the file: to be compared with the chart
    /// before anything is filed there.
    pub patient: Option<PatientSummary>,
    /// What will become entries, in the order of the file.
    pub groups: Vec<Group>,
}

impl Parsed {
    /// How many resources there are in all groups.
    #[must_use]
    pub fn items(&self) -> usize {
        self.groups.iter().map(|group| group.items.len()).sum()
    }
}

/// Reads a FHIR R4 resource or Bundle (transaction, batch, collection, searchset or document).
///
/// # Errors
///
/// Any fault anywhere refuses the whole file, so that an import is never half done; the error says
/// what and where.
pub fn parse(bytes: &[u8]) -> Result<Parsed, FhirError> {
    let text = json::document(bytes)?;
    let root = Path::root("resource");
    let members =
        json::members(text).ok_or_else(|| FhirError::NotAResource { path: root.to_string() })?;
    let is_bundle = members
        .iter()
        .any(|(name, value)| name == "resourceType" && string(value).as_deref() == Some("Bundle"));
    if !is_bundle {
        let mut batch = Batch::default();
        batch.add(None, text.trim(), &root)?;
        return batch.finish();
    }
    bundle(text, members)
}

fn bundle(text: &str, members: Vec<(String, &RawValue)>) -> Result<Parsed, FhirError> {
    let root = Path::root("Bundle");
    let (entries, envelope): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(name, _)| name == "entry");
    let envelope = tree(&envelope, &root)?;
    let rule = table::resource("Bundle").expect("the table has Bundle; a test reads it all");
    validate(&envelope, rule, &root)?;
    let bundle_type = read::text(&envelope, "type").unwrap_or_default();
    if !["transaction", "batch", "collection", "searchset", "document"].contains(&bundle_type) {
        return Err(FhirError::UnsupportedBundle { name: shortened(bundle_type) });
    }
    let path = root.name("entry");
    let entries = match entries.first() {
        None => Vec::new(),
        Some((_, list)) => {
            json::elements(list.get(), BUNDLE_ENTRIES_MAX).map_err(|error| match error {
                NotElements::TooMany => FhirError::TooManyEntries,
                NotElements::NotAnArray => {
                    FhirError::WrongType { path: path.to_string(), expected: "an array" }
                }
            })?
        }
    };
    let mut batch = Batch::default();
    for (index, entry) in entries.into_iter().enumerate() {
        let path = path.index(index);
        let members = json::members(entry.get()).ok_or_else(|| FhirError::WrongType {
            path: path.to_string(),
            expected: "an object",
        })?;
        let find =
            |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        let full_url = match find("fullUrl") {
            None => None,
            Some(url) => Some(string(url).ok_or_else(|| FhirError::WrongType {
                path: path.name("fullUrl").to_string(),
                expected: "a string",
            })?),
        };
        let resource =
            find("resource").ok_or_else(|| FhirError::NoResource { path: path.to_string() })?;
        batch.add(full_url.as_deref(), resource.get(), &path.name("resource"))?;
    }
    if bundle_type == "document" {
        return batch.finish_document(text.trim(), &envelope);
    }
    batch.finish()
}

/// The resources read so far.
#[derive(Default)]
struct Batch {
    resources: Vec<Resource>,
    names: Names,
    patients: Vec<PatientSummary>,
}

/// A resource with what it refers to; references resolve once all are known.
struct Resource {
    draft: Draft,
    is_patient: bool,
    is_encounter: bool,
    named: bool,
    encounter: Option<String>,
    subjects: Vec<String>,
    day: Option<String>,
}

impl Batch {
    fn add(
        &mut self,
        full_url: Option<&str>,
        text: &str,
        path: &Path<'_>,
    ) -> Result<(), FhirError> {
        let resource = json::object(text, path)?;
        let (name, rule) = rule_of(&resource, path)?;
        if name == "Bundle" {
            return Err(FhirError::NestedBundle { path: path.to_string() });
        }
        // The outcome of a search is a remark of the server, not a record.
        if name == "OperationOutcome" {
            return Ok(());
        }
        validate(&resource, rule, path)?;
        let id = read::text(&resource, "id");
        self.names.add(self.resources.len(), full_url, name, id);
        if name == "Patient" {
            self.patients.push(read::patient(&resource));
        }
        let moment = read::effective(&resource);
        self.resources.push(Resource {
            is_patient: name == "Patient",
            is_encounter: name == "Encounter",
            named: full_url.is_some() || id.is_some(),
            encounter: reference::encounter(&resource).map(str::to_owned),
            subjects: reference::subjects(&resource).map(str::to_owned).collect(),
            draft: Draft {
                kind: read::kind(name, &resource, rule.kind),
                effective: moment.as_ref().map(|(at, _)| *at),
                title: read::line(name, &resource),
                terms: read::terms(name, &resource),
                media_type: MEDIA_TYPE.to_owned(),
                content: Content::Bytes(text.as_bytes().to_vec()),
            },
            day: moment.map(|(_, day)| day),
        });
        Ok(())
    }

    /// Refuses records of more than one patient: half of them would land in a wrong chart.
    fn check_one_patient(&self) -> Result<(), FhirError> {
        let mut patients: BTreeSet<Target> = BTreeSet::new();
        for (index, resource) in self.resources.iter().enumerate() {
            if resource.is_patient && resource.named {
                patients.insert(Target::Entry(index));
            }
            for subject in &resource.subjects {
                let target = self.names.resolve(subject);
                let is_patient = match &target {
                    Target::Entry(index) => {
                        self.resources.get(*index).is_some_and(|resource| resource.is_patient)
                    }
                    Target::Outside(name) => {
                        name.starts_with("Patient/") || name.starts_with("urn:")
                    }
                };
                if is_patient {
                    patients.insert(target);
                }
            }
        }
        let count = patients.len().max(self.patients.len());
        if count > 1 { Err(FhirError::SeveralPatients { count }) } else { Ok(()) }
    }

    fn finish(self) -> Result<Parsed, FhirError> {
        self.check_one_patient()?;
        let Self { resources, names, patients } = self;
        let drafts = resources.into_iter().enumerate().map(|(index, resource)| {
            let together = match (&resource.encounter, resource.day) {
                _ if resource.is_encounter => Together::Encounter(Target::Entry(index)),
                (Some(encounter), _) => Together::Encounter(names.resolve(encounter)),
                (None, Some(day)) => Together::Day(day),
                (None, None) => Together::Undated,
            };
            (together, resource.draft)
        });
        Ok(Parsed { groups: group(drafts), patient: patients.into_iter().next() })
    }

    /// A document stays whole; its resources were read only to check them.
    fn finish_document(
        self,
        text: &str,
        envelope: &Map<String, Value>,
    ) -> Result<Parsed, FhirError> {
        self.check_one_patient()?;
        let first = self.resources.into_iter().next().map(|resource| resource.draft);
        let effective = first
            .as_ref()
            .and_then(|draft| draft.effective)
            .or_else(|| read::effective(envelope).map(|(at, _)| at));
        let draft = Draft {
            kind: Kind::Documents,
            effective,
            title: first
                .as_ref()
                .map_or_else(|| "Document".to_owned(), |draft| draft.title.clone()),
            terms: first.map(|draft| draft.terms).unwrap_or_default(),
            media_type: MEDIA_TYPE.to_owned(),
            content: Content::Bytes(text.as_bytes().to_vec()),
        };
        Ok(Parsed {
            groups: group([(Together::Undated, draft)]),
            patient: self.patients.into_iter().next(),
        })
    }
}

/// The name and rules of a resource's type.
fn rule_of<'a>(
    resource: &'a Map<String, Value>,
    path: &Path<'_>,
) -> Result<(&'a str, &'static ResourceRule), FhirError> {
    let name = read::text(resource, "resourceType")
        .ok_or_else(|| FhirError::NotAResource { path: path.to_string() })?;
    let rule = table::resource(name).ok_or_else(|| FhirError::UnknownResourceType {
        path: path.to_string(),
        name: shortened(name),
    })?;
    Ok((name, rule))
}

/// Members put together again as a tree, without those that were left out.
fn tree(members: &[(String, &RawValue)], path: &Path<'_>) -> Result<Map<String, Value>, FhirError> {
    let mut tree = Map::new();
    for (name, value) in members {
        tree.insert(name.clone(), json::value(value.get(), &path.name(name))?);
    }
    Ok(tree)
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}
