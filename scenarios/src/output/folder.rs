//! A run's folder.

use crate::output::WriteError;
use crate::output::manifest::{FileRow, MANIFEST, Manifest};
use crate::output::report;
use crate::output::table::{self, Formats, TraceFile, Written};
use crate::result::{Outcome, TraceRow, TraceSink};
use std::path::{Path, PathBuf};

/// What a run leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct Leave {
    /// Its tables.
    pub tables: Formats,
    /// Its trace, which is by far the largest.
    pub trace: Formats,
    /// The report and its plots.
    pub report: bool,
    /// The plots as PNG, too.
    pub png: bool,
}

impl Default for Leave {
    /// All tables both ways, the trace as Parquet, report and plots.
    fn default() -> Self {
        let both = Formats { csv: true, parquet: true };
        Self { tables: both, trace: Formats { csv: false, parquet: true }, report: true, png: true }
    }
}

/// A folder that a run writes into. The manifest comes last: a folder that has one is whole, and a run that was stopped
/// leaves a whole one, too, which says so.
pub struct RunFolder {
    dir: PathBuf,
    leave: Leave,
    trace: TraceFile,
}

impl RunFolder {
    /// Makes the folder, or takes one over: its manifest goes first, so that nobody takes a mixture for a run.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(dir: &Path, leave: Leave) -> Result<Self, WriteError> {
        std::fs::create_dir_all(dir).map_err(|error| WriteError::at(dir, error))?;
        let manifest = dir.join(MANIFEST);
        match std::fs::remove_file(&manifest) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(WriteError::at(&manifest, error));
            }
            _ => {}
        }
        let trace = TraceFile::create(dir, leave.trace)?;
        Ok(Self { dir: dir.to_owned(), leave, trace })
    }

    /// Writes everything, the manifest last. `again` is the command that runs it again, as the report says it.
    ///
    /// # Errors
    /// A file cannot be written, or could not while the trace came.
    pub fn finish(self, outcome: &Outcome, again: &str) -> Result<Manifest, WriteError> {
        let (dir, tables) = (&self.dir, self.leave.tables);
        let mut written = table::summary(dir, tables, outcome)?;
        written.extend(table::series(dir, tables, outcome)?);
        written.extend(table::samples(dir, tables, outcome)?);
        written.extend(table::parties(dir, tables, outcome)?);
        written.extend(table::marks(dir, tables, outcome)?);
        written.extend(table::faults(dir, tables, outcome)?);
        written.extend(table::violations(dir, tables, outcome)?);
        written.extend(self.trace.finish()?);
        let mut files: Vec<FileRow> =
            written.into_iter().map(|file| row(dir, &file)).collect::<Result<_, _>>()?;
        if self.leave.report {
            for file in report::write(dir, outcome, again, self.leave.png)? {
                files.push(row(dir, &file)?);
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let manifest = Manifest::of(outcome, files);
        table::write_whole(&dir.join(MANIFEST), manifest.to_json().as_bytes())?;
        Ok(manifest)
    }
}

impl TraceSink for RunFolder {
    fn row(&mut self, row: &TraceRow) {
        self.trace.row(row);
    }
}

fn row(dir: &Path, file: &Written) -> Result<FileRow, WriteError> {
    let bytes =
        std::fs::metadata(&file.path).map_err(|error| WriteError::at(&file.path, error))?.len();
    let path = file.path.strip_prefix(dir).unwrap_or(&file.path);
    Ok(FileRow { path: path.display().to_string(), bytes, rows: file.rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{fake, read_trace, schema};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use std::fs::File;

    /// A run's folder, as a run writes it; kept where `KEEP_RUN` says, for people to look at.
    fn folder() -> (tempfile::TempDir, PathBuf, Outcome, Vec<TraceRow>, Manifest) {
        let temporary = tempfile::tempdir().unwrap();
        let dir = std::env::var_os("KEEP_RUN")
            .map_or_else(|| temporary.path().join("run"), PathBuf::from);
        let (outcome, trace) = fake::outcome(1);
        let leave = Leave { png: std::env::var_os("KEEP_RUN").is_some(), ..Leave::default() };
        let mut folder = RunFolder::begin(&dir, leave).unwrap();
        for row in &trace {
            folder.row(row);
        }
        let manifest =
            folder.finish(&outcome, "chartmesh sim run north.toml --seed 1 --out run").unwrap();
        (temporary, dir, outcome, trace, manifest)
    }

    #[test]
    fn a_run_can_be_repeated_from_its_manifest_alone() {
        let (_temporary, dir, outcome, _, manifest) = folder();
        let read = Manifest::read(&dir).unwrap();
        assert_eq!(read, manifest);
        assert_eq!((read.scenario, read.seed), (outcome.scenario, outcome.seed));
        assert_eq!(read.trace_hash, outcome.trace_hash);
        for file in &manifest.files {
            assert_eq!(
                std::fs::metadata(dir.join(&file.path)).unwrap().len(),
                file.bytes,
                "{}",
                file.path
            );
        }
        assert!(
            std::fs::read_dir(&dir)
                .unwrap()
                .all(|file| { !file.unwrap().file_name().to_string_lossy().ends_with(".partial") })
        );
    }

    #[test]
    fn both_forms_of_a_table_hold_the_same() {
        let (_temporary, dir, ..) = folder();
        for table in schema::TABLES.iter().filter(|table| !["trace", "sweep"].contains(&table.name))
        {
            let file = File::open(dir.join(format!("{}.parquet", table.name))).unwrap();
            let parquet = SerializedFileReader::new(file).unwrap();
            let metadata = parquet.metadata().file_metadata().key_value_metadata().unwrap().clone();
            assert!(metadata.iter().any(|pair| pair.key == "chartmesh.columns"
                && pair.value.as_ref().unwrap().contains(table.columns[0].doc)));
            let mut csv = csv::Reader::from_path(dir.join(format!("{}.csv", table.name))).unwrap();
            assert!(
                csv.headers().unwrap().iter().eq(table.columns.iter().map(|column| column.name))
            );
            let mut rows = csv.into_records();
            for row in parquet.get_row_iter(None).unwrap() {
                let (row, line) = (row.unwrap(), rows.next().unwrap().unwrap());
                for ((_, field), text) in row.get_column_iter().zip(&line) {
                    let field = match field {
                        Field::Null => String::new(),
                        Field::ULong(number) => number.to_string(),
                        Field::Double(number) => number.to_string(),
                        Field::Bool(flag) => flag.to_string(),
                        Field::Str(text) => text.clone(),
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(field, text, "{}", table.name);
                }
            }
            assert!(rows.next().is_none(), "{}", table.name);
        }
    }

    #[test]
    fn a_trace_is_read_back_row_by_row_and_by_time() {
        let (_temporary, dir, _, trace, _) = folder();
        let path = dir.join("trace.parquet");
        let mut read = Vec::new();
        read_trace(&path, &(0..=u64::MAX), |row| {
            read.push(row);
            true
        })
        .unwrap();
        assert_eq!(read.len(), trace.len());
        for (read, written) in read.iter().zip(&trace) {
            assert_eq!(
                (read.at_us, read.kind.as_str(), read.what.as_str()),
                (written.at_us, written.kind.name(), written.what)
            );
            assert_eq!(
                (read.party, read.id, read.end.as_str()),
                (Some(written.party).filter(|p| *p != u32::MAX), written.id, written.end)
            );
        }
        let (from, until) = (trace[9000].at_us, trace[9100].at_us);
        let within = read.iter().filter(|row| (from..=until).contains(&row.at_us)).count();
        let mut count = 0;
        read_trace(&path, &(from..=until), |_| {
            count += 1;
            true
        })
        .unwrap();
        assert_eq!(count, within);
    }

    #[test]
    fn a_folder_without_its_manifest_is_not_taken_for_a_run() {
        let (_temporary, dir, ..) = folder();
        let _begun = RunFolder::begin(&dir, Leave::default()).unwrap();
        let error = Manifest::read(&dir).unwrap_err().to_string();
        assert!(error.contains("manifest.json"), "{error}");
    }

    #[test]
    fn equal_outcomes_leave_equal_files() {
        let ((_one, a, _, _, manifest), (_two, b, ..)) = (folder(), folder());
        for file in &manifest.files {
            assert_eq!(
                std::fs::read(a.join(&file.path)).unwrap(),
                std::fs::read(b.join(&file.path)).unwrap(),
                "{}",
                file.path
            );
        }
    }

    /// The whole road: a real run, small, and its folder; kept where `KEEP_REAL_RUN` says.
    #[test]
    fn a_real_run_leaves_its_hash_and_every_row_of_its_trace() {
        struct Quiet;
        impl crate::result::Watcher for Quiet {
            fn progress(&mut self, _: &crate::result::Progress) -> bool {
                true
            }
        }
        let temporary = tempfile::tempdir().unwrap();
        let dir = std::env::var_os("KEEP_REAL_RUN")
            .map_or_else(|| temporary.path().join("run"), PathBuf::from);
        let scenario: crate::scenario::Scenario = toml::from_str(fake::SMALL).unwrap();
        let leave = Leave { png: false, ..Leave::default() };
        let mut folder = RunFolder::begin(&dir, leave).unwrap();
        let outcome = crate::run(&scenario, 7, &mut Quiet, &mut folder).unwrap();
        let manifest = folder.finish(&outcome, "chartmesh sim run small.toml --seed 7").unwrap();
        let read = Manifest::read(&dir).unwrap();
        assert_eq!(
            (read.trace_hash.as_str(), read.scenario),
            (outcome.trace_hash.as_str(), scenario)
        );
        let trace = manifest.files.iter().find(|file| file.path == "trace.parquet").unwrap();
        assert_eq!(trace.rows, Some(outcome.trace_rows));
        assert!(outcome.trace_rows > 0);
    }
}
