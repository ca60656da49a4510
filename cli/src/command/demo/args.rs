//! What the demo is told.

use std::path::PathBuf;

/// Walk through the whole road on this machine: four nodes, real records, real refusals
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh demo\n  chartmesh demo --data ./my-data --keep")]
pub(crate) struct Args {
    /// Where the four nodes keep their data [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// Real records in place of the built-in sample: a folder with `fhir/` and `dicom/`
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Leave the four nodes running at the end, and say how to talk to each
    #[arg(long)]
    pub(super) keep: bool,
    /// Size in MiB of the object whose transfer is interrupted
    #[arg(long, value_name = "MIB", default_value_t = 192, value_parser = clap::value_parser!(u64).range(64..=4096))]
    pub(super) interrupt_mib: u64,
}
