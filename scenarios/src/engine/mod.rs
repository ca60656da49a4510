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
mod orders;
mod pulls;
mod queue;
mod setup;
mod task;
mod watching;

pub use queue::empty_events;

use crate::check::Checkers;
use crate::result::{Cost, Outcome, PartyRow, Progress, RunError, TraceSink, Watcher};
use crate::scenario::Scenario;
use crate::stage::{Machine, Stage};
use crate::tier::people::{Patient, People};
use crate::tier::places::Places;
use crate::tier::{Measures, Tracer, expectations, short};
use chartmesh_protocol::peer::RequestId;
use chartmesh_protocol::store::Shared;
use links::Links;
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;
use task::{Task, Then};

/// A run under way.
pub(crate) struct Engine<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) seed: u64,
    pub(crate) stage: Stage,
    queue: Queue<Task>,
    /// What machines' disks have in common.
    shared: Shared,
    links: Links,
    tracer: Tracer<'a>,
    requests: u64,
    /// Who waits at a front door: whose tag, what was asked, where.
    doors: BTreeMap<u64, (u64, &'static str, u32)>,
    places: Rc<Places>,
    people: Option<People<'a>>,
    measures: Option<Measures>,
    checkers: Option<Checkers>,
    faults: faults::Faults,
    hostile: hostile::Hostile,
    /// When the scenario begins: the federation was set up before.
    begin_us: u64,
    /// While the federation is set up: links take no time, nothing goes wrong, nothing is traced.
    quiet: bool,
    /// After the scenario's end: quiet again, while checkers look on.
    healing: bool,
    events: u64,
    begun: Instant,
    cpu: BTreeMap<&'static str, f64>,
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
    let mut engine = Engine::new(scenario, seed, trace);
    let went_on = engine.set_up(watcher)?;
    let stopped = !went_on || !engine.run_to_the_end(watcher);
    Ok(engine.finish(stopped))
}

impl<'a> Engine<'a> {
    fn new(scenario: &'a Scenario, seed: u64, sink: &'a mut dyn TraceSink) -> Self {
        Self {
            scenario,
            seed,
            stage: Stage::default(),
            queue: Queue::new(),
            shared: Shared::new(),
            links: Links::new(scenario, seed),
            tracer: Tracer::new(sink),
            requests: 0,
            doors: BTreeMap::new(),
            places: Rc::new(Places::of(scenario)),
            people: None,
            measures: None,
            checkers: None,
            faults: faults::Faults::new(seed),
            hostile: hostile::Hostile::new(seed),
            begin_us: 0,
            quiet: true,
            healing: false,
            events: 0,
            begun: Instant::now(),
            cpu: BTreeMap::new(),
        }
    }

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

    /// The patients by the first bytes of their ids: relay, and who has the record.
    pub(crate) fn patients(&self) -> impl Iterator<Item = (u64, (u32, BTreeSet<u32>))> {
        let known = self.people.iter().flat_map(|people| &people.patients);
        known.map(|patient| {
            let holders = patient.enrolled.iter().copied().collect();
            (short(patient.id), (patient.relay, holders))
        })
    }

    /// The patients, as those around them know them.
    pub(crate) fn everybody(&self) -> &[Patient] {
        self.people.as_ref().map_or(&[], |people| &people.patients)
    }

    pub(crate) fn machine(&mut self, at: u32) -> &mut Machine {
        &mut self.stage.machines[at as usize]
    }

    fn region(&self, at: u32) -> u32 {
        self.stage.machines[at as usize].region
    }

    /// Whether a machine is on, and has not started anew since.
    fn is_at(&self, at: u32, epoch: u32) -> bool {
        let machine = &self.stage.machines[at as usize];
        machine.on && machine.epoch == epoch
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
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
