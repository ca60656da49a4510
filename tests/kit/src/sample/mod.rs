//! A patient who does not exist, with records and images, for demonstrations and tests.
//!
//! Everything follows from the seed, so that two runs compare; nothing here is random, and none of
//! it may ever be used for keys. The FHIR Bundle is valid R4 with LOINC, UCUM, SNOMED CT, CVX and ICD
//! codes; the images are drawn, as a DICOM VL Endoscopic study.

mod dicom;
mod fhir;
mod numbers;
mod person;
mod picture;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

pub use person::Person;

/// What [`write()`] put into a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The FHIR files.
    pub fhir: Vec<PathBuf>,
    /// The DICOM files.
    pub dicom: Vec<PathBuf>,
}

/// The patient of a seed.
#[must_use]
pub fn person(seed: u64) -> Person {
    Person::new(seed)
}

/// A FHIR R4 transaction Bundle of about seventy resources over six years, as JSON text.
#[must_use]
pub fn bundle(seed: u64) -> Vec<u8> {
    fhir::bundle(&Person::new(seed))
}

/// One still of the patient's upper endoscopy as a DICOM file; `number` from 1.
#[must_use]
pub fn still(seed: u64, number: u32) -> Vec<u8> {
    dicom::still(&Person::new(seed), number)
}

/// Writes the patient's records to `dir/fhir/` and an endoscopy study of six stills to `dir/dicom/`,
/// making the folders.
///
/// # Errors
///
/// Whatever the file system says.
pub fn write(dir: &Path, seed: u64) -> io::Result<Written> {
    let fhir = dir.join("fhir");
    let dicom = dir.join("dicom");
    fs::create_dir_all(&fhir)?;
    fs::create_dir_all(&dicom)?;
    // A file's name is not sealed, so it does not carry the patient's.
    let bundle_file = fhir.join(format!("records-{seed}.json"));
    fs::write(&bundle_file, bundle(seed))?;
    let mut written = Written { fhir: vec![bundle_file], dicom: Vec::new() };
    for number in 1..=STILLS {
        let file = dicom.join(format!("endoscopy-{seed}-{number}.dcm"));
        fs::write(&file, still(seed, number))?;
        written.dicom.push(file);
    }
    Ok(written)
}

/// Writes one large multi-frame object (a video of the endoscopy, uncompressed) of at least
/// `min_bytes`, for transfers that take their time. Its memory does not grow with its size.
///
/// # Errors
///
/// Whatever the file system says; [`io::ErrorKind::InvalidInput`] for more than DICOM's 4 GiB.
pub fn write_large(file: &Path, seed: u64, min_bytes: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    dicom::video(&Person::new(seed), min_bytes, &mut out)?;
    out.flush()
}

/// Stills of one study.
const STILLS: u32 = 6;

#[cfg(test)]
mod tests;
