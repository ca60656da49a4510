//! Writing tables, row by row, as CSV and as Parquet.

mod cell;
mod file;
mod parquet_file;
mod rows;
mod sweep;
mod trace;
mod writer;

pub(super) use file::{Written, create, keep, partial, write_whole};
pub(super) use rows::{faults, labels, marks, parties, samples, series, summary, violations};
pub(super) use sweep::sweep;
pub(super) use trace::TraceFile;
pub use trace::{ReadRow, read_trace};
pub use writer::Formats;
