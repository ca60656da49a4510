//! What a run leaves behind: tables, plots, the report and the manifest.
//!
//! [`RunFolder::begin`] before the run, the folder as its trace's sink, [`RunFolder::finish`] with its outcome.
//! [`write_sweep`], [`write_comparison`] and [`write_tiers`] tell of many runs, [`RunRead`] is a folder read back,
//! [`Timeline`] its trace for another program's eyes.
//! `docs/RESULTS.md` describes every file; it is made from `schema.rs`.

mod error;
#[cfg(test)]
pub(crate) mod fake;
mod folder;
pub mod format;
mod manifest;
mod plot;
mod read;
mod report;
mod schema;
mod table;
mod timeline;

pub use error::WriteError;
pub use folder::{Leave, RunFolder};
pub use manifest::{
    Cost, Expectation, Fault, FileRow, MANIFEST, Manifest, Mark, Measure, Version, Violation,
};
pub use read::{ReadSample, RunRead};
pub use report::{
    Comparison, SweepReport, TierRow, TierValue, Tiers, WITHIN, tier_rows, write_comparison,
    write_sweep, write_tiers,
};
pub use table::{Formats, ReadRow, read_trace};
pub use timeline::Timeline;
