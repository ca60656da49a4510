//! A scenario file on whole nodes: the same people, lives and measures as in the core tier, so that what differs is
//! what stands for the machines.
//!
//! ```text
//!  scenario ──> able ──> Stack ──> notes of the drivers' witnesses ──> measures, people
//!                          ^                                                    │
//!                          └────────────── doors: what people do ───────────────┘
//! ```

mod able;
mod doors;
mod ground;
mod happen;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::time::Instant;

use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Policy;
use chartmesh_scenarios::result::{
    Cost, Fired, Mark, Outcome, PartyRow, Progress, RunError, TraceKind, TraceRow, TraceSink,
    Watcher,
};
use chartmesh_scenarios::scenario::Scenario;
use chartmesh_scenarios::tier::people::{Doors as _, People};
use chartmesh_scenarios::tier::places::Places;
use chartmesh_scenarios::tier::{
    self, Chance, Ending, Measures, Seen, Tracer, feature, patient_of, request_of, short,
};
use tokio::sync::mpsc;

use crate::internet::Region;
use crate::node::Who;
use crate::seen::{Handled, Note, Noted, result};
use crate::stack::Stack;
use ground::{Ground, micros, stamp};

/// Why a scenario does not run on whole nodes.
#[derive(Debug)]
pub enum Unable {
    /// Keys that this tier cannot honour, each with the reason.
    Keys(Vec<String>),
    /// It cannot be run as it is, in no tier.
    Run(RunError),
}

impl std::fmt::Display for Unable {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys(keys) => write!(to, "whole nodes cannot do: {}", keys.join("; ")),
            Self::Run(error) => error.fmt(to),
        }
    }
}

impl std::error::Error for Unable {}

impl From<RunError> for Unable {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

/// What is to happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    People(u64),
    /// A machine that comes and goes is switched.
    Switch {
        at: u32,
        on: bool,
    },
    /// Whoever calls a machine that went off hears nothing any more.
    Unplug {
        at: u32,
    },
    Happen {
        event: usize,
        begins: bool,
    },
    /// A step of the time series is over.
    Step,
}

/// What stands while people act: nodes, what is known of them, and who counts.
struct Floor<'a> {
    scenario: &'a Scenario,
    stack: Stack,
    ground: Ground,
    /// By time, then in the order in which it was planned.
    tasks: BinaryHeap<Reverse<(u64, u64, Task)>>,
    planned: u64,
    notes: mpsc::UnboundedSender<Note>,
    noted: mpsc::UnboundedReceiver<Note>,
    words: BTreeMap<PartyId, String>,
    measures: Option<Measures>,
    tracer: Tracer<'a>,
    begin_us: u64,
}

/// A run under way.
struct Run<'a> {
    floor: Floor<'a>,
    people: People<'a>,
    seed: u64,
    lives: Vec<Chance>,
    /// Messages whose outcome is not known yet, by sender, receiver and number.
    under_way: BTreeMap<(u32, PartyId, u64), Sent>,
    /// Bytes of everything that was counted by feature, and what the wires had carried at the begin.
    counted: u64,
    carried: u64,
    events: u64,
    fired: BTreeMap<&'static str, u64>,
    marks: BTreeMap<usize, Mark>,
    begun: Instant,
}

/// What its sender's conclusion does not say of a message.
#[derive(Clone, Copy)]
struct Sent {
    name: &'static str,
    handled: (u32, chartmesh_protocol::message::MessageId),
    since_ms: u64,
    patient: u64,
    about: Option<chartmesh_protocol::id::ConsentId>,
}

const fn who(at: u32) -> Who {
    Who(at as usize)
}

/// Runs a scenario on whole nodes.
///
/// # Errors
/// [`Unable`].
pub fn run(
    scenario: &Scenario,
    seed: u64,
    watcher: &mut dyn Watcher,
    trace: &mut dyn TraceSink,
) -> Result<Outcome, Unable> {
    let refused = able::refused(scenario);
    if !refused.is_empty() {
        return Err(Unable::Keys(refused));
    }
    let begun = Instant::now();
    let places = Rc::new(Places::of(scenario));
    let floor = Floor::new(scenario, seed, &places, trace);
    let mut run = Run {
        floor,
        people: People::new(scenario, seed, Rc::clone(&places)),
        seed,
        lives: places
            .machines
            .iter()
            .map(|place| tier::born(seed, &place.name, &place.traits).0)
            .collect(),
        under_way: BTreeMap::new(),
        counted: 0,
        carried: 0,
        events: 0,
        fired: BTreeMap::new(),
        marks: BTreeMap::new(),
        begun,
    };
    run.set_up(watcher)?;
    run.begin();
    let stopped = !run.go(watcher);
    Ok(run.finish(stopped))
}

impl<'a> Floor<'a> {
    fn new(
        scenario: &'a Scenario,
        seed: u64,
        places: &Rc<Places>,
        trace: &'a mut dyn TraceSink,
    ) -> Self {
        let mut stack = Stack::new(seed, able::links(scenario, false));
        let policy = Policy {
            retry_ms_min: scenario.policy.retry_first.millis(),
            retry_ms_max: scenario.policy.retry_longest.millis(),
        };
        for place in &places.machines {
            stack.add_with(place.role, &place.name, Region(place.region as usize), policy);
        }
        let all = || 0..u32::try_from(places.machines.len()).expect("the file bounds the counts");
        let ids: Vec<PartyId> = all().map(|at| stack.id(who(at))).collect();
        let (notes, noted) = mpsc::unbounded_channel();
        stack.note(notes.clone());
        let ground = Ground {
            now_us: 0,
            places: Rc::clone(places),
            by_node: all().map(|at| (stack.node(who(at)), at)).collect(),
            on: vec![true; ids.len()],
            ids,
            stored: Vec::new(),
            isolated: BTreeMap::new(),
        };
        Self {
            scenario,
            stack,
            ground,
            tasks: BinaryHeap::new(),
            planned: 0,
            notes,
            noted,
            words: BTreeMap::new(),
            measures: None,
            tracer: Tracer::new(trace),
            begin_us: 0,
        }
    }

    fn plan(&mut self, at_us: u64, task: Task) {
        self.planned += 1;
        self.tasks.push(Reverse((at_us.max(self.ground.now_us), self.planned, task)));
    }

    fn look_at_the_clock(&mut self) {
        self.ground.now_us = micros(self.stack.now());
    }

    fn see(&mut self, seen: &Seen<'_>) {
        if let Some(measures) = &mut self.measures {
            measures.see(&self.ground, seen);
        }
    }

    fn trace(&mut self, kind: TraceKind, party: u32, other: u32, fill: impl FnOnce(&mut TraceRow)) {
        let at_us = self.ground.now_us - self.begin_us;
        let mut row = TraceRow::new(at_us, kind, party, other);
        fill(&mut row);
        self.tracer.row(&row);
    }
}

impl Run<'_> {
    fn set_up(&mut self, watcher: &mut dyn Watcher) -> Result<(), RunError> {
        self.tell(watcher, "founding");
        self.people.found(&mut self.floor)?;
        for (number, newcomer) in self.people.newcomers().into_iter().enumerate() {
            self.people.enrol_now(newcomer, &mut self.floor)?;
            if number.is_multiple_of(16) {
                self.tell(watcher, "enrolling");
            }
        }
        self.floor.settle();
        self.floor.step();
        self.floor.stack.relink(able::links(self.floor.scenario, true));
        Ok(())
    }

    fn begin(&mut self) {
        let begin_us = self.floor.ground.now_us;
        let scenario = self.floor.scenario;
        self.floor.begin_us = begin_us;
        for (event, planned) in scenario.events.iter().enumerate() {
            let at_us = begin_us + planned.at.micros();
            self.floor.plan(at_us, Task::Happen { event, begins: true });
        }
        for at in 0..u32::try_from(self.lives.len()).expect("the file bounds the counts") {
            let traits = self.floor.ground.places.at(at).traits.clone();
            if let Some((on, after_us)) = tier::begins(&mut self.lives[at as usize], &traits) {
                if !on {
                    self.switch(at, false);
                }
                self.floor.plan(begin_us + after_us, Task::Switch { at, on: !on });
            }
        }
        self.people.begin(&mut self.floor);
        let patients = self.people.patients.iter().map(|patient| {
            (short(patient.id), (patient.relay, patient.enrolled.iter().copied().collect()))
        });
        self.floor.measures = Some(Measures::new(scenario, begin_us, patients));
        self.floor.plan(begin_us + scenario.measure.every.micros(), Task::Step);
        self.carried = self.floor.stack.traffic().bytes;
    }

    /// Lets time run until the end; gives whether nobody stopped it.
    fn go(&mut self, watcher: &mut dyn Watcher) -> bool {
        let end_us = self.floor.begin_us + self.floor.scenario.duration.micros();
        let mut told = Instant::now();
        loop {
            if told.elapsed().as_millis() >= 100 {
                told = Instant::now();
                if !self.tell(watcher, "running") {
                    return false;
                }
            }
            let next_us = self.floor.tasks.peek().map_or(end_us, |Reverse((at_us, ..))| *at_us);
            let until = stamp(next_us.min(end_us));
            let note = self.floor.stack.next_note(until, &mut self.floor.noted);
            self.events += 1;
            match note {
                Some(note) => {
                    self.floor.ground.now_us = self.floor.ground.now_us.max(micros(note.at));
                    self.take(note.what);
                }
                None if next_us > end_us || self.floor.tasks.is_empty() => break,
                None => {
                    self.floor.look_at_the_clock();
                    if let Some(Reverse((_, _, task))) = self.floor.tasks.pop() {
                        self.perform(task);
                    }
                }
            }
        }
        self.floor.look_at_the_clock();
        self.tell(watcher, "running")
    }

    fn tell(&self, watcher: &mut dyn Watcher, phase: &'static str) -> bool {
        watcher.progress(&Progress {
            simulated_us: self.floor.ground.now_us.saturating_sub(self.floor.begin_us),
            duration_us: self.floor.scenario.duration.micros(),
            wall_s: self.begun.elapsed().as_secs_f64(),
            events: self.events,
            phase,
        })
    }

    fn count(&mut self, feature: &'static str, bytes: u64) {
        self.counted += bytes;
        if let Some(measures) = &mut self.floor.measures {
            measures.bytes(feature, bytes);
        }
    }

    /// What the wires carried besides what was counted by feature: connections, greetings, streams' headers, pings.
    fn count_transport(&mut self) {
        let carried = self.floor.stack.traffic().bytes;
        let other = (carried - self.carried).saturating_sub(self.counted);
        (self.carried, self.counted) = (carried, 0);
        if let Some(measures) = &mut self.floor.measures {
            measures.bytes("transport", other);
        }
    }

    fn take(&mut self, what: Noted) {
        match what {
            Noted::Answered { by, tag, name, answer } => {
                let at = u32::try_from(by).expect("the file bounds the counts");
                let end = if answer.is_ok() { "done" } else { "refused" };
                self.floor.trace(TraceKind::Answered, at, u32::MAX, |row| {
                    (row.what, row.id, row.end) = (name, tag, end);
                });
                self.floor.see(&Seen::Answered { party: at, request: tag, name, answer: &answer });
                self.people.answered(tag, at, answer, &mut self.floor);
            }
            Noted::Handled(handled) => self.handled(&handled),
            Noted::Concluded { by, to, number, outcome } => {
                let by = u32::try_from(by).expect("the file bounds the counts");
                self.concluded(by, to, number, &outcome);
            }
            Noted::Pulled { bytes } => self.count("pull", bytes),
        }
    }

    fn handled(&mut self, handled: &Handled) {
        let at = u32::try_from(handled.by).expect("the file bounds the counts");
        let Some(from) = self.floor.ground.by_node.get(&handled.from).copied() else { return };
        let (body, name) = (&handled.body, handled.body.name());
        let (patient, about) = (patient_of(body), request_of(body));
        self.count(feature(name), handled.bytes);
        if let Some(measures) = &mut self.floor.measures {
            measures.left(&self.floor.ground, (from, at), feature(name), handled.bytes);
        }
        let (message, since_ms) = (handled.id, handled.since.0);
        let sent = Sent { name, handled: (at, message), since_ms, patient, about };
        self.under_way.insert((from, handled.to, message.number), sent);
        self.floor.trace(TraceKind::Received, at, from, |row| {
            (row.what, row.patient, row.bytes) = (name, patient, handled.bytes);
        });
        if tier::matters(body) {
            let outcome = handled.outcome.as_ref();
            self.floor.see(&Seen::Handled { from, at, message, body, outcome });
        }
        self.people.received(at, name, patient, about, &mut self.floor);
    }

    fn concluded(&mut self, by: u32, to: PartyId, number: u64, outcome: &[u8]) {
        let Some(sent) = self.under_way.remove(&(by, to, number)) else { return };
        let came = result(outcome);
        self.count(feature(sent.name), outcome.len() as u64);
        let end = match &came {
            Some(OutcomeResult::Done(_)) => "done",
            Some(OutcomeResult::Refused(_)) => "refused",
            Some(OutcomeResult::OutOfOrder(_)) => "out-of-order",
            None => "malformed",
        };
        self.floor.trace(TraceKind::Concluded, by, sent.handled.0, |row| {
            (row.what, row.patient, row.end) = (sent.name, sent.patient, end);
        });
        self.floor.see(&Seen::Concluded {
            from: by,
            message: Some(sent.handled.1),
            name: sent.name,
            since_ms: sent.since_ms,
            outcome: came.as_ref(),
            request: sent.about,
        });
    }

    fn finish(mut self, stopped: bool) -> Outcome {
        self.count_transport();
        let floor = &mut self.floor;
        let simulated_us = floor.ground.now_us.saturating_sub(floor.begin_us);
        let stores = (0..floor.ground.ids.len()).map(|at| floor.stack.store_bytes_of(Who(at)));
        floor.ground.stored = stores.map(|bytes| bytes as u64).collect();
        let measures = floor.measures.take().expect("it began");
        let metrics = measures.end(&floor.ground, &Ending::default());
        let (trace_rows, trace_hash) = floor.tracer.finish();
        let parties = floor.ground.places.machines.iter().map(|place| PartyRow {
            name: place.name.clone(),
            group: place.group.clone(),
            region: place.region,
            role: place.role,
        });
        let fired = self.fired.iter().map(|(fault, times)| Fired { fault, times: *times });
        let marks = self.marks.values().cloned();
        Outcome {
            tier: "stack",
            scenario: floor.scenario.clone(),
            seed: self.seed,
            stand_ins: chartmesh_protocol::STAND_INS,
            simulated_us,
            stopped,
            trace_hash,
            trace_rows,
            events: self.events,
            parties: parties.collect(),
            expectations: tier::expectations(&floor.scenario.expect, &metrics),
            metrics,
            faults: fired.collect(),
            marks: marks.collect(),
            violations: Vec::new(),
            cost: Cost { wall_s: self.begun.elapsed().as_secs_f64(), cpu_s: Vec::new() },
        }
    }
}
