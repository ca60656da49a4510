//! `chartmesh demo`: the whole road once, on this machine, between four node processes.
//!
//! Two hospitals, a patient relay and a backup provider run as processes of their own, each with its
//! own data directory; each knows only the invite or code that it was given. Every step says what
//! happens and who may now read what, and fails the demo when it did not do what it says.

mod deciding;
mod files;
mod founding;
mod holding;
mod process;
mod records;
mod refusing;
mod rogue;
mod standing;
mod story;
mod tell;

use std::path::PathBuf;

use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};

/// Walk through the whole road on this machine: four nodes, real records, real refusals
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh demo\n  chartmesh demo --data ./my-data --keep")]
pub(crate) struct Args {
    /// Where the four nodes keep their data [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Real records in place of the built-in sample: a folder with `fhir/` and `dicom/`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Leave the four nodes running at the end, and say how to talk to each
    #[arg(long)]
    keep: bool,
    /// Size in MiB of the object whose transfer is interrupted
    #[arg(long, value_name = "MIB", default_value_t = 192, value_parser = clap::value_parser!(u64).range(64..=4096))]
    interrupt_mib: u64,
}

impl Args {
    pub(crate) async fn run(self, _: &Context) -> Outcome {
        story::walk(&self).await.map_err(|error| Failure::new(Exit::Failed, format!("{error:#}")))
    }
}
