//! The trace: written while the run goes, read back by those who follow something through it.

use super::cell::Cell;
use super::file::Written;
use super::writer::{Formats, TableWriter};
use crate::output::WriteError;
use crate::output::schema;
use crate::result::{NOBODY, TraceRow, TraceSink};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::record::{Field, Row};
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;

/// The trace on its way to disk; only one row group is in memory.
pub(in crate::output) struct TraceFile {
    writer: TableWriter,
    /// The first thing that went wrong: a sink cannot say so when it happens.
    failed: Option<WriteError>,
}

impl TraceFile {
    pub(in crate::output) fn create(dir: &Path, formats: Formats) -> Result<Self, WriteError> {
        Ok(Self { writer: TableWriter::create(dir, &schema::TRACE, formats)?, failed: None })
    }

    pub(in crate::output) fn finish(self) -> Result<Vec<Written>, WriteError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.writer.finish(),
        }
    }
}

impl TraceSink for TraceFile {
    fn row(&mut self, row: &TraceRow) {
        if self.failed.is_some() {
            return;
        }
        let party = |party: u32| Cell::party((party != NOBODY).then_some(party));
        let word = |word: &'static str| if word.is_empty() { Cell::None } else { Cell::Word(word) };
        let written = self.writer.row(&[
            Cell::Whole(row.at_us),
            Cell::Word(row.kind.name()),
            party(row.party),
            party(row.other),
            word(row.what),
            Cell::Whole(row.id),
            Cell::Whole(row.patient),
            Cell::Whole(row.bytes),
            word(row.end),
        ]);
        self.failed = written.err();
    }
}

/// A row of the trace as it was read back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadRow {
    /// Simulated microseconds.
    pub at_us: u64,
    /// What happened, as [`TraceKind::name`](crate::result::TraceKind::name) says it.
    pub kind: String,
    /// At which party.
    pub party: Option<u32>,
    /// The other party.
    pub other: Option<u32>,
    /// What it was about; may be empty.
    pub what: String,
    /// What can be followed; 0 for nothing.
    pub id: u64,
    /// The patient concerned; 0 for none.
    pub patient: u64,
    /// Bytes on the wire, or written.
    pub bytes: u64,
    /// How it ended; may be empty.
    pub end: String,
}

/// Reads a trace's rows of a time, in order, until `row` gives false. Row groups of other times are not read.
///
/// # Errors
/// The file cannot be read, or is no trace.
pub fn read_trace(
    path: &Path,
    at_us: &RangeInclusive<u64>,
    mut row: impl FnMut(ReadRow) -> bool,
) -> Result<(), WriteError> {
    let failed = |error: parquet::errors::ParquetError| WriteError::at(path, error);
    let file = File::open(path).map_err(|error| WriteError::at(path, error))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    for group in 0..reader.num_row_groups() {
        let metadata = reader.metadata().row_group(group);
        if metadata.column(0).statistics().is_some_and(|times| is_elsewhere(times, at_us)) {
            continue;
        }
        let group = reader.get_row_group(group).map_err(failed)?;
        for read in group.get_row_iter(None).map_err(failed)? {
            let read = from_parquet(&read.map_err(failed)?);
            if at_us.contains(&read.at_us) && !row(read) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn is_elsewhere(times: &Statistics, at_us: &RangeInclusive<u64>) -> bool {
    let Statistics::Int64(times) = times else { return false };
    let before = times.max_opt().is_some_and(|max| max.cast_unsigned() < *at_us.start());
    let after = times.min_opt().is_some_and(|min| min.cast_unsigned() > *at_us.end());
    before || after
}

fn from_parquet(read: &Row) -> ReadRow {
    let mut row = ReadRow::default();
    let party = |number: u64| u32::try_from(number).ok();
    for (name, field) in read.get_column_iter() {
        match (name.as_str(), field) {
            ("at_us", Field::ULong(number)) => row.at_us = *number,
            ("kind", Field::Str(text)) => row.kind.clone_from(text),
            ("party", Field::ULong(number)) => row.party = party(*number),
            ("other", Field::ULong(number)) => row.other = party(*number),
            ("what", Field::Str(text)) => row.what.clone_from(text),
            ("id", Field::ULong(number)) => row.id = *number,
            ("patient", Field::ULong(number)) => row.patient = *number,
            ("bytes", Field::ULong(number)) => row.bytes = *number,
            ("end", Field::Str(text)) => row.end.clone_from(text),
            _ => {}
        }
    }
    row
}
