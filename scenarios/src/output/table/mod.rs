//! Writing tables, row by row, as CSV and as Parquet.

mod parquet_file;
mod rows;
mod sweep;
mod trace;

use parquet_file::ParquetTable;
pub(super) use rows::{faults, labels, marks, parties, samples, series, summary, violations};
pub(super) use sweep::sweep;
pub(super) use trace::TraceFile;
pub use trace::{ReadRow, read_trace};

use crate::output::WriteError;
use crate::output::schema::Table;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// One value of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// Missing.
    None,
    Whole(u64),
    Number(f64),
    Flag(bool),
    Text(&'a str),
    /// A text that lives as long as the program, and so is not copied.
    Word(&'static str),
}

impl Cell<'_> {
    /// A party, or none.
    fn party(party: Option<u32>) -> Self {
        party.map_or(Self::None, |party| Self::Whole(u64::from(party)))
    }

    /// A number, or none.
    pub(super) fn number(number: Option<f64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }
}

/// Which files a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats {
    /// As CSV.
    pub csv: bool,
    /// As Parquet.
    pub parquet: bool,
}

/// A table on its way to disk, under names that end in `.partial` until it is whole.
pub(super) struct TableWriter {
    csv: Option<(csv::Writer<File>, PathBuf)>,
    parquet: Option<(ParquetTable<BufWriter<File>>, PathBuf)>,
    rows: u64,
    line: Vec<String>,
}

/// A file that is whole.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    /// Of a table.
    pub(super) rows: Option<u64>,
}

/// The name of a file until it is whole.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Begins a file that gets its name by [`keep`].
pub(super) fn create(path: &Path) -> Result<File, WriteError> {
    let path = partial(path);
    File::create(&path).map_err(|error| WriteError::at(&path, error))
}

/// Gives a whole file its name.
pub(super) fn keep(path: &Path) -> Result<(), WriteError> {
    std::fs::rename(partial(path), path).map_err(|error| WriteError::at(path, error))
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let at = partial(path);
    std::fs::write(&at, bytes).map_err(|error| WriteError::at(&at, error))?;
    keep(path)
}

impl TableWriter {
    pub(super) fn create(
        dir: &Path,
        table: &'static Table,
        formats: Formats,
    ) -> Result<Self, WriteError> {
        let csv = if formats.csv {
            let path = dir.join(format!("{}.csv", table.name));
            let mut writer = csv::Writer::from_writer(create(&path)?);
            writer
                .write_record(table.columns.iter().map(|column| column.name))
                .map_err(|error| WriteError::at(&path, error))?;
            Some((writer, path))
        } else {
            None
        };
        let parquet = if formats.parquet {
            let path = dir.join(format!("{}.parquet", table.name));
            let file = BufWriter::new(create(&path)?);
            let writer =
                ParquetTable::new(file, table).map_err(|error| WriteError::at(&path, error))?;
            Some((writer, path))
        } else {
            None
        };
        Ok(Self { csv, parquet, rows: 0, line: Vec::new() })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), WriteError> {
        self.rows += 1;
        if let Some((writer, path)) = &mut self.csv {
            self.line.clear();
            self.line.extend(cells.iter().map(|cell| match cell {
                Cell::None => String::new(),
                Cell::Whole(number) => number.to_string(),
                Cell::Number(number) => number.to_string(),
                Cell::Flag(flag) => flag.to_string(),
                Cell::Text(text) => (*text).to_owned(),
                Cell::Word(text) => (*text).to_owned(),
            }));
            writer.write_record(&self.line).map_err(|error| WriteError::at(path, error))?;
        }
        if let Some((writer, path)) = &mut self.parquet {
            writer.row(cells).map_err(|error| WriteError::at(path, error))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<Written>, WriteError> {
        let mut files = Vec::new();
        if let Some((mut writer, path)) = self.csv {
            writer.flush().map_err(|error| WriteError::at(&path, error))?;
            drop(writer);
            keep(&path)?;
            files.push(Written { path, rows: Some(self.rows) });
        }
        if let Some((writer, path)) = self.parquet {
            writer.close().map_err(|error| WriteError::at(&path, error))?;
            keep(&path)?;
            files.push(Written { path, rows: Some(self.rows) });
        }
        Ok(files)
    }
}
