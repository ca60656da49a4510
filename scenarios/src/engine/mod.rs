//! The engine: discrete events, virtual time, one seed.
//!
//! ```text
//!              ┌────────────────────────── queue: what happens when ─────────────────────────────┐
//!              v                                                                                 │
//!   next event ──> Peer::handle on the machine's disk ──> effects, once durable ──> links ───────┤
//!              │                                                                                 │
//!              ├──> people: what patients and staff do next ─────────────────────────────────────┤
//!              └──> watchers: measures and checkers look on, and change nothing        (faults) ─┘
//! ```
//!
//! The peers are the node's own code, and so is what says whom to greet, try or ask when: each machine's
//! [agenda](chartmesh_protocol::agenda). What is modelled is what stands around it: links by latency, loss and
//! bandwidth; machines that come and go; disks whose syncs take time and that lose what was not synced.
//! Every choice by chance comes from a stream of its own ([`Chance`](crate::tier::Chance)), so equal scenario and seed give an
//! equal trace, on any platform and in any build.

mod connections;
mod costs;
mod doors;
mod drive;
mod ending;
mod exchange;
mod faults;
mod greeting;
mod heal;
mod hostile;
mod links;
mod memory;
mod orders;
mod pulls;
mod queue;
mod setup;
mod state;
mod take;
mod task;
mod travel;
mod watching;

pub use queue::empty_events;

use crate::result::{Cost, Outcome, PartyRow, Progress, RunError, TraceSink, Watcher};
use crate::scenario::Scenario;
use crate::tier::expectations;
use state::Engine;
use std::time::Instant;

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
    let mut engine = Engine::new(scenario, seed, trace);
    let went_on = engine.set_up(watcher)?;
    let stopped = !went_on || !engine.run_to_the_end(watcher);
    Ok(engine.finish(stopped))
}

impl Engine<'_> {
    /// Lets time run until the scenario's end; gives whether nobody stopped it.
    fn run_to_the_end(&mut self, watcher: &mut dyn Watcher) -> bool {
        let end_us = self.begin_us + self.scenario.duration.micros();
        let mut told = Instant::now();
        while let Some((at_us, task)) = self.queue.next(end_us) {
            self.stage.now_us = at_us;
            self.take(task);
            if self.events.is_multiple_of(256) && told.elapsed().as_millis() >= 100 {
                told = Instant::now();
                if !self.tell(watcher, "running") {
                    return false;
                }
            }
        }
        self.stage.now_us = end_us;
        self.tell(watcher, "running")
    }

    fn tell(&self, watcher: &mut dyn Watcher, phase: &'static str) -> bool {
        watcher.progress(&Progress {
            simulated_us: self.stage.now_us.saturating_sub(self.begin_us),
            duration_us: self.scenario.duration.micros(),
            wall_s: self.begun.elapsed().as_secs_f64(),
            events: self.events,
            phase,
        })
    }

    fn finish(mut self, stopped: bool) -> Outcome {
        let simulated_us = self.stage.now_us.saturating_sub(self.begin_us);
        let metrics = match self.measures.take() {
            Some(measures) => {
                measures.end(&self.stage, &ending::ending(&self.stage, self.everybody()))
            }
            None => Vec::new(),
        };
        let (trace_rows, trace_hash) = self.tracer.finish();
        let (events, cpu) = (self.events, core::mem::take(&mut self.cpu));
        if !stopped && self.checkers.is_some() {
            self.heal();
        }
        let violations = match self.checkers.take() {
            Some(checkers) if !stopped => checkers.end(&self.stage, self.everybody()),
            Some(checkers) => checkers.found(),
            None => Vec::new(),
        };
        let parties = self.stage.machines.iter().map(|machine| PartyRow {
            name: machine.name.clone(),
            group: machine.group.clone(),
            region: machine.region,
            role: machine.party.peer.role(),
        });
        let expectations = expectations(&self.scenario.expect, &metrics);
        Outcome {
            tier: "core",
            scenario: self.scenario.clone(),
            seed: self.seed,
            stand_ins: chartmesh_protocol::STAND_INS,
            simulated_us,
            stopped,
            trace_hash,
            trace_rows,
            events,
            parties: parties.collect(),
            metrics,
            faults: self.faults.fired(),
            marks: self.faults.marks(simulated_us),
            violations,
            expectations,
            cost: Cost {
                wall_s: self.begun.elapsed().as_secs_f64(),
                cpu_s: cpu.into_iter().collect(),
            },
        }
    }
}
