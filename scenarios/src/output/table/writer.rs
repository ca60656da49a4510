//! A table on its way to disk.

use super::cell::Cell;
use super::file::{Written, create, keep};
use super::parquet_file::ParquetTable;
use crate::output::WriteError;
use crate::output::schema::Table;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

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
