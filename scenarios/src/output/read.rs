//! A run's folder, read back.

use crate::output::WriteError;
use crate::output::manifest::Manifest;
use crate::result::{NOBODY, Outcome, Sample};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// A run, as its folder tells it.
#[derive(Debug, Clone)]
pub struct RunRead {
    /// What was run, and what came.
    pub manifest: Manifest,
    /// Every value, by its measure's name.
    pub samples: BTreeMap<String, Vec<ReadSample>>,
}

/// A value that was read back; see [`Sample`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadSample {
    /// When what was measured began, in simulated microseconds.
    pub at_us: u64,
    /// The value.
    pub value: f64,
    /// It had not ended.
    pub censored: bool,
    /// At which party, if at a single one.
    pub party: Option<u32>,
    /// A label for splitting.
    pub label: String,
}

impl RunRead {
    /// What a folder would tell of an outcome, without one.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let read = |sample: &Sample| ReadSample {
            at_us: sample.at_us,
            value: sample.value,
            censored: sample.censored,
            party: Some(sample.party).filter(|party| *party != NOBODY),
            label: sample.label.to_owned(),
        };
        let metrics = outcome.metrics.iter();
        let samples = metrics
            .map(|metric| (metric.name.to_owned(), metric.samples.iter().map(read).collect()))
            .collect();
        Self { manifest: Manifest::of(outcome, Vec::new()), samples }
    }

    /// Reads a folder: its manifest, and its samples from whichever form was written.
    ///
    /// # Errors
    /// There is no whole run in the folder, or its samples were not written.
    pub fn read(dir: &Path) -> Result<Self, WriteError> {
        let manifest = Manifest::read(dir)?;
        let parquet = dir.join("samples.parquet");
        let samples = if parquet.exists() {
            from_parquet(&parquet)?
        } else {
            from_csv(&dir.join("samples.csv"))?
        };
        Ok(Self { manifest, samples })
    }
}

fn from_parquet(path: &Path) -> Result<BTreeMap<String, Vec<ReadSample>>, WriteError> {
    let failed = |error: parquet::errors::ParquetError| WriteError::at(path, error);
    let file = File::open(path).map_err(|error| WriteError::at(path, error))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let mut samples: BTreeMap<String, Vec<ReadSample>> = BTreeMap::new();
    for row in reader.get_row_iter(None).map_err(failed)? {
        let (metric, sample) = sample(&row.map_err(failed)?);
        samples.entry(metric).or_default().push(sample);
    }
    Ok(samples)
}

fn sample(row: &Row) -> (String, ReadSample) {
    let (mut metric, mut sample) = (String::new(), ReadSample::default());
    for (name, field) in row.get_column_iter() {
        match (name.as_str(), field) {
            ("metric", Field::Str(text)) => metric.clone_from(text),
            ("at_us", Field::ULong(number)) => sample.at_us = *number,
            ("value", Field::Double(number)) => sample.value = *number,
            ("censored", Field::Bool(flag)) => sample.censored = *flag,
            ("party", Field::ULong(number)) => sample.party = u32::try_from(*number).ok(),
            ("label", Field::Str(text)) => sample.label.clone_from(text),
            _ => {}
        }
    }
    (metric, sample)
}

/// A line of `samples.csv`.
#[derive(serde::Deserialize)]
struct Line {
    metric: String,
    at_us: u64,
    value: f64,
    censored: bool,
    party: Option<u32>,
    label: String,
}

fn from_csv(path: &Path) -> Result<BTreeMap<String, Vec<ReadSample>>, WriteError> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| WriteError::at(path, error))?;
    let mut samples: BTreeMap<String, Vec<ReadSample>> = BTreeMap::new();
    for line in reader.deserialize() {
        let Line { metric, at_us, value, censored, party, label } =
            line.map_err(|error| WriteError::at(path, error))?;
        samples.entry(metric).or_default().push(ReadSample {
            at_us,
            value,
            censored,
            party,
            label,
        });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Formats, Leave, RunFolder, fake};

    #[test]
    fn samples_come_back_from_either_form() {
        let (outcome, _) = fake::outcome(3);
        let read = |csv: bool| {
            let dir = tempfile::tempdir().unwrap();
            let form = Formats { csv, parquet: !csv };
            let leave = Leave { tables: form, trace: form, report: false, png: false };
            RunFolder::begin(dir.path(), leave).unwrap().finish(&outcome, "").unwrap();
            RunRead::read(dir.path()).unwrap()
        };
        let (from_csv, from_parquet) = (read(true), read(false));
        assert_eq!(from_csv.samples, from_parquet.samples);
        for metric in outcome.metrics.iter().filter(|metric| !metric.samples.is_empty()) {
            let read = &from_csv.samples[metric.name];
            assert_eq!(read.len(), metric.samples.len());
            assert!(
                read.iter().zip(&metric.samples).all(|(read, sample)| read.value == sample.value
                    && read.label == sample.label
                    && read.censored == sample.censored)
            );
        }
    }
}
