//! The process tier: a scenario in real time, by processes of the program itself, through a relay that adds
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

/// The keys of a scenario that processes cannot honour, each with why; none when all can be.
#[must_use]
pub fn refused(scenario: &Scenario) -> Vec<String> {
    honoured::refused(scenario, Places::of(scenario).machines.len())
}

/// Runs a scenario by processes of `program`, in as much time as it lasts. Their logs are kept in `out`, in the
/// folder `logs`; their data are removed, but where a run without `out` failed.
///
/// Waits within; call it where a thread of tokio's may be kept busy.
///
/// # Errors
/// What kept the scenario from taking place.
pub fn run(
    program: &Path,
    scenario: &Scenario,
    seed: u64,
    out: Option<&Path>,
    watcher: &mut dyn Watcher,
    trace: &mut dyn TraceSink,
) -> anyhow::Result<Outcome> {
    let data = temporary_folder()?;
    let logs = out.map_or_else(|| data.join("logs"), |out| out.join("logs"));
    let files = run::Files { program, data: &data, logs: &logs };
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
