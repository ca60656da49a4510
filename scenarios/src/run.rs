//! Running a scenario.

use crate::result::{Outcome, TraceSink, Watcher};
use crate::scenario::Scenario;

/// The scenario cannot be run as it is, though its file was well formed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A step of founding the federation or enrolling its patients was refused.
    #[error("the federation could not be set up: {0}")]
    Setup(String),
}

/// Runs a scenario with a seed. Equal scenario, seed and version give an equal trace.
///
/// # Errors
/// [`RunError`].
pub fn run(
    scenario: &Scenario,
    seed: u64,
    watcher: &mut dyn Watcher,
    trace: &mut dyn TraceSink,
) -> Result<Outcome, RunError> {
    crate::engine::run(scenario, seed, watcher, trace)
}
