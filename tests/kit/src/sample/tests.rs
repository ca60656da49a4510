//! What the generator makes is what the parsers take.

use std::fs;

use chartmesh_protocol::record::Kind;

use super::{bundle, person, still, write, write_large};
use chartmesh_node::content::{Format, TermName, sniff};
use chartmesh_node::{dicom, fhir};

#[test]
fn the_bundle_is_valid_and_covers_the_kinds() {
    for seed in 0..8 {
        let text = bundle(seed);
        assert_eq!(sniff(&text, ""), Format::FhirJson);
        let parsed = fhir::parse(&text).unwrap();
        assert!((60..=90).contains(&parsed.items()), "{}", parsed.items());
        for kind in [
            Kind::Demographics,
            Kind::Encounters,
            Kind::Conditions,
            Kind::Medications,
            Kind::Laboratory,
            Kind::VitalSigns,
            Kind::Procedures,
            Kind::Reports,
            Kind::Immunizations,
            Kind::Allergies,
            Kind::CarePlans,
        ] {
            assert!(parsed.groups.iter().any(|group| group.kind == kind), "{kind}");
        }
        let patient = parsed.patient.unwrap();
        let person = person(seed);
        assert_eq!(patient.names[0], format!("{} {}", person.family[0], person.given[0]));
        assert_eq!(patient.birth_date, Some(person.birth_date()));
        assert_eq!(patient.identifiers[0].1, person.number);
    }
}

#[test]
fn the_stills_are_one_study_of_the_same_patient() {
    let files: Vec<Vec<u8>> = (1..=3).map(|number| still(7, number)).collect();
    let heads = files.iter().map(|file| {
        assert_eq!(sniff(file, ""), Format::Dicom);
        let head = dicom::parse_head(file).unwrap();
        assert_eq!(head.check_length(file.len() as u64), Ok(()));
        assert_eq!(head.patient_id, person(7).number);
        assert_eq!(head.patient_names().len(), 3);
        assert_eq!(head.effective.map(|at| at.0), Some(1_718_674_200_000));
        (head.sop_instance.clone(), head)
    });
    let groups = dicom::group(heads);
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].items.len(), 3);
    assert_eq!(groups[0].title, "Upper endoscopy 上部消化管内視鏡 (ES), 3 objects");
    assert_eq!(groups[0].items[0].1.terms.get(TermName::Modality), Some("ES"));
    assert_ne!(groups[0].items[0].0, groups[0].items[1].0);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(bundle(3), bundle(3));
    assert_ne!(bundle(3), bundle(4));
    assert_eq!(still(3, 1), still(3, 1));
    assert_ne!(still(3, 1)[2000..], still(3, 2)[2000..]);
}

#[test]
fn folders_are_written_and_a_large_object_is_as_large_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let written = write(folder.path(), 5).unwrap();
    assert_eq!((written.fhir.len(), written.dicom.len()), (1, 6));
    for file in &written.dicom {
        assert!(file.starts_with(folder.path().join("dicom")));
        dicom::parse_head(&fs::read(file).unwrap()).unwrap();
    }
    let large = folder.path().join("video.dcm");
    write_large(&large, 5, 3_000_000).unwrap();
    let bytes = fs::read(&large).unwrap();
    let head = dicom::parse_head(&bytes).unwrap();
    assert_eq!(head.frames, Some(4));
    assert!(bytes.len() >= 3_000_000);
    assert_eq!(head.check_length(bytes.len() as u64), Ok(()));
    assert!(write_large(&large, 5, 5 << 30).is_err());
}
