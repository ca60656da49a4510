//! Resources like those of FHIR, for where there is no folder of real ones: as many of each type as a life has on the
//! average in Synthea's records, and of the same sizes.

use serde_json::{Value, json};

use crate::Numbers;

/// Resources of a type beside each encounter, in hundredths, and the bytes that one has.
const BESIDE: [(&str, u64, usize); 8] = [
    ("Observation", 606, 835),
    ("Claim", 123, 1508),
    ("Procedure", 120, 817),
    ("ExplanationOfBenefit", 100, 5305),
    ("DiagnosticReport", 47, 1426),
    ("Immunization", 41, 632),
    ("Condition", 27, 852),
    ("MedicationRequest", 23, 1034),
];
/// Codes of what is measured: body height, weight, blood pressure, pulse and the like.
const MEASURED: [&str; 12] = [
    "8302-2", "29463-7", "85354-9", "8867-4", "9279-1", "8310-5", "2093-3", "2571-8", "18262-6",
    "2085-9", "4548-4", "72514-3",
];
const WORDS: [&str; 24] = [
    "patient",
    "reports",
    "mild",
    "pain",
    "since",
    "morning",
    "no",
    "fever",
    "advised",
    "rest",
    "fluids",
    "follow",
    "up",
    "in",
    "two",
    "weeks",
    "blood",
    "pressure",
    "stable",
    "continue",
    "medication",
    "as",
    "before",
    "discussed",
];

/// How many practitioners an institution has.
const STAFF: usize = 48;

/// The ids of the practitioners.
pub fn staff() -> impl Iterator<Item = String> {
    (0..STAFF).map(|number| format!("{number:08x}-0000-4000-8000-000000000000"))
}

/// The entries of a Bundle that tells of one life, the patient first.
#[must_use]
pub fn life(seed: u64, number: u64) -> Vec<Value> {
    let mut numbers = Numbers::keyed(&[seed, number, 0]);
    let patient = uuid(&mut numbers);
    let subject = json!({"reference": format!("urn:uuid:{patient}")});
    let mut entries = vec![entry(
        &patient,
        json!({"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1951-03-02"}),
        3592,
        &mut numbers,
    )];
    for visit in 0..8 + numbers.below(40) {
        let at =
            format!("20{:02}-{:02}-{:02}", 5 + visit % 20, 1 + visit % 12, 1 + numbers.below(28));
        let id = uuid(&mut numbers);
        let staff = staff().nth(index(&mut numbers, STAFF)).unwrap_or_default();
        let encounter = json!({
            "resourceType": "Encounter", "id": id, "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": subject, "period": {"start": at},
            "participant": [{"individual": {"reference": format!("urn:uuid:{staff}")}}],
        });
        entries.push(entry(&id, encounter, 795, &mut numbers));
        let during = json!({"reference": format!("urn:uuid:{id}")});
        for (kind, hundredths, bytes) in BESIDE {
            let more = u64::from(numbers.below(100) < hundredths % 100);
            for _ in 0..hundredths / 100 + more {
                let id = uuid(&mut numbers);
                let resource = beside(kind, &id, (&subject, &during), &at, &mut numbers);
                entries.push(entry(&id, resource, bytes, &mut numbers));
            }
        }
    }
    entries
}

fn beside(
    kind: &str,
    id: &str,
    (subject, encounter): (&Value, &Value),
    at: &str,
    numbers: &mut Numbers,
) -> Value {
    let measured = MEASURED[index(numbers, MEASURED.len())];
    let loinc = coded("http://loinc.org", measured);
    let snomed = coded("http://snomed.info/sct", &(185_000_000 + numbers.below(900)).to_string());
    let by = json!({"display": "Kita Hospital"});
    let insured = json!([{"focal": true, "coverage": {"display": "private"}}]);
    let mut resource = match kind {
        "Observation" => json!({
            "status": "final", "code": loinc, "subject": subject, "effectiveDateTime": at,
            "valueQuantity": {"value": numbers.below(2000), "unit": "1"},
        }),
        "Claim" => json!({
            "status": "active", "type": snomed, "use": "claim", "patient": subject, "created": at,
            "provider": by, "priority": coded("http://hl7.org/fhir", "normal"), "insurance": insured,
        }),
        "ExplanationOfBenefit" => json!({
            "status": "active", "type": snomed, "use": "claim", "patient": subject, "created": at,
            "insurer": by, "provider": by, "outcome": "complete", "insurance": insured,
        }),
        "DiagnosticReport" => json!({
            "status": "final", "code": loinc, "subject": subject, "effectiveDateTime": at,
        }),
        "Procedure" => json!({
            "status": "completed", "code": snomed, "subject": subject, "performedDateTime": at,
        }),
        "Immunization" => json!({
            "status": "completed", "vaccineCode": coded("http://hl7.org/fhir/sid/cvx", "140"),
            "patient": subject, "occurrenceDateTime": at,
        }),
        "Condition" => json!({"code": snomed, "subject": subject, "onsetDateTime": at}),
        _ => json!({
            "status": "active", "intent": "order", "medicationCodeableConcept": snomed,
            "subject": subject, "authoredOn": at,
        }),
    };
    resource["resourceType"] = kind.into();
    resource["id"] = id.into();
    // Claims have theirs elsewhere, and go by their day.
    if !matches!(kind, "Claim" | "ExplanationOfBenefit") {
        resource["encounter"] = encounter.clone();
    }
    resource
}

fn coded(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}], "text": code})
}

/// An entry of a Bundle, its resource filled with a narrative up to its size.
fn entry(id: &str, mut resource: Value, bytes: usize, numbers: &mut Numbers) -> Value {
    let frame = resource.to_string().len() + 100;
    let mut text = String::new();
    while frame + text.len() < bytes {
        text.push_str(WORDS[index(numbers, WORDS.len())]);
        text.push(' ');
    }
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", text.trim_end());
    resource["text"] = json!({"status": "generated", "div": div});
    json!({
        "fullUrl": format!("urn:uuid:{id}"), "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"]},
    })
}

fn index(numbers: &mut Numbers, len: usize) -> usize {
    usize::try_from(numbers.below(len as u64)).unwrap_or(0)
}

fn uuid(numbers: &mut Numbers) -> String {
    let [high, low] = [numbers.below(u64::MAX), numbers.below(u64::MAX)];
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
