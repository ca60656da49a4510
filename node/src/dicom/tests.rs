//! Whole heads: made ones, mutated ones, and real files where there are some.

use std::fs;

use proptest::prelude::*;

use super::{DicomError, Head, Tag, group, parse_head};
use crate::content::limits::{DICOM_DEPTH_MAX, DICOM_HEAD_BYTES_MAX};
use crate::content::{TermName, test_data};

/// An attribute in explicit little endian with a two-byte length.
fn short(group: u16, number: u16, representation: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend_from_slice(representation);
    bytes.extend_from_slice(&u16::try_from(value.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// The head of an attribute in explicit little endian with a four-byte length.
fn long(group: u16, number: u16, representation: &[u8; 2], length: u32) -> Vec<u8> {
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend_from_slice(representation);
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

fn item(length: u32) -> Vec<u8> {
    [&[0xFE, 0xFF, 0x00, 0xE0][..], &length.to_le_bytes()].concat()
}

fn with_meta(transfer_syntax: &[u8], data_set: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    bytes.extend(short(2, 0x10, b"UI", transfer_syntax));
    bytes.extend_from_slice(data_set);
    bytes
}

fn data_set() -> Vec<u8> {
    [
        short(8, 0x05, b"CS", b"ISO_IR 192"),
        short(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.77.1.1"),
        short(8, 0x18, b"UI", b"1.2.3.4\0"),
        short(8, 0x20, b"DA", b"20200102"),
        short(8, 0x30, b"TM", b"093000.5"),
        short(8, 0x60, b"CS", b"ES"),
        short(8, 0x201, b"SH", b"+0900 "),
        short(8, 0x1030, b"LO", "上部消化管内視鏡 ".as_bytes()),
        short(0x10, 0x10, b"PN", "Yamada^Hanako=山田^花子".as_bytes()),
        short(0x10, 0x20, b"LO", b"4711"),
        short(0x20, 0x0D, b"UI", b"1.2.3\0"),
        short(0x20, 0x0E, b"UI", b"1.2.3.1\0"),
        short(0x20, 0x13, b"IS", b"3 "),
        short(0x28, 0x10, b"US", &480_u16.to_le_bytes()),
        short(0x28, 0x11, b"US", &640_u16.to_le_bytes()),
    ]
    .concat()
}

const EXPLICIT: &[u8] = b"1.2.840.10008.1.2.1\0";

fn file() -> Vec<u8> {
    with_meta(EXPLICIT, &[data_set(), long(0x7FE0, 0x10, b"OB", 4), vec![1, 2, 3, 4]].concat())
}

#[test]
fn what_identifies_an_object_is_read() {
    let head = parse_head(&file()).unwrap();
    assert_eq!(head.sop_instance, "1.2.3.4");
    assert_eq!(head.patient_names(), ["Yamada Hanako", "山田 花子"]);
    assert_eq!((head.columns, head.rows, head.instance), (Some(640), Some(480), Some(3)));
    assert_eq!(head.effective.map(|at| at.0), Some(1_577_925_000_000));
    let draft = head.draft();
    assert_eq!(draft.title, "ES, 上部消化管内視鏡, number 3 (640 x 480)");
    assert_eq!(draft.terms.get(TermName::StudyUid), Some("1.2.3"));
    assert_eq!(draft.terms.get(TermName::PatientIdentifier), Some("|4711"));
    let shown = format!("{head:?}");
    assert!(!shown.contains("4711") && !shown.contains("Yamada"), "{shown}");
}

#[test]
fn a_file_cut_within_its_pixels_is_noticed() {
    let file = file();
    let whole = file.len() as u64;
    let cut = parse_head(&file[..file.len() - 1]).unwrap();
    assert_eq!(parse_head(&file).unwrap().check_length(whole), Ok(()));
    assert_eq!(
        cut.check_length(whole - 1),
        Err(DicomError::PixelsCut { has: whole - 1, needs: whole })
    );
}

#[test]
fn a_file_cut_within_its_attributes_is_refused() {
    let file = file();
    for length in 0..file.len() - 16 {
        let result = parse_head(&file[..length]);
        // A cut between two attributes leaves what is well formed; all others are refused.
        if let Ok(head) = result {
            assert!(head.needs == length as u64, "{length}");
        }
    }
    assert_eq!(parse_head(&file[..131]), Err(DicomError::NoMark));
    assert_eq!(parse_head(&file[..160]), Err(DicomError::Empty));
    assert!(matches!(
        parse_head(&file[..150]),
        Err(DicomError::Truncated { tag: Tag(2, 0x10), .. })
    ));
}

#[test]
fn sequences_of_undefined_length_are_passed_over() {
    let inner = [
        item(u32::MAX),
        short(0x10, 0x20, b"LO", b"XXXX"),
        vec![0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0],
    ]
    .concat();
    let end = vec![0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
    for representation in [b"SQ", b"UN"] {
        // In UN the inner attributes would be implicit; an item of defined length is jumped over.
        let inner =
            if representation == b"SQ" { inner.clone() } else { [item(4), vec![9; 4]].concat() };
        let sequence = [long(8, 0x1111, representation, u32::MAX), inner, end.clone()].concat();
        let at = with_meta(EXPLICIT, &[sequence, short(0x10, 0x20, b"LO", b"4711")].concat());
        assert_eq!(parse_head(&at).unwrap().patient_id, "4711");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let level = [long(8, 0x1111, b"SQ", u32::MAX), item(u32::MAX)].concat();
    let nested = with_meta(EXPLICIT, &level.repeat(20_000));
    assert!(matches!(parse_head(&nested), Err(DicomError::TooDeep { .. })));
    let fine = with_meta(EXPLICIT, &level.repeat(DICOM_DEPTH_MAX));
    assert!(matches!(parse_head(&fine), Err(DicomError::Truncated { .. })));
}

#[test]
fn a_length_beyond_the_file_sets_no_memory_aside() {
    let file =
        with_meta(EXPLICIT, &[long(8, 0x2000, b"UT", u32::MAX - 1), b"short".to_vec()].concat());
    assert!(matches!(parse_head(&file), Err(DicomError::Truncated { tag: Tag(8, 0x2000), .. })));
}

#[test]
fn what_is_not_written_as_its_transfer_syntax_says_is_refused() {
    let implicit = with_meta(EXPLICIT, &[8, 0, 0x60, 0, 2, 0, 0, 0, b'E', b'S']);
    assert!(matches!(parse_head(&implicit), Err(DicomError::BadRepresentation { .. })));
    let stray = with_meta(EXPLICIT, &[short(8, 0x60, b"CS", b"ES"), item(0)].concat());
    assert!(matches!(parse_head(&stray), Err(DicomError::BadSequence { .. })));
    let deflated = with_meta(b"1.2.840.10008.1.2.1.99", &[0xFF; 50]);
    assert_eq!(parse_head(&deflated), Err(DicomError::BadDeflate));
}

#[test]
fn a_deflated_data_set_is_inflated_up_to_the_bound() {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&data_set()).unwrap();
    encoder.write_all(&long(0x7FE0, 0x10, b"OB", 64 << 20)).unwrap();
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let file = with_meta(b"1.2.840.10008.1.2.1.99", &encoder.finish().unwrap());
    assert!(file.len() < DICOM_HEAD_BYTES_MAX);
    assert_eq!(parse_head(&file).unwrap().patient_id, "4711");
}

#[test]
fn identifying_attributes_behind_a_mebibyte_are_not_looked_for() {
    let filler = [long(9, 0x1001, b"OB", 2 << 20), vec![0; 2 << 20]].concat();
    let file = with_meta(EXPLICIT, &[filler, data_set()].concat());
    assert_eq!(parse_head(&file), Err(DicomError::HeadTooSmall));
}

#[test]
fn objects_of_one_study_become_one_entry() {
    let head = |study: &str, patient: &str, instance: u32| Head {
        study: study.into(),
        patient_id: patient.into(),
        instance: Some(instance),
        modality: "ES".into(),
        study_description: "Upper endoscopy".into(),
        ..Head::default()
    };
    let groups = group([
        ("c", head("1.1", "A", 2)),
        ("a", head("1.1", "A", 1)),
        ("x", head("1.1", "B", 1)),
        ("y", head("", "A", 1)),
        ("z", head("", "A", 1)),
    ]);
    let names: Vec<Vec<&str>> =
        groups.iter().map(|group| group.items.iter().map(|(name, _)| *name).collect()).collect();
    assert_eq!(names, [vec!["a", "c"], vec!["x"], vec!["y"], vec!["z"]]);
    assert_eq!(groups[0].title, "Upper endoscopy (ES), 2 objects");
    let many = group((0..450).map(|n| (n, head("1.1", "A", n))));
    assert_eq!(many.iter().map(|group| group.items.len()).collect::<Vec<_>>(), [200, 200, 50]);
    assert_eq!(many[2].title, "Upper endoscopy (ES), 450 objects (part 3 of 3)");
}

#[test]
fn real_files_are_read_as_dicom_object_reads_them() {
    use dicom_dictionary_std::tags;
    for path in test_data::files("dicom", ".dcm") {
        let bytes = fs::read(&path).unwrap();
        let shown = path.display();
        let head = parse_head(&bytes).unwrap_or_else(|error| panic!("{shown}: {error}"));
        println!(
            "{shown}: {:?} {:?} {:?}",
            head.draft().title,
            head.effective,
            head.check_length(bytes.len() as u64)
        );
        let open = dicom_object::OpenFileOptions::new().read_until(tags::PIXEL_DATA);
        let Ok(object) = open.from_reader(bytes.as_slice()) else {
            println!("{shown}: dicom-object does not read it");
            continue;
        };
        let text = |tag| {
            object
                .element(tag)
                .ok()
                .and_then(|e| e.to_str().ok())
                .map(|t| t.trim_matches([' ', '\0']).to_owned())
                .unwrap_or_default()
        };
        let number = |tag| object.element(tag).ok().and_then(|e| e.to_int::<u16>().ok());
        if object.element(tags::STUDY_DATE).is_ok_and(|e| e.vr() == dicom_core::VR::UN) {
            println!("{shown}: all its attributes are of unknown representation");
            continue;
        }
        assert_eq!(head.study, text(tags::STUDY_INSTANCE_UID), "{shown}");
        assert_eq!(head.series, text(tags::SERIES_INSTANCE_UID), "{shown}");
        assert_eq!(head.patient_name, text(tags::PATIENT_NAME), "{shown}");
        assert_eq!(head.patient_id, text(tags::PATIENT_ID), "{shown}");
        assert_eq!(head.modality, text(tags::MODALITY), "{shown}");
        assert_eq!(head.study_description, text(tags::STUDY_DESCRIPTION), "{shown}");
        assert_eq!(head.rows, number(tags::ROWS), "{shown}");
        assert_eq!(head.columns, number(tags::COLUMNS), "{shown}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_head(&bytes);
        for syntax in [EXPLICIT, b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.2\0", b"1.2.840.10008.1.2.1.99", b"1.9\0"] {
            if let Ok(head) = parse_head(&with_meta(syntax, &bytes)) {
                let _ = (head.draft(), head.patient_names(), head.check_length(1));
            }
        }
    }

    #[test]
    fn an_altered_file_never_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut file = file();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Ok(head) = parse_head(&file) {
            let _ = (head.draft(), head.patient_names());
        }
    }
}
