//! Before time runs: machines are made, the federation is founded, patients enrol. All of it goes through
//! the same peers and messages as later; only links take no time and nothing goes wrong.

use super::machine::Machine;
use super::{Chance, Engine, Task};
use crate::check::Checkers;
use crate::measure::Measures;
use crate::party::Party;
use crate::people::People;
use crate::result::Watcher;
use crate::run::RunError;
use crate::scenario::{Machine as Traits, Nat};
use chartmesh_protocol::federation;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::{Command, Event, Policy, View};
use chartmesh_protocol::refusal::Refusal;
use std::collections::BTreeMap;

/// The step by which time moves on while the federation is set up.
const STEP_US: u64 = 1_000_000;

/// Hospitals and their relays, for enrolling patients.
pub(super) struct Places {
    /// Hospitals with their groups' numbers.
    pub(super) hospitals: Vec<(u32, usize)>,
    pub(super) providers: Vec<u32>,
    /// Relays by hospital.
    pub(super) relays: BTreeMap<u32, Vec<u32>>,
}

impl Engine<'_> {
    /// Sets the federation up; gives whether nobody stopped it.
    pub(super) fn set_up(&mut self, watcher: &mut dyn Watcher) -> Result<bool, RunError> {
        let places = self.place();
        if !self.tell(watcher, "founding") {
            return Ok(false);
        }
        self.found(&places)?;
        let mut people = People::new(self, &places.hospitals, &places.providers, &places.relays);
        for (hospital, group) in places.hospitals.clone() {
            let group = &self.scenario.hospitals[group];
            for patient in 0..group.patients {
                let relays = &places.relays[&hospital];
                let relay = relays[patient as usize * relays.len() / group.patients as usize];
                people.enrol_now(self, hospital, relay, group.entries)?;
                self.settle();
                self.stage.machines[relay as usize].disk.share(&mut self.shared);
                if patient.is_multiple_of(16) && !self.tell(watcher, "enrolling") {
                    return Ok(false);
                }
            }
        }
        for machine in &mut self.stage.machines {
            machine.disk.share(&mut self.shared);
        }
        self.shared.forget_single();
        self.step();
        self.begin(people);
        Ok(true)
    }

    /// Makes the machines.
    fn place(&mut self) -> Places {
        let scenario = self.scenario;
        let mut places =
            Places { hospitals: Vec::new(), providers: Vec::new(), relays: BTreeMap::new() };
        for (number, group) in scenario.hospitals.iter().enumerate() {
            for n in 1..=group.count {
                let name = format!("{}-{n}", group.id);
                let hospital =
                    self.add(Role::Hospital, &name, &group.id, &group.region, &group.machine);
                places.hospitals.push((hospital, number));
            }
        }
        for group in &scenario.providers {
            for n in 1..=group.count {
                let name = format!("{}-{n}", group.id);
                let provider =
                    self.add(Role::Backup, &name, &group.id, &group.region, &group.machine);
                places.providers.push(provider);
            }
        }
        let mut numbers = BTreeMap::<&str, u32>::new();
        for (hospital, group) in &places.hospitals {
            let group = &scenario.hospitals[*group];
            let asked = group.relays.as_deref();
            let relays = scenario.relays.iter().find(|relays| Some(relays.id.as_str()) == asked);
            let Some(relays) = relays.or(scenario.relays.first()) else {
                places.relays.insert(*hospital, Vec::new());
                continue;
            };
            let region = relays.region.clone().unwrap_or_else(|| group.region.clone());
            let count = group.patients.div_ceil(relays.patients_each.max(1)).max(1);
            let mut here = Vec::new();
            for _ in 0..count {
                let n = numbers.entry(&relays.id).or_default();
                *n += 1;
                let name = format!("{}-{n}", relays.id);
                here.push(self.add(Role::Patient, &name, &relays.id, &region, &relays.machine));
            }
            places.relays.insert(*hospital, here);
        }
        places
    }

    fn add(&mut self, role: Role, name: &str, group: &str, region: &str, traits: &Traits) -> u32 {
        let at = u32::try_from(self.stage.machines.len()).expect("the file bounds the counts");
        let region = self.scenario.regions.iter().position(|place| place.id == region);
        let mut life = Chance::of(self.seed, name, "life");
        let policy = Policy {
            retry_ms_min: self.scenario.policy.retry_first.millis(),
            retry_ms_max: self.scenario.policy.retry_longest.millis(),
        };
        let party = Party::named(self.seed, name, role, policy);
        let skew = i64::try_from(traits.clock_skew.millis()).unwrap_or(0);
        #[expect(clippy::cast_possible_truncation, reason = "between -skew and skew")]
        let skew_ms = ((2.0 * life.unit() - 1.0) * skew as f64) as i64;
        let callable = callable(&traits.nat, life.unit());
        let mut machine = Machine {
            name: name.to_owned(),
            group: group.to_owned(),
            region: u32::try_from(region.unwrap_or(0)).expect("regions are few"),
            party,
            disk: super::disk::Disk::default(),
            traits: traits.clone(),
            on: true,
            destroyed: false,
            epoch: 0,
            skew_ms,
            callable: true,
            hostile: std::collections::BTreeSet::new(),
            sessions: BTreeMap::new(),
            greeting: BTreeMap::new(),
            delivering: BTreeMap::new(),
            pulls: BTreeMap::new(),
            due: std::collections::BTreeSet::new(),
            tick_us: None,
            line_free_us: 0,
            faults: 0,
            replying: BTreeMap::new(),
            life,
        };
        let now = machine.clock(self.stage.now_us);
        machine.party.peer.start(&mut machine.disk, now).expect("memory does not fail");
        machine.disk.commit(self.stage.now_us, 0);
        self.stage.by_party.insert(machine.party.peer.me(), at);
        self.stage.by_node.insert(machine.party.peer.node(), at);
        machine.traits.nat = Nat::default();
        // Set up first; what is not callable is so from the scenario's begin.
        machine.callable = callable;
        self.stage.machines.push(machine);
        at
    }

    /// Founds the federation: first members until the threshold, then the others by two sponsors' word.
    fn found(&mut self, places: &Places) -> Result<(), RunError> {
        let threshold = self.scenario.federation.threshold;
        let hospitals = places.hospitals.iter().map(|(hospital, _)| *hospital);
        let members: Vec<u32> = hospitals.chain(places.providers.iter().copied()).collect();
        let (first, others) =
            members.split_first().ok_or_else(|| RunError::Setup("there is no hospital".into()))?;
        let create = federation::Command::Create { name: self.scenario.name.clone(), threshold };
        self.do_now(*first, Command::Federation(create))?;
        for (joined, member) in others.iter().enumerate() {
            let addresses = vec!["/memory".into()];
            let invite = federation::Command::Invite { valid_ms: None, addresses };
            let code = match self.do_now(*first, Command::Federation(invite))? {
                View::Code(code) => code.code,
                _ => return Err(RunError::Setup("no invite was made".into())),
            };
            self.do_now(*member, Command::Federation(federation::Command::Join { code }))?;
            self.settle();
            let party = self.machine(*member).party.peer.me();
            let sponsors = if joined + 1 < usize::from(threshold) { 1 } else { threshold.into() };
            for sponsor in members.iter().take(sponsors) {
                let admit = federation::Command::Admit { party };
                self.do_now(*sponsor, Command::Federation(admit))?;
                self.settle();
            }
            self.step();
        }
        Ok(())
    }

    /// Asks a front door while the federation is set up, and gives the answer.
    pub(crate) fn do_now(&mut self, at: u32, command: Command) -> Result<View, RunError> {
        let patient = None;
        self.ask_now(at, command, patient).map_err(|refusal| {
            let name = &self.stage.machines[at as usize].name;
            RunError::Setup(format!("{name} refused: {refusal}"))
        })
    }

    /// [`Engine::do_now`], for a patient's relay.
    pub(crate) fn ask_now(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<chartmesh_protocol::id::PartyId>,
    ) -> Result<View, Refusal> {
        let request = self.request();
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let keys = patient.and_then(|patient| machine.party.unlocked.get(&patient).cloned());
        let event = Event::Command { request, command: Box::new(command), keys };
        let now = machine.clock(now_us);
        let effects = machine
            .party
            .peer
            .handle(now, event, &mut machine.disk, &mut machine.party.rng)
            .expect("memory does not fail");
        machine.disk.commit(now_us, 0);
        let mut answered = None;
        for effect in effects {
            match effect {
                chartmesh_protocol::peer::Effect::Answer { request: of, answer }
                    if of == request =>
                {
                    answered = Some(answer);
                }
                other => self.perform(at, other),
            }
        }
        answered.expect("a command is answered at once").map(|view| *view)
    }

    /// Works until nothing is left to do at this time.
    pub(crate) fn settle(&mut self) {
        let now_us = self.stage.now_us;
        while let Some((_, task)) = self.queue.next(now_us) {
            self.take(task);
        }
    }

    /// Lets a moment pass.
    fn step(&mut self) {
        let end_us = self.stage.now_us + STEP_US;
        while let Some((at_us, task)) = self.queue.next(end_us) {
            self.stage.now_us = at_us;
            self.take(task);
        }
        self.stage.now_us = end_us;
    }

    /// The scenario begins.
    fn begin(&mut self, mut people: People) {
        let begin_us = self.stage.now_us;
        self.begin_us = begin_us;
        self.quiet = false;
        self.events = 0;
        self.cpu.clear();
        for (number, event) in self.scenario.events.iter().enumerate() {
            let at_us = begin_us + event.at.micros();
            self.queue.plan(at_us, Task::Happen { event: number, begins: true });
        }
        for (number, hostile) in self.scenario.hostile.iter().enumerate() {
            self.queue.plan(begin_us + hostile.from.micros(), Task::Turn(number));
        }
        for at in 0..self.stage.machines.len() {
            let at = u32::try_from(at).expect("the file bounds the counts");
            let machine = self.machine(at);
            machine.disk.capacity = machine.traits.disk.map(|size| size.bytes());
            if let Some((up, down, _)) = machine.comes_and_goes() {
                // Somewhere within its life: as long on and off as it is on the whole.
                let (on_us, off_us) = (machine.life.span(&up), machine.life.span(&down));
                let total = (on_us + off_us).max(1) as f64;
                let on = machine.life.unit() < on_us as f64 / total;
                let left = machine.life.unit() * if on { on_us } else { off_us } as f64;
                let next = begin_us + super::chance::micros_of(left).max(1);
                if !on {
                    self.switch(at, false);
                }
                self.queue.plan(next, Task::Switch { at, on: !on });
            }
        }
        people.begin(self);
        self.people = Some(people);
        self.measures = Some(Measures::new(self));
        self.checkers = Some(Checkers::new(self));
        self.queue.plan(begin_us + self.scenario.measure.every.micros(), Task::Step);
    }
}

/// Whether others can call a machine: only those that are open.
fn callable(nat: &Nat, draw: f64) -> bool {
    let all = nat.open + nat.cone + nat.symmetric;
    draw * all < nat.open
}
