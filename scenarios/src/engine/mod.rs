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
//! The peers are the node's own code. What is modelled is what stands around it: links by latency, loss and
//! bandwidth; machines that come and go; disks whose syncs take time and that lose what was not synced.
//! Every choice by chance comes from a stream of its own ([`chance`]), so equal scenario and seed give an
//! equal trace, on any platform and in any build.

pub(crate) mod chance;
mod costs;
mod disk;
mod doors;
mod exchange;
mod faults;
mod greeting;
mod heal;
mod hostile;
mod links;
mod machine;
mod pulls;
mod queue;
mod setup;
pub(crate) mod tracer;

pub(crate) use machine::Machine;
pub use queue::empty_events;

use crate::measure::{Ending, Measures};
use crate::people::People;
use crate::places::Places;
use crate::result::{Cost, Outcome, PartyRow, Progress, TraceKind, TraceSink, Watcher};
use crate::run::RunError;
use crate::scenario::Scenario;
use crate::watch::{Seen, Watch};
use chance::Chance;
use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::{NodeId, ObjectId, PartyId, TransferId};
use chartmesh_protocol::message::MessageId;
use chartmesh_protocol::peer::{CheckedMessage, Effect, Event, RequestId, View};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::store::Shared;
use exchange::Flow;
use links::Links;
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;
use tracer::Tracer;

/// Time between two ticks of a machine at least, as the node has it.
const TICK_PAUSE_US: u64 = 20_000;
/// Faults of a disk in a row after which a node stops, as the node has it.
const DISK_FAULTS_MAX: u32 = 3;

/// What everybody can see: the machines and the time.
pub(crate) struct Stage {
    pub(crate) now_us: u64,
    pub(crate) machines: Vec<Machine>,
    pub(crate) by_party: BTreeMap<PartyId, u32>,
    pub(crate) by_node: BTreeMap<NodeId, u32>,
    /// Pairs of sets between which no message passes, by the number of the event that made them.
    pub(crate) cuts: BTreeMap<usize, faults::Cut>,
}

/// What is to happen.
pub(crate) enum Task {
    /// A peer wants to be called.
    Tick {
        at: u32,
        epoch: u32,
    },
    /// A commit is durable: its effects, and what follows.
    Durable {
        at: u32,
        epoch: u32,
        effects: Vec<Effect>,
        then: Then,
    },
    /// A connection stands.
    Greeting {
        from: u32,
        epoch: u32,
        target: u32,
    },
    /// A greeting came to nothing.
    NotGreeted {
        from: u32,
        epoch: u32,
        target: u32,
    },
    HelloArrives {
        from: u32,
        epoch: u32,
        target: u32,
        target_epoch: u32,
        bytes: Vec<u8>,
    },
    WelcomeArrives {
        from: u32,
        epoch: u32,
        target: u32,
        bytes: Vec<u8>,
    },
    MessageArrives {
        flow: Flow,
        message: Result<Box<CheckedMessage>, DecodeError>,
        first: bool,
    },
    OutcomeArrives {
        flow: Flow,
        bytes: Vec<u8>,
    },
    /// A sender gives up waiting for an outcome.
    Unknown(Flow),
    /// A pull is to be tried.
    Pull {
        at: u32,
        epoch: u32,
        id: TransferId,
    },
    PullAsked {
        at: u32,
        epoch: u32,
        holder: u32,
        holder_epoch: u32,
        id: TransferId,
    },
    PullBroke {
        at: u32,
        epoch: u32,
        id: TransferId,
    },
    PullArrives {
        at: u32,
        epoch: u32,
        holder: u32,
        id: TransferId,
        object: ObjectId,
        served_us: u64,
        answer: Result<Vec<u8>, Refusal>,
    },
    /// A machine that comes and goes is switched; `life` counts its starts by chance.
    Switch {
        at: u32,
        on: bool,
    },
    /// An event of the scenario begins, or ends.
    Happen {
        event: usize,
        begins: bool,
    },
    /// A party turns dishonest.
    Turn(usize),
    /// Somebody does something.
    People(u64),
    /// A step of the time series is over.
    Step,
}

/// What follows once a commit is durable.
pub(crate) enum Then {
    Nothing,
    /// The answer to our `hello` was taken in.
    Greeted(u32),
    /// What became of a message was taken in.
    Delivered(PartyId),
    /// A message was handled.
    Received(Flow),
}

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
    checkers: Option<crate::check::Checkers>,
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

/// Runs a scenario.
pub(crate) fn run(
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
            stage: Stage {
                now_us: 0,
                machines: Vec::new(),
                by_party: BTreeMap::new(),
                by_node: BTreeMap::new(),
                cuts: BTreeMap::new(),
            },
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

    fn take(&mut self, task: Task) {
        self.events += 1;
        if self.healing && heal::is_over(&task) {
            return;
        }
        match task {
            Task::Tick { at, epoch } if self.is_at(at, epoch) => self.tick(at),
            Task::Durable { at, epoch, effects, then } if self.is_at(at, epoch) => {
                self.durable(at, effects, then);
            }
            Task::Greeting { from, epoch, target } if self.is_at(from, epoch) => {
                self.greeting(from, target);
            }
            Task::NotGreeted { from, epoch, target } if self.is_at(from, epoch) => {
                self.greeted(from, target, false);
            }
            Task::HelloArrives { from, epoch, target, target_epoch, bytes } => {
                self.hello_arrives(from, epoch, target, target_epoch, &bytes);
            }
            Task::WelcomeArrives { from, epoch, target, bytes } if self.is_at(from, epoch) => {
                self.welcome_arrives(from, target, &bytes);
            }
            Task::MessageArrives { flow, message, first } => {
                self.message_arrives(flow, message, first);
            }
            Task::OutcomeArrives { flow, bytes } if self.is_at(flow.from, flow.from_epoch) => {
                self.outcome_arrives(flow, bytes);
            }
            Task::Unknown(flow) if self.is_at(flow.from, flow.from_epoch) => self.unknown(flow),
            Task::Pull { at, epoch, id } if self.is_at(at, epoch) => self.pull(at, id),
            Task::PullAsked { at, epoch, holder, holder_epoch, id } => {
                if self.is_at(holder, holder_epoch) {
                    self.pull_asked(at, epoch, holder, id);
                } else {
                    let at_us = self.stage.now_us + 10_000_000;
                    self.queue.plan(at_us, Task::PullBroke { at, epoch, id });
                }
            }
            Task::PullBroke { at, epoch, id } if self.is_at(at, epoch) => self.pull_again(at, id),
            Task::PullArrives { at, epoch, holder, id, object, served_us, answer }
                if self.is_at(at, epoch) =>
            {
                self.pull_arrives(at, holder, id, object, (served_us, answer));
            }
            Task::Switch { at, on } => self.comes_or_goes(at, on),
            Task::Happen { event, begins } => self.happen(event, begins),
            Task::Turn(number) => self.turn(number),
            Task::People(tag) => self.people(|people, doors| people.due(tag, doors)),
            Task::Step => {
                self.see(&Seen::Step);
                let next = self.stage.now_us + self.scenario.measure.every.micros();
                self.queue.plan(next, Task::Step);
            }
            // It was for a machine that has started anew, or is off.
            _ => {}
        }
    }

    /// The patients by the first bytes of their ids: relay, and who has the record.
    pub(crate) fn patients(&self) -> impl Iterator<Item = (u64, (u32, BTreeSet<u32>))> {
        let known = self.people.iter().flat_map(|people| &people.patients);
        known.map(|patient| {
            let holders = patient.enrolled.iter().copied().collect();
            (crate::watch::short(patient.id), (patient.relay, holders))
        })
    }

    /// The patients, as those around them know them.
    pub(crate) fn everybody(&self) -> &[crate::people::Patient] {
        self.people.as_ref().map_or(&[], |people| &people.patients)
    }

    /// When the scenario began.
    pub(crate) const fn begin_us(&self) -> u64 {
        self.begin_us
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

    fn tick(&mut self, at: u32) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        if machine.tick_us != Some(now_us) {
            // An earlier one was planned since, and has looked.
            return;
        }
        machine.tick_us = None;
        let now = machine.clock(now_us).0;
        let later = machine.due.split_off(&(now + 1));
        let is_due = !machine.due.is_empty();
        machine.due = later;
        if is_due {
            self.handle(at, Event::Tick, "tick", Then::Nothing);
        }
        self.plan_tick(at);
    }

    /// A peer wants to be called when its clock shows `time`.
    fn wake_at(&mut self, at: u32, time: u64) {
        let machine = self.machine(at);
        machine.due.insert(time);
        if machine.due.len() > 1024 {
            machine.due.pop_last();
        }
        self.plan_tick(at);
    }

    fn plan_tick(&mut self, at: u32) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let Some(first) = machine.due.first() else { return };
        // Its clock shows the millisecond from its begin on.
        let at_us = machine.when(*first).max(now_us + TICK_PAUSE_US);
        if machine.tick_us.is_none_or(|planned| at_us < planned) {
            machine.tick_us = Some(at_us);
            let epoch = machine.epoch;
            self.queue.plan(at_us, Task::Tick { at, epoch });
        }
    }

    /// Has a peer handle an event; its effects follow once that is durable.
    fn handle(&mut self, at: u32, event: Event, name: &'static str, then: Then) {
        let now_us = self.stage.now_us;
        let message = match &event {
            Event::Message { message, .. } => Some(message.envelope().id),
            _ => None,
        };
        let waiting = match &event {
            Event::Message { request, .. } | Event::Hello { request, .. } => Some(*request),
            _ => None,
        };
        let watched = self.watch_message(&event);
        let begun = Instant::now();
        let machine = self.machine(at);
        let now = machine.clock(now_us);
        let handled =
            machine.party.peer.handle(now, event, &mut machine.disk, &mut machine.party.rng);
        *self.cpu.entry(feature(name)).or_default() += begun.elapsed().as_secs_f64();
        let Ok(effects) = handled else {
            if let Some(waiting) = waiting {
                self.unanswered(at, waiting);
            }
            return self.disk_failed(at);
        };
        if let (Some(message), Some((from, checked))) = (message, watched) {
            self.saw_handled((from, at, message), &checked, &effects);
        }
        let quiet = self.quiet;
        let machine = self.machine(at);
        machine.faults = 0;
        let sync_us = if quiet { 0 } else { machine.sync_us() };
        let durable_us = machine.disk.commit(now_us, sync_us);
        let epoch = machine.epoch;
        if !quiet && self.crashes_after_commit(at) {
            return self.crash_around(at, durable_us);
        }
        // Once time runs everything is told in its own turn, also of disks that take none: people who ask are
        // not there to be answered before they have asked.
        if quiet && durable_us == now_us {
            self.durable(at, effects, then);
        } else {
            self.queue.plan(durable_us, Task::Durable { at, epoch, effects, then });
        }
    }

    /// Storage refused: the event is dropped, and after some in a row the node stops.
    fn disk_failed(&mut self, at: u32) {
        self.fire("disk-full", at);
        let machine = self.machine(at);
        machine.disk.abort();
        machine.faults += 1;
        if machine.faults >= DISK_FAULTS_MAX {
            self.switch(at, false);
        }
    }

    fn durable(&mut self, at: u32, effects: Vec<Effect>, then: Then) {
        let epoch = self.machine(at).epoch;
        for effect in effects {
            self.perform(at, effect);
        }
        if !self.is_at(at, epoch) {
            return;
        }
        match then {
            Then::Nothing => {}
            Then::Greeted(target) => self.greeted(at, target, true),
            Then::Delivered(to) => self.delivered(at, to),
            Then::Received(flow) => {
                let Flow { from, name, patient, about, .. } = flow;
                self.trace(TraceKind::Received, at, from, |row| {
                    (row.what, row.id, row.patient) = (name, flow.id, patient);
                });
                self.people(|people, doors| people.received(at, name, patient, about, doors));
            }
        }
    }

    fn perform(&mut self, at: u32, effect: Effect) {
        match effect {
            Effect::Answer { request, answer } => self.answered(request, answer),
            Effect::Reply { request, bytes } => self.reply(at, request, bytes),
            Effect::Greet { to } => {
                if let Some(target) = self.stage.by_party.get(&to).copied() {
                    let open = self.session(at, target).is_some_and(|s| s.theirs.is_some());
                    if !open {
                        self.greet(at, target, greeting::Errand::Nothing);
                    }
                }
            }
            Effect::Deliver { to } => self.deliver(at, to),
            Effect::Gate { node, open: true } => {
                self.machine(at).party.gates.insert(node);
            }
            Effect::Gate { node, open: false } => {
                self.machine(at).party.gates.remove(&node);
                if let Some(other) = self.stage.by_node.get(&node).copied() {
                    self.machine(at).sessions.remove(&other);
                }
            }
            Effect::Pull { id } => {
                if self.machine(at).pulls.insert(id, 0).is_none() {
                    self.pull(at, id);
                }
            }
            // The transfer's row is gone, and whoever takes the task up looks.
            Effect::Stop { .. } => {}
            Effect::Drop { object } => self.drop_object(at, object),
            Effect::WakeAt(time) => self.wake_at(at, time.0),
        }
    }

    fn answered(&mut self, request: RequestId, answer: Result<Box<View>, Refusal>) {
        let Some((tag, name, at)) = self.doors.remove(&request.0) else { return };
        let end = if answer.is_ok() { "done" } else { "refused" };
        self.trace(TraceKind::Answered, at, crate::result::NOBODY, |row| {
            (row.what, row.id, row.end) = (name, request.0, end);
        });
        self.see(&Seen::Answered { party: at, request: request.0, name, answer: &answer });
        self.people(|people, doors| people.answered(tag, at, answer, doors));
    }

    /// Lets people act.
    fn people(&mut self, act: impl FnOnce(&mut People<'a>, &mut Self)) {
        if let Some(mut people) = self.people.take() {
            act(&mut people, self);
            self.people = Some(people);
        }
    }

    /// Lets watchers look.
    pub(crate) fn see(&mut self, seen: &Seen<'_>) {
        if let Some(measures) = &mut self.measures {
            measures.see(&self.stage, seen);
        }
        let Some(checkers) = &mut self.checkers else { return };
        checkers.see(&self.stage, seen);
        for (checker, party) in checkers.fresh() {
            self.trace(TraceKind::Violated, party, crate::result::NOBODY, |row| row.what = checker);
        }
    }

    /// Takes out of a message what watchers will want to see after it was handled.
    fn watch_message(&self, event: &Event) -> Option<(u32, WatchedMessage)> {
        if self.quiet && !self.healing {
            return None;
        }
        let Event::Message { node, message, .. } = event else { return None };
        let from = self.stage.by_node.get(node).copied()?;
        crate::watch::matters(message.body())
            .then(|| (from, WatchedMessage(message.body().clone())))
    }

    fn saw_handled(
        &mut self,
        (from, at, message): (u32, u32, MessageId),
        watched: &WatchedMessage,
        effects: &[Effect],
    ) {
        let outcome = effects.iter().find_map(|effect| match effect {
            Effect::Reply { bytes, .. } => exchange::parse_outcome(bytes),
            _ => None,
        });
        self.see(&Seen::Handled { from, at, message, body: &watched.0, outcome: outcome.as_ref() });
    }

    fn count_bytes(&mut self, name: &'static str, bytes: u64) {
        if let Some(measures) = self.measures.as_mut().filter(|_| !self.quiet) {
            measures.bytes(feature(name), bytes);
        }
    }

    fn finish(mut self, stopped: bool) -> Outcome {
        let simulated_us = self.stage.now_us.saturating_sub(self.begin_us);
        let metrics = match self.measures.take() {
            Some(measures) => measures.end(&self.stage, &Ending::of(&self)),
            None => Vec::new(),
        };
        let (trace_rows, trace_hash) = self.tracer.finish();
        let (events, cpu) = (self.events, core::mem::take(&mut self.cpu));
        if !stopped && self.checkers.is_some() {
            self.heal();
        }
        let violations = match self.checkers.take() {
            Some(checkers) if !stopped => checkers.end(&self),
            Some(checkers) => checkers.found(),
            None => Vec::new(),
        };
        let parties = self.stage.machines.iter().map(|machine| PartyRow {
            name: machine.name.clone(),
            group: machine.group.clone(),
            region: machine.region,
            role: machine.party.peer.role(),
        });
        let expectations = crate::measure::expectations(&self.scenario.expect, &metrics);
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

/// A message's body, kept while it is handled.
struct WatchedMessage(chartmesh_protocol::peer::Body);

/// The feature that a message or command belongs to.
#[must_use]
pub fn feature(name: &'static str) -> &'static str {
    name.split_once('.').map_or(name, |(feature, _)| feature)
}
