//! Whole documents.

use std::fs;

use chartmesh_protocol::record::Kind;
use serde_json::{Value, json};

use super::{FhirError, parse};
use crate::content::test_data;
use crate::content::{Content, Draft, TermName};

fn bundle(entries: Value) -> Vec<u8> {
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        .to_string()
        .into_bytes()
}

fn observation(id: &str, day: &str, encounter: Option<&str>) -> Value {
    let mut resource = json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
        "subject": {"reference": "urn:uuid:p"},
        "effectiveDateTime": format!("{day}T08:00:00Z"),
    });
    if let Some(encounter) = encounter {
        resource["encounter"] = json!({"reference": encounter});
    }
    json!({"fullUrl": format!("urn:uuid:{id}"), "resource": resource})
}

fn patient() -> Value {
    json!({"fullUrl": "urn:uuid:p", "resource": {
        "resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-02-29",
        "identifier": [{"system": "urn:mrn", "value": "4711"}],
        "name": [
            {"use": "nickname", "text": "Hana-chan"},
            {"use": "official", "family": "山田", "given": ["花子"]},
            {"use": "official", "family": "Yamada", "given": ["Hanako"]}
        ]
    }})
}

fn encounter() -> Value {
    json!({"fullUrl": "urn:uuid:e", "resource": {
        "resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"},
        "subject": {"reference": "urn:uuid:p"}, "type": [{"text": "Check-up"}],
        "period": {"start": "2020-01-02T07:00:00Z"}
    }})
}

fn bytes(draft: &Draft) -> &[u8] {
    match &draft.content {
        Content::Bytes(bytes) => bytes,
        Content::Stream => panic!("FHIR is never streamed"),
    }
}

#[test]
fn resources_of_one_encounter_and_kind_become_one_entry() {
    let parsed = parse(&bundle(json!([
        patient(),
        encounter(),
        observation("a", "2020-01-02", Some("urn:uuid:e")),
        observation("b", "2020-01-03", Some("Encounter/e")),
        observation("c", "2020-01-03", None),
        observation("d", "2020-01-03", None),
        observation("f", "2020-01-04", None),
        observation("g", "2020-01-04", Some("https://other.example/fhir/Encounter/77")),
    ])))
    .unwrap();
    let sizes: Vec<(Kind, usize)> =
        parsed.groups.iter().map(|group| (group.kind, group.items.len())).collect();
    assert_eq!(
        sizes,
        [
            (Kind::Demographics, 1),
            (Kind::Encounters, 1),
            (Kind::VitalSigns, 2),
            (Kind::VitalSigns, 2),
            (Kind::VitalSigns, 1),
            (Kind::VitalSigns, 1)
        ]
    );
    assert_eq!(parsed.items(), 8);
    let vital = &parsed.groups[2];
    assert_eq!(vital.title, "Heart rate");
    assert_eq!(vital.effective.map(|at| at.0), Some(1_577_952_000_000));
    assert_eq!(vital.items[0].terms.get(TermName::Code), Some("http://loinc.org|8867-4"));
    assert_eq!(parsed.groups[1].title, "Check-up");
}

#[test]
fn the_patient_is_named_for_the_check_against_the_chart() {
    let patient = parse(&bundle(json!([patient()]))).unwrap().patient.unwrap();
    assert_eq!(patient.names, ["山田 花子", "Yamada Hanako", "Hana-chan"]);
    assert_eq!(patient.birth_date.as_deref(), Some("1980-02-29"));
    assert_eq!(patient.gender.as_deref(), Some("female"));
    assert_eq!(patient.identifiers, [("urn:mrn".to_owned(), "4711".to_owned())]);
    assert_eq!(format!("{patient:?}"), "PatientSummary(..)");
}

#[test]
fn original_bytes_are_kept_with_their_spacing_and_numbers() {
    let resource =
        "{ \"resourceType\":\"Basic\",\n\t\"code\": {\"text\":\"\\u00e9t\\u00e9\"}, \"x\": 1.500 }";
    let alone = parse(format!("\u{feff} {resource}\n").as_bytes()).unwrap();
    assert_eq!(bytes(&alone.groups[0].items[0]), resource.as_bytes());
    assert_eq!(alone.groups[0].title, "été");
    let wrapped = format!(
        "{{\"entry\":[{{\"resource\": {resource} }}],\"type\":\"batch\",\"resourceType\":\"Bundle\"}}"
    );
    let parsed = parse(wrapped.as_bytes()).unwrap();
    assert_eq!(bytes(&parsed.groups[0].items[0]), resource.as_bytes());
}

#[test]
fn an_entry_holds_at_most_two_hundred_items() {
    let many: Vec<Value> =
        (0..450).map(|n| observation(&format!("o{n}"), "2020-01-02", None)).collect();
    let parsed = parse(&bundle(Value::Array(many))).unwrap();
    let sizes: Vec<usize> = parsed.groups.iter().map(|group| group.items.len()).collect();
    assert_eq!(sizes, [200, 200, 50]);
}

#[test]
fn a_document_stays_whole() {
    let document = json!({"resourceType": "Bundle", "type": "document", "timestamp": "2021-02-03T04:05:06Z", "entry": [
        {"fullUrl": "urn:uuid:c", "resource": {
            "resourceType": "Composition", "status": "final", "title": "Discharge letter", "date": "2021-02-03",
            "type": {"text": "Letter"}, "author": [{"display": "Dr. Sato"}], "subject": {"reference": "urn:uuid:p"}
        }},
        patient(),
    ]})
    .to_string();
    let parsed = parse(document.as_bytes()).unwrap();
    assert_eq!(parsed.groups.len(), 1);
    assert_eq!(
        (parsed.groups[0].kind, parsed.groups[0].title.as_str()),
        (Kind::Documents, "Discharge letter")
    );
    assert_eq!(bytes(&parsed.groups[0].items[0]), document.as_bytes());
    assert!(parsed.patient.is_some());
}

#[test]
fn records_of_two_patients_are_refused() {
    let mut other = observation("x", "2020-01-02", None);
    other["resource"]["subject"]["reference"] = json!("Patient/other");
    assert_eq!(
        parse(&bundle(json!([patient(), other]))),
        Err(FhirError::SeveralPatients { count: 2 })
    );
    let mut twin = patient();
    twin["fullUrl"] = json!("urn:uuid:q");
    assert_eq!(
        parse(&bundle(json!([patient(), twin]))),
        Err(FhirError::SeveralPatients { count: 2 })
    );
    // A subject that is no patient does not count.
    let device = json!({"fullUrl": "urn:uuid:d", "resource": {"resourceType": "Device"}});
    let mut of_device = observation("x", "2020-01-02", None);
    of_device["resource"]["subject"]["reference"] = json!("urn:uuid:d");
    assert!(parse(&bundle(json!([patient(), device, of_device]))).is_ok());
}

#[test]
fn what_cannot_be_imported_is_refused_with_its_reason() {
    let mut without_status = observation("a", "2020-01-02", None);
    without_status["resource"].as_object_mut().unwrap().remove("status");
    let cases = [
        (
            bundle(json!([patient(), without_status])),
            "Bundle.entry[1].resource.status is required and missing",
        ),
        (
            bundle(json!([{"resource": {"resourceType": "Observashun"}}])),
            "Bundle.entry[0].resource has the resourceType \"Observashun\", which FHIR R4 does not define",
        ),
        (
            bundle(json!([{"request": {"method": "DELETE", "url": "Patient/1"}}])),
            "Bundle.entry[0] brings no resource (a deletion, or a request only); nothing of it can be imported",
        ),
        (
            bundle(json!([{"resource": {"resourceType": "Bundle", "type": "batch"}}])),
            "Bundle.entry[0].resource is itself a Bundle; import it on its own",
        ),
        (bundle(json!({})), "Bundle.entry must be an array"),
        (bundle(json!([1])), "Bundle.entry[0] must be an object"),
        (bundle(json!([{"fullUrl": 1}])), "Bundle.entry[0].fullUrl must be a string"),
        (
            bundle(json!([{"resource": 1}])),
            "Bundle.entry[0].resource is not a FHIR resource: it is no object with a resourceType",
        ),
        (b"[]".to_vec(), "resource is not a FHIR resource: it is no object with a resourceType"),
        (b"{}".to_vec(), "resource is not a FHIR resource: it is no object with a resourceType"),
        (
            br#"{"resourceType": 5}"#.to_vec(),
            "resource is not a FHIR resource: it is no object with a resourceType",
        ),
        (br#"{"resourceType": "Bundle"}"#.to_vec(), "Bundle.type is required and missing"),
        (
            br#"{"resourceType": "Bundle", "type": "history"}"#.to_vec(),
            "a Bundle of type \"history\" cannot be imported; transaction, batch, collection, searchset and document can",
        ),
        (
            br#"{"resourceType": "Basic", "code": {"text": "\ud800"}}"#.to_vec(),
            "resource has a number too large to read, or half of a character",
        ),
        (
            br#"{"resourceType": "Basic", "code": {"text": "x"}, "y": 1e999}"#.to_vec(),
            "resource has a number too large to read, or half of a character",
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(parse(&bytes).map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn one_resource_cannot_fill_the_memory() {
    let text = format!("{{\"resourceType\": \"Basic\", \"x\": [{}0]}}", "0,".repeat(600_000));
    assert_eq!(parse(text.as_bytes()), Err(FhirError::TooManyValues { path: "resource".into() }));
    let text = format!(
        "{{\"resourceType\": \"Bundle\", \"type\": \"batch\", \"entry\": [{}0]}}",
        "0,".repeat(100_000)
    );
    assert_eq!(parse(text.as_bytes()), Err(FhirError::TooManyEntries));
}

#[test]
fn every_prefix_of_a_bundle_is_refused() {
    let whole = bundle(json!([patient(), encounter(), observation("a", "2020-01-02", None)]));
    for length in 0..whole.len() {
        assert_eq!(parse(&whole[..length]), Err(FhirError::Truncated), "{length}");
    }
}

#[test]
fn real_bundles_of_whole_lives_are_read() {
    for path in test_data::files("fhir", ".json") {
        let text = fs::read(&path).unwrap();
        let shown = path.display();
        let parsed = parse(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let whole: Value = serde_json::from_slice(&text).unwrap();
        let expected = whole["entry"].as_array().map_or(1, Vec::len);
        assert_eq!(parsed.items(), expected, "{shown}");
        for group in &parsed.groups {
            assert!(!group.title.is_empty() && group.items.len() <= 200, "{shown}");
            assert!(group.items.iter().all(|draft| draft.kind == group.kind), "{shown}");
        }
        println!("{shown}: {} resources in {} entries", parsed.items(), parsed.groups.len());
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn json_of_any_shape_never_panics(text in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,200}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn an_altered_bundle_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut whole = bundle(json!([patient(), encounter(), observation("a", "2020-01-02", Some("urn:uuid:e"))]));
            let at = at.index(whole.len());
            whole[at] = byte;
            let _ = parse(&whole);
            whole.remove(cut.index(whole.len()));
            let _ = parse(&whole);
        }

        #[test]
        fn any_value_in_any_place_never_panics(
            key in prop::sample::select(vec!["status", "code", "category", "subject", "encounter", "effectiveDateTime",
                "identifier", "component", "name", "period", "context", "item", "issued", "resourceType", "id", "meta"]),
            value in prop::sample::select(vec![json!(null), json!(1), json!("x"), json!([]), json!({}), json!([{}]),
                json!([null]), json!({"coding": [{"code": "é"}]}), json!([[{}]]), json!("2020-02-30"), json!({"reference": "//"})]),
        ) {
            let mut entry = observation("a", "2020-01-02", None);
            entry["resource"][key] = value.clone();
            let _ = parse(&bundle(json!([entry])));
            let mut other = patient();
            other["resource"][key] = value;
            let _ = parse(&bundle(json!([other])));
        }
    }
}
