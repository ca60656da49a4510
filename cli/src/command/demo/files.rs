//! What the demo imports: files of a given folder, or the built-in sample.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Files to import.
pub(super) struct Files {
    /// The patient's records: FHIR Bundles or resources.
    pub(super) fhir: Vec<PathBuf>,
    /// The study: DICOM files.
    pub(super) dicom: Vec<PathBuf>,
}

/// At most this many DICOM files of a given folder: it is a demo, not a migration.
const DICOM_MAX: usize = 24;

/// The built-in sample, written below `work`; or the files of `data`.
pub(super) fn gather(data: Option<&Path>, work: &Path) -> anyhow::Result<Files> {
    match data {
        Some(data) => {
            let fhir = listed(&data.join("fhir"), "json")?;
            let dicom = listed(&data.join("dicom"), "dcm")?;
            // One Bundle is one patient; the demo has one.
            let fhir = fhir.into_iter().filter(|path| is_a_persons(path)).take(1).collect::<Vec<_>>();
            if fhir.is_empty() || dicom.is_empty() {
                bail!("{} has no `fhir/*.json` of a patient, or no `dicom/*.dcm`", data.display());
            }
            Ok(Files { fhir, dicom: dicom.into_iter().take(DICOM_MAX).collect() })
        }
        None => {
            chartmesh_node::sample::write(work, 7).context("cannot write the built-in sample")?;
            let fhir = listed(&work.join("fhir"), "json")?;
            let dicom = listed(&work.join("dicom"), "dcm")?;
            Ok(Files { fhir, dicom })
        }
    }
}

/// Whether a Bundle is about one person, rather than, say, a list of practitioners.
fn is_a_persons(path: &Path) -> bool {
    std::fs::read(path)
        .ok()
        .and_then(|bytes| chartmesh_node::fhir::parse(&bytes).ok())
        .is_some_and(|parsed| parsed.patient.is_some())
}

fn listed(dir: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}
