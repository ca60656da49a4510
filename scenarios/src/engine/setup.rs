//! Before time runs: machines are made, the federation is founded, patients enrol. All of it goes through
//! the same peers and messages as later; only links take no time and nothing goes wrong.

use super::state::Engine;
use super::task::Task;
use crate::checkers::Checkers;
use crate::party::Party;
use crate::result::{RunError, Watcher};
use crate::scenario::Nat;
use crate::stage::{Disk, Machine};
use crate::tier::people::{Doors, People};
use crate::tier::places::Place;
use crate::tier::{Birth, Measures, begins, born};
use chartmesh_protocol::peer::Policy;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The step by which time moves on while the federation is set up.
pub(super) const STEP_US: u64 = 1_000_000;

impl<'a> Engine<'a> {
    /// Sets the federation up; gives whether nobody stopped it.
    pub(super) fn set_up(&mut self, watcher: &mut dyn Watcher) -> Result<bool, RunError> {
        self.place();
        if !self.tell(watcher, "founding") {
            return Ok(false);
        }
        let mut people = People::new(self.scenario, self.seed, Rc::clone(&self.places));
        people.found(self)?;
        for (number, newcomer) in people.newcomers().into_iter().enumerate() {
            people.enrol_now(newcomer, self)?;
            self.settle();
            self.stage.machines[newcomer.relay as usize].disk.intern(&mut self.interner);
            if number.is_multiple_of(16) && !self.tell(watcher, "enrolling") {
                return Ok(false);
            }
        }
        for machine in &mut self.stage.machines {
            machine.disk.intern(&mut self.interner);
        }
        self.interner.forget_single();
        self.step();
        self.begin(people);
        Ok(true)
    }

    /// Makes the machines.
    fn place(&mut self) {
        for place in &self.places.clone().machines {
            self.add(place);
        }
    }

    fn add(&mut self, place: &Place) {
        let Place { name, group, region, role, traits } = place;
        let at = u32::try_from(self.stage.machines.len()).expect("the file bounds the counts");
        let (life, Birth { skew_ms, callable }) = born(self.seed, name, traits);
        let policy = Policy {
            retry_ms_min: self.scenario.policy.retry_first.millis(),
            retry_ms_max: self.scenario.policy.retry_longest.millis(),
        };
        let party = Party::named(self.seed, name, *role, policy);
        let mut machine = Machine {
            name: name.to_owned(),
            group: group.to_owned(),
            region: *region,
            party,
            disk: Disk::default(),
            traits: traits.clone(),
            on: true,
            destroyed: false,
            epoch: 0,
            skew_ms,
            callable: true,
            hostile: std::collections::BTreeSet::new(),
            connections: BTreeMap::new(),
            tick_us: None,
            line_free_us: 0,
            faults: 0,
            greetings: BTreeMap::new(),
            replying: BTreeMap::new(),
            life,
        };
        let now = machine.clock(self.stage.now_us);
        machine
            .party
            .peer
            .start(&mut machine.disk, now, &mut machine.party.rng)
            .expect("memory does not fail");
        machine.disk.commit(self.stage.now_us, 0);
        self.stage.by_party.insert(machine.party.peer.me(), at);
        self.stage.by_node.insert(machine.party.peer.node(), at);
        machine.traits.nat = Nat::default();
        // Set up first; what is not callable is so from the scenario's begin.
        machine.callable = callable;
        self.stage.machines.push(machine);
    }

    /// The scenario begins.
    fn begin(&mut self, mut people: People<'a>) {
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
            if let Some((on, after_us)) = begins(&mut machine.life, &machine.traits) {
                if !on {
                    self.switch(at, false);
                }
                self.queue.plan(begin_us + after_us, Task::Switch { at, on: !on });
            }
        }
        people.begin(self);
        self.people = Some(people);
        self.measures = Some(Measures::new(self.scenario, begin_us, self.patients()));
        self.checkers = Some(Checkers::new(self.scenario, &self.stage, self.everybody()));
        self.queue.plan(begin_us + self.scenario.measure.every.micros(), Task::Step);
    }
}
