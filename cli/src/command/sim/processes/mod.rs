//! The process tier: a scenario in real time, by processes of this very program, through a relay that adds
//! the links' delay and loss.
//!
//! ```text
//!  people (the core tier's own) ──local API──> nodes ──TCP──> relay ──TCP──> nodes
//!        ^                                       │
//!        └── what was handled, answered ──logs───┴──> measures, by the core tier's rules
//! ```
//!
//! What is the core tier's: who there is, what people do and when, what they draw. What is real: the nodes,
//! their stores and transports, the disk, the machine's clock. Nothing repeats to the byte.

mod command;
mod heard;
mod honoured;
mod lane;
mod measures;
mod names;
mod node;
mod owner;
mod relay;
mod run;
mod town;
mod trail;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chartmesh_scenarios::result::{Outcome, TraceSink, Watcher};
use chartmesh_scenarios::scenario::Scenario;
use chartmesh_scenarios::tier::places::Places;

use crate::exit::Failure;

/// Refuses a scenario with keys that processes cannot honour.
pub(super) fn check(scenario: &Scenario) -> crate::exit::Outcome {
    let found = honoured::refused(scenario, Places::of(scenario).machines.len());
    if found.is_empty() {
        return Ok(());
    }
    let text = format!("processes cannot honour this scenario:\n  {}", found.join("\n  "));
    Err(Failure::usage(text).next("change these keys, or run it by the tier `core`"))
}

/// Runs a scenario by processes, in as much time as it lasts. Their logs are kept in `out`, in the folder
/// `logs`; their data are removed, but where a run without `out` failed.
pub(super) fn run(
    scenario: &Scenario,
    seed: u64,
    out: Option<&Path>,
    watcher: &mut dyn Watcher,
    trace: &mut dyn TraceSink,
) -> anyhow::Result<Outcome> {
    let data = temporary_folder()?;
    let logs = out.map_or_else(|| data.join("logs"), |out| out.join("logs"));
    let files = run::Files { data: &data, logs: &logs };
    let ran = run::run(scenario, seed, files, watcher, trace);
    if ran.is_ok() || out.is_some() {
        // A file of a process that was just killed may still come; it is of no use to anybody.
        let _left = std::fs::remove_dir_all(&data);
    }
    ran.with_context(|| format!("the run failed; the nodes' logs are in {}", logs.display()))
}

fn temporary_folder() -> anyhow::Result<PathBuf> {
    let mut name = [0u8; 6];
    chartmesh_node::random(&mut name);
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = std::env::temp_dir().join(format!("chartmesh-sim-{name}"));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
