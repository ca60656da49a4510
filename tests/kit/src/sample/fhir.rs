//! The patient's records as a FHIR R4 transaction Bundle.

use serde_json::{Value, json};

use super::Person;
use super::numbers::Numbers;

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const UCUM: &str = "http://unitsofmeasure.org";
const TERMINOLOGY: &str = "http://terminology.hl7.org/CodeSystem";

/// One measured quantity: LOINC code, its name, lowest and highest in tenths, UCUM unit.
type Quantity = (&'static str, &'static str, u32, u32, &'static str);

const VITAL_SIGNS: &[Quantity] = &[
    ("8867-4", "Heart rate", 580, 920, "/min"),
    ("9279-1", "Respiratory rate", 120, 180, "/min"),
    ("8310-5", "Body temperature", 360, 371, "Cel"),
    ("29463-7", "Body weight", 520, 780, "kg"),
    ("2708-6", "Oxygen saturation in Arterial blood", 950, 990, "%"),
];
const LABORATORY: &[Quantity] = &[
    ("718-7", "Hemoglobin [Mass/volume] in Blood", 118, 155, "g/dL"),
    ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", 850, 1340, "mg/dL"),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", 6, 12, "mg/dL"),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", 52, 69, "%"),
];
/// Visits: day, what for, whether blood was taken.
const VISITS: &[(&str, &str, bool)] = &[
    ("2019-05-14", "Annual check-up", true),
    ("2020-10-06", "Influenza vaccination", false),
    ("2021-06-22", "Annual check-up", true),
    ("2022-11-15", "Follow-up of hypertension", true),
    ("2023-09-05", "Heartburn", false),
    ("2024-06-18", "Upper gastrointestinal endoscopy", true),
];

pub(super) fn bundle(person: &Person) -> Vec<u8> {
    let mut records = Records::new(person);
    records.people();
    for (index, (day, reason, blood)) in VISITS.iter().enumerate() {
        let visit = records.visit(day, reason);
        records.vital_signs(&visit);
        if *blood {
            records.laboratory(&visit);
        }
        match index {
            0 => records.allergy(&visit),
            1 => records.immunization(&visit),
            3 => records.hypertension(&visit),
            4 => records.reflux(&visit),
            5 => records.endoscopy(&visit),
            _ => {}
        }
    }
    // The Bundle's own members in the order in which people write them, so that a glance tells it.
    let entries = serde_json::to_string_pretty(&records.entries)
        .expect("a tree of strings and numbers is JSON");
    format!(
        "{{\n\"resourceType\": \"Bundle\",\n\"type\": \"transaction\",\n\"entry\": {entries}\n}}\n"
    )
    .into_bytes()
}

struct Records<'a> {
    person: &'a Person,
    numbers: Numbers,
    entries: Vec<Value>,
    patient: Value,
    practitioner: Value,
}

/// One visit: its reference and when it was.
struct Visit {
    encounter: Value,
    day: &'static str,
}

impl Visit {
    /// A moment of the visit, in Japan.
    fn at(&self, minute: u32) -> String {
        format!("{}T10:{minute:02}:00+09:00", self.day)
    }
}

fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}], "text": display})
}

fn category(system: &str, code: &str) -> Value {
    json!([{"coding": [{"system": format!("{TERMINOLOGY}/{system}"), "code": code}]}])
}

fn quantity(tenths: u32, unit: &str) -> Value {
    json!({"value": f64::from(tenths) / 10.0, "unit": unit, "system": UCUM, "code": unit})
}

impl<'a> Records<'a> {
    fn new(person: &'a Person) -> Self {
        Self {
            person,
            numbers: Numbers::new(person.seed, 2),
            entries: Vec::new(),
            patient: Value::Null,
            practitioner: Value::Null,
        }
    }

    /// Adds a resource and returns the reference to it.
    fn add(&mut self, mut resource: Value) -> Value {
        let id = self.numbers.uuid();
        let url = resource["resourceType"].clone();
        resource["id"] = json!(id);
        let reference = format!("urn:uuid:{id}");
        self.entries.push(json!({
            "fullUrl": reference, "resource": resource, "request": {"method": "POST", "url": url}
        }));
        json!({"reference": reference})
    }

    /// Adds a resource about the patient at a visit.
    fn record(&mut self, visit: &Visit, mut resource: Value) -> Value {
        let about = match resource["resourceType"].as_str() {
            Some("Immunization" | "AllergyIntolerance") => "patient",
            _ => "subject",
        };
        resource[about] = self.patient.clone();
        resource["encounter"] = visit.encounter.clone();
        self.add(resource)
    }

    fn people(&mut self) {
        let person = self.person;
        // How the same name in two scripts is told apart (hl7.org/fhir/R4/extension-iso21090-en-representation.html).
        let name = |form: usize, representation: &str| {
            json!({
                "extension": [{
                    "url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation",
                    "valueCode": representation
                }],
                "use": "official",
                "text": format!("{} {}", person.family[form], person.given[form]),
                "family": person.family[form], "given": [person.given[form]]
            })
        };
        let resource = json!({
            "resourceType": "Patient",
            "identifier": [{"use": "official", "system": "urn:oid:1.2.392.100495.20.3.51.11310000001", "value": person.number}],
            "active": true,
            "name": [name(0, "IDE"), name(1, "SYL"), name(2, "ABC")],
            "gender": if person.female { "female" } else { "male" },
            "birthDate": person.birth_date(),
            "address": [{"country": "JP", "state": "東京都", "city": "新宿区"}],
        });
        self.patient = self.add(resource);
        let organization = self.add(json!({"resourceType": "Organization", "active": true, "name": "Midori Hospital みどり病院"}));
        self.practitioner = self.add(json!({
            "resourceType": "Practitioner", "active": true,
            "name": [{"use": "official", "text": "Dr. Ito Akira", "family": "Ito", "given": ["Akira"], "prefix": ["Dr."]}]
        }));
        let practitioner = self.practitioner.clone();
        self.add(json!({"resourceType": "PractitionerRole", "practitioner": practitioner, "organization": organization}));
    }

    fn visit(&mut self, day: &'static str, reason: &str) -> Visit {
        let mut visit = Visit { encounter: Value::Null, day };
        visit.encounter = self.add(json!({
            "resourceType": "Encounter", "status": "finished",
            "class": {"system": format!("{TERMINOLOGY}/v3-ActCode"), "code": "AMB", "display": "ambulatory"},
            "type": [{"text": reason}],
            "subject": self.patient,
            "participant": [{"individual": self.practitioner}],
            "period": {"start": visit.at(0), "end": visit.at(55)}
        }));
        visit
    }

    fn observation(&mut self, visit: &Visit, of: &Quantity, kind: &str, minute: u32) -> Value {
        let (code, name, low, high, unit) = *of;
        let value = self.numbers.between(low, high);
        self.record(
            visit,
            json!({
                "resourceType": "Observation", "status": "final",
                "category": category("observation-category", kind),
                "code": concept(LOINC, code, name),
                "effectiveDateTime": visit.at(minute),
                "performer": [self.practitioner],
                "valueQuantity": quantity(value, unit)
            }),
        )
    }

    fn vital_signs(&mut self, visit: &Visit) {
        for of in VITAL_SIGNS {
            self.observation(visit, of, "vital-signs", 5);
        }
        let (systolic, diastolic) =
            (self.numbers.between(112, 158) * 10, self.numbers.between(68, 96) * 10);
        let component = |code: &str, name: &str, value: u32| json!({"code": concept(LOINC, code, name), "valueQuantity": quantity(value, "mm[Hg]")});
        self.record(
            visit,
            json!({
                "resourceType": "Observation", "status": "final",
                "category": category("observation-category", "vital-signs"),
                "code": concept(LOINC, "85354-9", "Blood pressure panel with all children optional"),
                "effectiveDateTime": visit.at(6),
                "component": [
                    component("8480-6", "Systolic blood pressure", systolic),
                    component("8462-4", "Diastolic blood pressure", diastolic)
                ]
            }),
        );
    }

    fn laboratory(&mut self, visit: &Visit) {
        let results: Vec<Value> =
            LABORATORY.iter().map(|of| self.observation(visit, of, "laboratory", 12)).collect();
        self.record(
            visit,
            json!({
                "resourceType": "DiagnosticReport", "status": "final",
                "category": category("v2-0074", "LAB"),
                "code": concept(LOINC, "11502-2", "Laboratory report"),
                "effectiveDateTime": visit.at(12), "issued": visit.at(50),
                "result": results
            }),
        );
    }

    fn condition(&mut self, visit: &Visit, snomed: &str, icd: &str, name: &str) -> Value {
        self.record(
            visit,
            json!({
                "resourceType": "Condition",
                "clinicalStatus": concept(&format!("{TERMINOLOGY}/condition-clinical"), "active", "Active"),
                "verificationStatus": concept(&format!("{TERMINOLOGY}/condition-ver-status"), "confirmed", "Confirmed"),
                "code": {"coding": [
                    {"system": SNOMED, "code": snomed, "display": name},
                    {"system": "http://hl7.org/fhir/sid/icd-10", "code": icd}
                ], "text": name},
                "onsetDateTime": visit.day, "recordedDate": visit.at(20)
            }),
        )
    }

    fn medication(&mut self, visit: &Visit, rxnorm: &str, name: &str, reason: Value) {
        self.record(
            visit,
            json!({
                "resourceType": "MedicationRequest", "status": "active", "intent": "order",
                "medicationCodeableConcept": concept("http://www.nlm.nih.gov/research/umls/rxnorm", rxnorm, name),
                "authoredOn": visit.at(25), "requester": self.practitioner,
                "reasonReference": [reason],
                "dosageInstruction": [{"text": "1 tablet once a day 1日1回1錠"}]
            }),
        );
    }

    fn allergy(&mut self, visit: &Visit) {
        self.record(
            visit,
            json!({
                "resourceType": "AllergyIntolerance",
                "clinicalStatus": concept(&format!("{TERMINOLOGY}/allergyintolerance-clinical"), "active", "Active"),
                "verificationStatus": concept(&format!("{TERMINOLOGY}/allergyintolerance-verification"), "confirmed", "Confirmed"),
                "type": "allergy", "category": ["medication"], "criticality": "high",
                "code": concept(SNOMED, "764146007", "Penicillin"),
                "recordedDate": visit.at(15)
            }),
        );
    }

    fn immunization(&mut self, visit: &Visit) {
        for (code, name) in [
            ("140", "Influenza, seasonal, injectable, preservative free"),
            ("33", "pneumococcal polysaccharide PPV23"),
        ] {
            self.record(
                visit,
                json!({
                    "resourceType": "Immunization", "status": "completed",
                    "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", code, name),
                    "occurrenceDateTime": visit.at(30), "primarySource": true
                }),
            );
        }
    }

    fn hypertension(&mut self, visit: &Visit) {
        let condition = self.condition(visit, "59621000", "I10", "Essential hypertension");
        self.medication(visit, "197361", "amlodipine 5 MG Oral Tablet", condition);
    }

    fn reflux(&mut self, visit: &Visit) {
        let condition =
            self.condition(visit, "235595009", "K21.9", "Gastroesophageal reflux disease");
        self.medication(visit, "199119", "famotidine 20 MG Oral Tablet", condition);
    }

    fn endoscopy(&mut self, visit: &Visit) {
        self.record(
            visit,
            json!({
                "resourceType": "Procedure", "status": "completed",
                "code": concept(SNOMED, "76009000", "Esophagogastroduodenoscopy"),
                "performedPeriod": {"start": visit.at(30), "end": visit.at(45)},
                "performer": [{"actor": self.practitioner}]
            }),
        );
        self.record(
            visit,
            json!({
                "resourceType": "DiagnosticReport", "status": "final",
                "code": concept(LOINC, "18751-8", "Endoscopy study"),
                "effectiveDateTime": visit.at(30), "issued": visit.at(52),
                "performer": [self.practitioner],
                "conclusion": "Mild reflux esophagitis, grade A. One small polyp of the stomach. 軽度の逆流性食道炎。"
            }),
        );
        let condition = self.condition(visit, "78809005", "K31.7", "Gastric polyp");
        let follow_up = json!({
            "resourceType": "CarePlan", "status": "active", "intent": "plan",
            "title": "Endoscopy again in a year",
            "period": {"start": visit.day, "end": "2025-06-30"},
            "addresses": [condition]
        });
        self.record(visit, follow_up);
    }
}
