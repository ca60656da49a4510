//! One run.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chartmesh_scenarios::experiment::NoTrace;
use chartmesh_scenarios::output::{Formats, Leave, MANIFEST, Manifest, RunFolder};
use chartmesh_scenarios::result::TraceSink;

use super::progress::Watch;
use super::subject::FileArgs;
use super::{CALLED, STAND_INS, folder, quoted_path, show, with_stand_ins};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;

/// Run a scenario once
///
/// The same scenario, seed and version give the same trace, byte for byte. Ends with 10 when a checker
/// found something or what the scenario expects did not come. Ctrl-C ends the run in order: what is
/// written then is whole, of the time until then, and says so.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chartmesh sim run outage.toml --seed 7 --out outage-7\n  chartmesh sim run outage.toml --set policy.replicas=2 --set duration=3d"
)]
pub(crate) struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// The seed: everything that happens by lot follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write tables, trace, plots, report and manifest into DIR [default: only the screen]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the run that DIR holds
    #[arg(long, requires = "out")]
    replace: bool,
    /// The trace as CSV, too
    #[arg(long, requires = "out")]
    trace_csv: bool,
    /// No trace: it is by far the largest file
    #[arg(long, requires = "out", conflicts_with = "trace_csv")]
    no_trace: bool,
    /// Cheap stand-ins for signatures and ciphers, for very large runs
    #[arg(long)]
    fast: bool,
}

impl Args {
    pub(super) fn run(self, out: Output, stop: &AtomicBool) -> Outcome {
        with_stand_ins(self.fast || STAND_INS)?;
        let scenario = self.file.scenario()?;
        let mut kept = match &self.out {
            Some(dir) => {
                free(dir, self.replace)?;
                Some(RunFolder::begin(dir, self.leave()).map_err(|error| folder(&error))?)
            }
            None => None,
        };
        let sink: &mut dyn TraceSink = match &mut kept {
            Some(kept) => kept,
            None => &mut NoTrace,
        };
        let outcome = {
            let mut watch = Watch::new(out, stop);
            chartmesh_scenarios::run(&scenario, self.seed, &mut watch, sink)
        };
        let outcome = outcome.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let again = self.file.again(self.seed, self.fast);
        let manifest = match kept {
            Some(kept) => kept.finish(&outcome, &again).map_err(|error| folder(&error))?,
            None => Manifest::of(&outcome, Vec::new()),
        };
        if out.json {
            out.json(&serde_json::to_value(&manifest).expect("a manifest is JSON"));
        } else {
            show::outcome(&out, &outcome);
        }
        if let Some(dir) = &self.out {
            out.note(format!("wrote {0}; look at {0}/report.html", dir.display()));
        }
        show::verdict(&outcome, || match &self.out {
            Some(dir) => format!("{CALLED} shrink {}", quoted_path(dir)),
            None => format!(
                "run it again with --out, or make it smaller: {}",
                again.replacen(" run ", " shrink ", 1)
            ),
        })
    }

    fn leave(&self) -> Leave {
        let trace = Formats { csv: self.trace_csv, parquet: !self.no_trace };
        Leave { trace, ..Leave::default() }
    }
}

/// A folder that may be written into: empty or not there, what a run that broke off left, or a run that is to be
/// replaced.
fn free(dir: &Path, replace: bool) -> Outcome {
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(()) };
    let mut entries = entries.flatten().map(|entry| entry.path());
    if entries.all(|path| path.extension().is_some_and(|extension| extension == "partial"))
        || (replace && dir.join(MANIFEST).exists())
    {
        return Ok(());
    }
    let text = format!("{} is there and holds something", dir.display());
    let next = if dir.join(MANIFEST).exists() {
        "name another folder, or take this run's place with --replace"
    } else {
        "name a new folder"
    };
    Err(Failure::new(Exit::State, text).next(next))
}
