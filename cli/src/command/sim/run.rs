//! One run.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chartmesh_scenarios::output::{Formats, Leave, MANIFEST, Manifest, RunFolder};
use chartmesh_scenarios::result::{TraceSink, Unwatched};
use clap::ValueEnum;

use super::program::{CALLED, STAND_INS, with_stand_ins};
use super::progress::Watch;
use super::shell::{folder, quoted_path};
use super::show;
use super::subject::FileArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;

/// Run a scenario once
///
/// The same scenario, seed and version give the same trace, byte for byte, by the tier `core`. Ends with 10 when a checker
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
    /// By what it is run
    #[arg(long, value_enum, default_value_t = By::Core)]
    tier: By,
}

/// By what a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// The protocol alone, under virtual time and over modelled links
    Core,
    /// Processes of this program, in real time, through a relay that adds the links' delay and loss.
    /// Small scenarios only, and nothing repeats to the byte; keys that it cannot honour are refused
    #[cfg(feature = "simulator")]
    Process,
}

impl Args {
    pub(super) fn run(self, out: Output, stop: &AtomicBool) -> Outcome {
        #[cfg(feature = "simulator")]
        if self.fast && self.tier == By::Process {
            let text = "nodes have no stand-ins for cryptography: --fast is for the tier `core`";
            return Err(Failure::usage(text));
        }
        with_stand_ins(self.fast || STAND_INS)?;
        let scenario = self.file.scenario()?;
        #[cfg(feature = "simulator")]
        if self.tier == By::Process {
            honoured(&scenario)?;
        }
        let mut kept = match &self.out {
            Some(dir) => {
                free(dir, self.replace)?;
                Some(RunFolder::begin(dir, self.leave()).map_err(|error| folder(&error))?)
            }
            None => None,
        };
        let sink: &mut dyn TraceSink = match &mut kept {
            Some(kept) => kept,
            None => &mut Unwatched,
        };
        let outcome = {
            let mut watch = Watch::new(out, stop);
            match self.tier {
                By::Core => chartmesh_scenarios::run(&scenario, self.seed, &mut watch, sink)
                    .map_err(|error| error.to_string()),
                #[cfg(feature = "simulator")]
                By::Process => {
                    let program = std::env::current_exe();
                    let program = program.map_err(|error| {
                        Failure::new(Exit::Failed, format!("cannot find this program: {error}"))
                    })?;
                    let dir = self.out.as_deref();
                    chartmesh_processes::run(&program, &scenario, self.seed, dir, &mut watch, sink)
                        .map_err(|error| format!("{error:#}"))
                }
            }
        };
        let outcome = outcome.map_err(|error| Failure::new(Exit::Failed, error))?;
        let mut again = self.file.again(self.seed, self.fast);
        if self.tier != By::Core {
            again += " --tier process";
        }
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
            _ if self.tier != By::Core => {
                format!(
                    "see whether it fails by the tier `core`: {}",
                    again.replace(" --tier process", "")
                )
            }
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

/// Refuses a scenario with keys that processes cannot honour.
#[cfg(feature = "simulator")]
fn honoured(scenario: &chartmesh_scenarios::scenario::Scenario) -> Outcome {
    let found = chartmesh_processes::refused(scenario);
    if found.is_empty() {
        return Ok(());
    }
    let text = format!("processes cannot honour this scenario:\n  {}", found.join("\n  "));
    Err(Failure::usage(text).next("change these keys, or run it by the tier `core`"))
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
