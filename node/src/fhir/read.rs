//! Takes from a resource what an entry needs to be filed, shown and found.

use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::Timestamp;
use serde_json::{Map, Value};

use super::moment;
use crate::content::limits::SUMMARY_NAMES_MAX;
use crate::content::{TermName, Terms, title};

/// Where resources say when they were true, the most telling first.
const MOMENTS: &[&str] = &[
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "onsetDateTime",
    "onsetPeriod",
    "collection",
    "collectedDateTime",
    "collectedPeriod",
    "started",
    "start",
    "startDate",
    "period",
    "executionPeriod",
    "timingDateTime",
    "timingPeriod",
    "servicedDate",
    "billablePeriod",
    "whenHandedOver",
    "whenPrepared",
    "authoredOn",
    "authored",
    "dateWritten",
    "dateTime",
    "date",
    "sent",
    "issued",
    "recordedDate",
    "recorded",
    "dateAsserted",
    "created",
    "identifiedDateTime",
    "timestamp",
    "statusDate",
];

/// Where resources say what they are about, the most telling first.
const SUBJECT_MATTERS: &[&str] = &[
    "code",
    "vaccineCode",
    "medicationCodeableConcept",
    "medicationReference",
    "productCodeableConcept",
    "procedureCode",
    "description",
    "title",
    "serviceType",
    "type",
    "class",
    "category",
    "name",
];

/// Vital signs that are known as such by their code alone
/// (hl7.org/fhir/R4/observation-vitalsigns.html), for sources that give no category.
const VITAL_SIGNS: &[&str] = &[
    "85353-1", "9279-1", "8867-4", "2708-6", "59408-5", "8310-5", "8302-2", "9843-4", "29463-7",
    "39156-5", "85354-9", "8480-6", "8462-4", "8478-0",
];

/// The kind of a resource whose type is usually filed under `usual`.
pub(super) fn kind(resource_type: &str, resource: &Map<String, Value>, usual: Kind) -> Kind {
    let category = |code: &str| {
        concepts(resource, "category")
            .flat_map(codings)
            .any(|coding| text(coding, "code") == Some(code))
    };
    match resource_type {
        "Observation" if category("vital-signs") => Kind::VitalSigns,
        "Observation" if category("laboratory") => Kind::Laboratory,
        // HL7 v2 table 0074, which DiagnosticReport.category uses.
        "DiagnosticReport" if category("LAB") || category("laboratory") => Kind::Laboratory,
        "Observation" if !resource.contains_key("category") => {
            let vital = concepts(resource, "code").flat_map(codings).any(|coding| {
                text(coding, "system") == Some("http://loinc.org")
                    && text(coding, "code").is_some_and(|code| VITAL_SIGNS.contains(&code))
            });
            if vital { Kind::VitalSigns } else { usual }
        }
        _ => usual,
    }
}

/// When a resource was true, and the calendar day as its source wrote it.
pub(super) fn effective(resource: &Map<String, Value>) -> Option<(Timestamp, String)> {
    MOMENTS
        .iter()
        .find_map(|name| moment_in(resource.get(*name)?))
        .map(|moment| (moment.at, moment.day.to_owned()))
}

/// A dateTime, the start (else the end) of a Period, or the collection of a specimen.
fn moment_in(value: &Value) -> Option<moment::Moment<'_>> {
    match value {
        Value::String(text) => moment::date_time(text),
        Value::Object(object) => ["start", "end", "collectedDateTime", "collectedPeriod"]
            .iter()
            .find_map(|name| moment_in(object.get(*name)?)),
        _ => None,
    }
}

/// A line for people: what the resource is about, in its source's words.
pub(super) fn line(resource_type: &str, resource: &Map<String, Value>) -> String {
    if let Some(name) =
        resource.get("name").and_then(|value| person_names(value).into_iter().next())
    {
        return title(&name);
    }
    for name in SUBJECT_MATTERS {
        let Some(words) = resource.get(*name).and_then(words) else {
            continue;
        };
        // "professional" alone says nothing; "Claim: professional" does.
        let line = match *name {
            "type" | "class" | "category" if resource_type != "Encounter" => {
                format!("{}: {words}", spaced(resource_type))
            }
            _ => words,
        };
        return title(&line);
    }
    spaced(resource_type)
}

/// `MedicationRequest` as `Medication request`.
fn spaced(resource_type: &str) -> String {
    let mut words = String::new();
    for c in resource_type.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(c.to_ascii_lowercase());
        } else {
            words.push(c);
        }
    }
    words
}

/// The words of a CodeableConcept, Coding, Reference, string, or the first of several.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(words),
        Value::Object(object) => ["text", "display"]
            .iter()
            .find_map(|name| text(object, name))
            .map(str::to_owned)
            .or_else(|| words(object.get("coding")?))
            .or_else(|| text(object, "code").map(str::to_owned)),
        _ => None,
    }
    .filter(|words| !words.trim().is_empty())
}

/// Everything that the resource can be found by.
pub(super) fn terms(resource_type: &str, resource: &Map<String, Value>) -> Terms {
    let mut terms = Terms::default();
    terms.add(TermName::ResourceType, resource_type);
    if let Some(id) = text(resource, "id") {
        terms.add(TermName::Resource, format!("{resource_type}/{id}"));
    }
    let identifier =
        if resource_type == "Patient" { TermName::PatientIdentifier } else { TermName::Identifier };
    for (system, value) in identifiers(resource) {
        // How FHIR writes a DICOM UID (hl7.org/fhir/R4/imagingstudy.html).
        if resource_type == "ImagingStudy" && system == "urn:dicom:uid" {
            terms.add(TermName::StudyUid, value.trim_start_matches("urn:oid:"));
        } else {
            terms.add(identifier, format!("{system}|{value}"));
        }
    }
    for name in [
        "code",
        "vaccineCode",
        "medicationCodeableConcept",
        "procedureCode",
        "type",
        "class",
        "category",
    ] {
        for concept in concepts(resource, name) {
            add_codes(&mut terms, concept);
        }
    }
    for component in objects(resource.get("component")) {
        concepts(component, "code").for_each(|concept| add_codes(&mut terms, concept));
    }
    for coding in objects(resource.get("modality")) {
        terms.add(TermName::Modality, text(coding, "code").unwrap_or_default());
    }
    terms
}

fn add_codes(terms: &mut Terms, concept: &Map<String, Value>) {
    for coding in codings(concept) {
        if let Some(code) = text(coding, "code") {
            terms.add(
                TermName::Code,
                format!("{}|{code}", text(coding, "system").unwrap_or_default()),
            );
        }
    }
}

/// Who a Patient resource is about, so that the importing person can compare it with the chart.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PatientSummary {
    /// Their names, the official one first; both spellings of a Japanese name.
    pub names: Vec<String>,
    /// Date of birth as written: `1980-02-29`, or less exact.
    pub birth_date: Option<String>,
    /// `male`, `female`, `other` or `unknown`.
    pub gender: Option<String>,
    /// Their identifiers, as (system, value).
    pub identifiers: Vec<(String, String)>,
}

impl core::fmt::Debug for PatientSummary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PatientSummary(..)")
    }
}

pub(super) fn patient(resource: &Map<String, Value>) -> PatientSummary {
    let mut names = resource.get("name").map(person_names).unwrap_or_default();
    names.truncate(SUMMARY_NAMES_MAX);
    PatientSummary {
        names,
        birth_date: text(resource, "birthDate").map(str::to_owned),
        gender: text(resource, "gender").map(str::to_owned),
        identifiers: identifiers(resource)
            .take(SUMMARY_NAMES_MAX)
            .map(|(system, value)| (title(system), title(value)))
            .collect(),
    }
}

/// Names written out, official ones first; empty for anything but HumanNames.
fn person_names(value: &Value) -> Vec<String> {
    let mut names: Vec<(bool, String)> = objects(Some(value))
        .filter_map(|name| {
            let written = match text(name, "text") {
                Some(text) => title(text),
                None => {
                    let given = name.get("given").and_then(Value::as_array).into_iter().flatten();
                    let parts =
                        text(name, "family").into_iter().chain(given.filter_map(Value::as_str));
                    title(&parts.collect::<Vec<_>>().join(" "))
                }
            };
            (!written.is_empty()).then(|| (text(name, "use") != Some("official"), written))
        })
        .collect();
    names.sort_by_key(|(unofficial, _)| *unofficial);
    names.into_iter().map(|(_, name)| name).collect()
}

fn identifiers(resource: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    objects(resource.get("identifier")).filter_map(|identifier| {
        Some((text(identifier, "system").unwrap_or_default(), text(identifier, "value")?))
    })
}

/// The CodeableConcepts (or Codings, which have the same `code` and `system`) under a name.
fn concepts<'a>(
    resource: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> + use<'a> {
    objects(resource.get(name))
}

/// The codings of a CodeableConcept; a Coding is its own.
fn codings(concept: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let own = concept.contains_key("code").then_some(concept);
    objects(concept.get("coding")).chain(own)
}

/// The object, or the objects of an array.
pub(super) fn objects(value: Option<&Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let (one, many) = match value {
        Some(Value::Object(object)) => (Some(object), None),
        Some(Value::Array(items)) => (None, Some(items)),
        _ => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten().filter_map(Value::as_object))
}

/// A string under a name.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}
