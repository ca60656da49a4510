//! The state of a run, and what all that happens in it needs of it.

use super::links::Links;
use super::memory::{Faults, Hostile};
use super::queue::Queue;
use super::task::Task;
use crate::checkers::Checkers;
use crate::result::TraceSink;
use crate::scenario::Scenario;
use crate::stage::{Machine, Stage};
use crate::tier::people::{Patient, People};
use crate::tier::places::Places;
use crate::tier::{Measures, Tracer, short};
use chartmesh_protocol::peer::RequestId;
use chartmesh_protocol::store::Interner;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;

/// A run under way.
pub(crate) struct Engine<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) seed: u64,
    pub(crate) stage: Stage,
    pub(super) queue: Queue<Task>,
    /// What machines' disks have in common.
    pub(super) interner: Interner,
    pub(super) links: Links,
    pub(super) tracer: Tracer<'a>,
    pub(super) requests: u64,
    /// Who waits at a front door: whose tag, what was asked, where.
    pub(super) doors: BTreeMap<u64, (u64, &'static str, u32)>,
    pub(super) places: Rc<Places>,
    pub(super) people: Option<People<'a>>,
    pub(super) measures: Option<Measures>,
    pub(super) checkers: Option<Checkers>,
    pub(super) faults: Faults,
    pub(super) hostile: Hostile,
    /// When the scenario begins: the federation was set up before.
    pub(super) begin_us: u64,
    /// While the federation is set up: links take no time, nothing goes wrong, nothing is traced.
    pub(super) quiet: bool,
    /// After the scenario's end: quiet again, while checkers look on.
    pub(super) healing: bool,
    pub(super) events: u64,
    pub(super) begun: Instant,
    pub(super) cpu: BTreeMap<&'static str, f64>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64, sink: &'a mut dyn TraceSink) -> Self {
        Self {
            scenario,
            seed,
            stage: Stage::default(),
            queue: Queue::new(),
            interner: Interner::new(),
            links: Links::new(scenario, seed),
            tracer: Tracer::new(sink),
            requests: 0,
            doors: BTreeMap::new(),
            places: Rc::new(Places::of(scenario)),
            people: None,
            measures: None,
            checkers: None,
            faults: Faults::new(seed),
            hostile: Hostile::new(seed),
            begin_us: 0,
            quiet: true,
            healing: false,
            events: 0,
            begun: Instant::now(),
            cpu: BTreeMap::new(),
        }
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

    pub(super) fn region(&self, at: u32) -> u32 {
        self.stage.machines[at as usize].region
    }

    /// Whether a machine is on, and has not started anew since.
    pub(super) fn is_at(&self, at: u32, epoch: u32) -> bool {
        let machine = &self.stage.machines[at as usize];
        machine.on && machine.epoch == epoch
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}
