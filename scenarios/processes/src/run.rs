//! A run: processes start, the federation is founded, the scenario takes place, everything ends.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chartmesh_scenarios::result::{
    Cost, Fired, Mark, Outcome, PartyRow, Progress, TraceSink, Watcher,
};
use chartmesh_scenarios::scenario::{Event, Scenario};
use chartmesh_scenarios::tier::people::{Doors as _, People};
use chartmesh_scenarios::tier::places::Places;
use chartmesh_scenarios::tier::{expectations, short};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::heard;
use crate::measures::Measures;
use crate::node::{LocalApi, Node, Place, address};
use crate::relay::Relay;
use crate::town::{Answered, Town};
use crate::trail::{Told, What, now_us};

/// Between two looks whether to go on.
const TELL: Duration = Duration::from_millis(100);
/// Between two looks whether a node is connected past the relay.
const CHECK: Duration = Duration::from_secs(2);
/// What the logs had to say before the end may be read a little later.
const TRAILING: Duration = Duration::from_millis(300);

/// What the processes are of, and where they keep what is theirs.
#[derive(Clone, Copy)]
pub(crate) struct Files<'a> {
    /// The program.
    pub(crate) program: &'a Path,
    /// Data folders; removed by whoever made it.
    pub(crate) data: &'a Path,
    /// Their logs.
    pub(crate) logs: &'a Path,
}

/// Runs a scenario, in as much time as it lasts.
pub(crate) fn run(
    scenario: &Scenario,
    seed: u64,
    files: Files<'_>,
    watcher: &mut dyn Watcher,
    trace: &mut dyn TraceSink,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let places = Rc::new(Places::of(scenario));
    let mut run = Run { scenario, watcher, begun, bypassed: Arc::default(), events: 0 };
    run.tell("starting", 0);
    let (telling, told) = unbounded_channel();
    let (nodes, relay) =
        Handle::current().block_on(start(scenario, seed, &places, files, &telling))?;
    drop(telling);
    let measures = Measures::new(scenario.warmup.micros());
    let mut town = Town::new(Rc::clone(&places), (nodes, relay), told, measures);
    let mut people = People::new(scenario, seed, places);
    let mut stopped = !run.set_up(&mut people, &mut town)?;
    let mut passed_us = 0;
    if !stopped {
        (stopped, passed_us) = run.live(&mut people, &mut town)?;
    }
    let bypassed = run.bypassed.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(first) = bypassed.first() {
        bail!("{first}: not all went through the relay, and the result would be too good");
    }
    let outcome = run.outcome(seed, &mut town, stopped, passed_us);
    for row in &town.rows {
        trace.row(row);
    }
    town.runtime.clone().block_on(async {
        for node in town.nodes.drain(..) {
            node.end().await;
        }
    });
    Ok(outcome)
}

/// Opens the relay, and starts every node at once.
async fn start(
    scenario: &Scenario,
    seed: u64,
    places: &Places,
    files: Files<'_>,
    telling: &UnboundedSender<Told>,
) -> anyhow::Result<(Vec<Node>, Relay)> {
    let parties: Vec<(String, usize)> =
        places.machines.iter().map(|place| (place.name.clone(), place.region as usize)).collect();
    let relay = Relay::open(scenario, seed, &parties).await.context("cannot open the relay")?;
    std::fs::create_dir_all(files.logs)?;
    let mut starting = JoinSet::new();
    for (at, place) in places.machines.iter().enumerate() {
        let (name, role, telling) = (place.name.clone(), place.role, telling.clone());
        let program = files.program.to_owned();
        let (root, logs) = (files.data.to_owned(), files.logs.to_owned());
        let door = relay.door(at);
        starting.spawn(async move {
            let place = Place { program: &program, root: &root, logs: &logs, door, at };
            Node::start(place, &name, role, telling).await.map(|node| (at, node))
        });
    }
    let mut nodes = Vec::new();
    while let Some(started) = starting.join_next().await {
        nodes.push(started.context("a task panicked")??);
    }
    nodes.sort_by_key(|(at, _)| *at);
    let nodes: Vec<Node> = nodes.into_iter().map(|(_, node)| node).collect();
    for (at, node) in nodes.iter().enumerate() {
        relay.runs(at, node.listens, node.process);
    }
    Ok((nodes, relay))
}

struct Run<'a, 'w> {
    scenario: &'a Scenario,
    watcher: &'w mut dyn Watcher,
    begun: Instant,
    /// Who was connected past the relay.
    bypassed: Arc<Mutex<Vec<String>>>,
    /// Lines of the trail and answers.
    events: u64,
}

impl Run<'_, '_> {
    /// Gives whether to go on.
    fn tell(&mut self, phase: &'static str, simulated_us: u64) -> bool {
        self.watcher.progress(&Progress {
            simulated_us,
            duration_us: self.scenario.duration.micros(),
            wall_s: self.begun.elapsed().as_secs_f64(),
            events: self.events,
            phase,
        })
    }

    /// Founds and enrols, without delay on the links; gives whether nobody stopped it.
    fn set_up(&mut self, people: &mut People<'_>, town: &mut Town) -> anyhow::Result<bool> {
        if !self.tell("founding", 0) {
            return Ok(false);
        }
        people.found(town)?;
        for newcomer in people.newcomers() {
            if !self.tell("enrolling", 0) {
                return Ok(false);
            }
            people.enrol_now(newcomer, town)?;
            town.settle();
        }
        for patient in &people.patients {
            for hospital in &patient.enrolled {
                town.measures.holds(short(patient.id), *hospital);
            }
        }
        Ok(true)
    }

    /// The scenario takes place. Gives whether somebody stopped it, and the time that passed.
    fn live(&mut self, people: &mut People<'_>, town: &mut Town) -> anyhow::Result<(bool, u64)> {
        town.relay.begin();
        town.measures.begin(town.relay.passed().bytes);
        town.begin_us = now_us();
        town.moment_us = town.begin_us;
        people.begin(town);
        town.moment_us = 0;
        let checking = self.check(town);
        let end_us = town.begin_us + self.scenario.duration.micros();
        let every_us = self.scenario.measure.every.micros().max(1);
        let mut step_us = town.begin_us + every_us;
        let mut events: Vec<(u64, &Event)> = self
            .scenario
            .events
            .iter()
            .map(|event| (town.begin_us + event.at.micros(), event))
            .collect();
        events.sort_by_key(|(at_us, _)| Reverse(*at_us));
        let mut told = Instant::now();
        let (stopped, over_us) = loop {
            let now = now_us();
            while step_us <= now.min(end_us) {
                let wire = town.relay.passed().bytes;
                town.measures.step(town.since_begin(step_us), wire);
                step_us += every_us;
            }
            if now >= end_us {
                break (false, end_us);
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                if !self.tell("running", town.since_begin(now)) {
                    break (true, now);
                }
            }
            let next_event = events.last().map_or(u64::MAX, |(at_us, _)| *at_us);
            let next_timer = town.timers.peek().map_or(u64::MAX, |Reverse((at_us, _))| *at_us);
            if next_event <= now.min(next_timer)
                && let Some((at_us, event)) = events.pop()
            {
                town.moment_us = at_us;
                let meant: BTreeSet<u32> = town.places.meant(&event.target);
                people.happens(event.what, &meant, None, event.share, town);
            } else if next_timer <= now
                && let Some(Reverse((at_us, tag))) = town.timers.pop()
            {
                town.moment_us = at_us;
                people.due(tag, town);
            } else {
                let until_us = next_event.min(next_timer).min(step_us).min(end_us);
                let wait = Duration::from_micros(until_us.saturating_sub(now)).min(TELL);
                if let Some(happened) = next(town, wait) {
                    self.take(happened, people, town)?;
                }
            }
            town.moment_us = 0;
        };
        let trailing = Instant::now();
        while !stopped && let Some(left) = TRAILING.checked_sub(trailing.elapsed()) {
            match next(town, left) {
                Some(Happened::Told(told)) if told.when_us <= over_us => {
                    heard::trail(told, people, town)
                }
                _ => {}
            }
        }
        checking.abort();
        let passed_us = town.since_begin(over_us);
        let _last: () = town.runtime.clone().block_on(async {
            for node in &town.nodes {
                look_past(&node.name, &node.api, &town.relay, &self.bypassed).await;
            }
        });
        Ok((stopped, passed_us))
    }

    /// Looks from time to time whether any node is connected past the relay.
    fn check(&self, town: &Town) -> tokio::task::JoinHandle<()> {
        let apis: Vec<(String, LocalApi)> =
            town.nodes.iter().map(|node| (node.name.clone(), node.api.clone())).collect();
        let (relay, bypassed) = (town.relay.clone(), Arc::clone(&self.bypassed));
        town.runtime.spawn(async move {
            loop {
                for (name, api) in &apis {
                    look_past(name, api, &relay, &bypassed).await;
                }
                tokio::time::sleep(CHECK).await;
            }
        })
    }

    fn take(
        &mut self,
        happened: Happened,
        people: &mut People<'_>,
        town: &mut Town,
    ) -> anyhow::Result<()> {
        self.events += 1;
        match happened {
            Happened::Told(Told { at, when_us, what: What::Ended }) => {
                // Ctrl-C reaches the nodes, too; whoever watches is asked first.
                std::thread::sleep(TELL * 2);
                if self.tell("running", town.since_begin(when_us)) {
                    bail!("the node of {} ended; its log says why", town.nodes[at].name);
                }
            }
            Happened::Told(told) => heard::trail(told, people, town),
            Happened::Answered(answered) => heard::answered(answered, people, town),
        }
        Ok(())
    }

    fn outcome(&mut self, seed: u64, town: &mut Town, stopped: bool, passed_us: u64) -> Outcome {
        town.rows.sort_by_key(|row| row.at_us);
        let none = Measures::new(0);
        let metrics = std::mem::replace(&mut town.measures, none).end(passed_us);
        let expectations = expectations(&self.scenario.expect, &metrics);
        let passed = town.relay.passed();
        let parties = town.places.machines.iter().map(|place| PartyRow {
            name: place.name.clone(),
            group: place.group.clone(),
            region: place.region,
            role: place.role,
        });
        let marks = self.scenario.events.iter().enumerate().map(|(event, happening)| Mark {
            what: format!("revoke {}", happening.target),
            event,
            from_us: happening.at.micros(),
            until_us: happening.at.micros(),
        });
        Outcome {
            scenario: self.scenario.clone(),
            seed,
            tier: "process",
            stand_ins: false,
            simulated_us: passed_us,
            stopped,
            trace_hash: String::new(),
            trace_rows: town.rows.len() as u64,
            events: self.events,
            parties: parties.collect(),
            metrics,
            faults: vec![
                Fired { fault: "loss", times: passed.lost },
                // Such as a dial that was given up before it was looked at.
                Fired { fault: "unknown-caller", times: passed.strangers },
            ],
            marks: marks.filter(|mark| mark.from_us <= passed_us).collect(),
            violations: Vec::new(),
            expectations,
            cost: Cost { wall_s: self.begun.elapsed().as_secs_f64(), cpu_s: Vec::new() },
        }
    }
}

enum Happened {
    Told(Told),
    Answered(Answered),
}

/// The next that the logs or the front doors tell, within some time.
fn next(town: &mut Town, wait: Duration) -> Option<Happened> {
    let runtime = town.runtime.clone();
    runtime.block_on(async {
        tokio::select! {
            Some(told) = town.told.recv() => Some(Happened::Told(told)),
            Some(answered) = town.answers.recv() => Some(Happened::Answered(answered)),
            () = tokio::time::sleep(wait) => None,
        }
    })
}

/// Notes a node's connections that do not lead to the relay.
async fn look_past(name: &str, api: &LocalApi, relay: &Relay, bypassed: &Mutex<Vec<String>>) {
    // A node that does not answer is noticed elsewhere.
    for end in api.far_ends().await.unwrap_or_default() {
        if !address(&end).is_some_and(|end| relay.is_ours(end)) {
            let said = format!("{name} is connected to {end}");
            bypassed.lock().unwrap_or_else(PoisonError::into_inner).push(said);
        }
    }
}
