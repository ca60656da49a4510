//! The engine: discrete events, virtual time, one seed.

use crate::result::{Outcome, TraceSink, Watcher};
use crate::run::RunError;
use crate::scenario::Scenario;

pub(crate) fn run(
    _scenario: &Scenario,
    _seed: u64,
    _watcher: &mut dyn Watcher,
    _trace: &mut dyn TraceSink,
) -> Result<Outcome, RunError> {
    Err(RunError::Setup("the engine is being built".into()))
}
