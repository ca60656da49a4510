//! What the demo imports: files of a given folder, or the built-in sample.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

use crate::limits::DEMO_FILES_MAX;

/// Files to import.
pub(super) struct Files {
    /// The patient's records: FHIR Bundles or resources.
    pub(super) fhir: Vec<PathBuf>,
    /// The study: DICOM files.
    pub(super) dicom: Vec<PathBuf>,
}

/// Bytes that tell whether a file is DICOM.
const HEAD: u64 = 1024 * 1024;

/// The built-in sample, written below `work`; or the files of `data`.
pub(super) fn gather(data: Option<&Path>, work: &Path) -> anyhow::Result<Files> {
    match data {
        Some(data) => {
            // One Bundle is one patient; the demo has one.
            let fhir: Vec<_> = listed(&data.join("fhir"))?
                .into_iter()
                .filter(|path| is_a_persons(path))
                .take(1)
                .collect();
            let dicom: Vec<_> =
                listed(&data.join("dicom"))?.into_iter().filter(|path| is_dicom(path)).collect();
            if fhir.is_empty() || dicom.is_empty() {
                bail!(
                    "{} has no FHIR Bundle of a patient in `fhir/`, or no DICOM file in `dicom/`",
                    data.display()
                );
            }
            Ok(Files { fhir, dicom: dicom.into_iter().take(DEMO_FILES_MAX).collect() })
        }
        None => {
            chartmesh_kit::sample::write(work, 7).context("cannot write the built-in sample")?;
            let fhir = listed(&work.join("fhir"))?;
            let dicom = listed(&work.join("dicom"))?;
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

/// Whether a file is DICOM as far as its head goes; a licence beside the images is not.
fn is_dicom(path: &Path) -> bool {
    use std::io::Read;
    let mut head = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .is_ok_and(|_| chartmesh_node::dicom::parse_head(&head).is_ok())
}

fn listed(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    Ok(files)
}
