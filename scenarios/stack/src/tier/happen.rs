//! What happens to whole nodes: they come and go, and the scenario's events.

use std::collections::BTreeSet;

use chartmesh_scenarios::result::{Mark, NOBODY, TraceKind};
use chartmesh_scenarios::scenario::{Event, Happening};
use chartmesh_scenarios::tier::{self, Chance, Seen};

use super::{Run, Task, who};

/// How long a machine that goes off refuses calls, before nothing is heard of it: long enough that others notice
/// that their connections closed, as when a phone's program is ended.
const FAREWELL_US: u64 = 1_000_000;

impl Run<'_> {
    pub(super) fn perform(&mut self, task: Task) {
        match task {
            Task::People(tag) => self.people.due(tag, &mut self.floor),
            Task::Switch { at, on } => self.comes_or_goes(at, on),
            Task::Unplug { at } => self.floor.stack.unplug(who(at)),
            Task::Happen { event, begins } => self.happen(event, begins),
            Task::Step => {
                self.count_transport();
                self.floor.see(&Seen::Step);
                let next_us = self.floor.ground.now_us + self.floor.scenario.measure.every.micros();
                self.floor.plan(next_us, Task::Step);
            }
        }
    }

    fn comes_or_goes(&mut self, at: u32, on: bool) {
        let begin_us = self.floor.begin_us;
        let since_us = self.floor.ground.now_us - begin_us;
        let place = self.floor.ground.places.at(at);
        let (traits, region) = (place.traits.clone(), place.region);
        let hours = self.floor.scenario.regions[region as usize].hours_ahead;
        let life = &mut self.lives[at as usize];
        let Some(next_us) = tier::next(life, &traits, on, since_us, hours) else { return };
        self.switch(at, on);
        self.floor.plan(begin_us + next_us, Task::Switch { at, on: !on });
    }

    pub(super) fn switch(&mut self, at: u32, on: bool) {
        if self.floor.ground.on[at as usize] == on {
            return;
        }
        self.floor.ground.on[at as usize] = on;
        let end = if on { "on" } else { "off" };
        self.floor.trace(TraceKind::Switched, at, NOBODY, |row| row.end = end);
        if on {
            self.floor.stack.switch_on(who(at));
            self.people.switched_on(at, &mut self.floor);
        } else {
            self.floor.stack.drop_node(who(at));
            let at_us = self.floor.ground.now_us + FAREWELL_US;
            self.floor.plan(at_us, Task::Unplug { at });
        }
    }

    fn happen(&mut self, number: usize, begins: bool) {
        let event = self.floor.scenario.events[number].clone();
        let now_us = self.floor.ground.now_us;
        let name = name(event.what);
        self.floor.trace(TraceKind::Happened, NOBODY, NOBODY, |row| {
            (row.what, row.id) = (name, number as u64);
            row.end = if begins { "begins" } else { "ends" };
        });
        let since_us = now_us - self.floor.begin_us;
        if begins {
            *self.fired.entry(name).or_default() += 1;
            let what = format!("{name} {}", event.target);
            let until_us = since_us + event.lasts.map_or(0, |lasts| lasts.micros());
            self.marks.insert(number, Mark { what, event: number, from_us: since_us, until_us });
        }
        let mut meant = self.floor.ground.places.meant(&event.target);
        if event.share.get() < 1.0 && event.what != Happening::Revoke {
            let mut chance = Chance::of(self.seed, &format!("event {number}"), "share");
            meant.retain(|_| chance.happens(event.share));
        }
        self.floor.see(&Seen::Happened { event: number, begins });
        self.brings(number, &event, &meant, begins);
        if let Some(lasts) = event.lasts.filter(|_| begins) {
            self.floor.plan(now_us + lasts.micros(), Task::Happen { event: number, begins: false });
        }
    }

    fn brings(&mut self, number: usize, event: &Event, meant: &BTreeSet<u32>, begins: bool) {
        let other = event.other.as_deref().unwrap_or_default();
        let other = self.floor.ground.places.meant(other).first().copied();
        match (event.what, begins) {
            (Happening::Isolate, _) => self.isolate(number, meant, begins),
            (Happening::Stop, _) => meant.iter().for_each(|at| self.switch(*at, !begins)),
            (Happening::Crash, true) => {
                for at in meant.iter().copied().filter(|at| self.floor.ground.on[*at as usize]) {
                    self.floor.stack.cut_power(who(at));
                    self.floor.stack.switch_on(who(at));
                }
            }
            (Happening::Merge, false) => {
                for at in meant {
                    self.people.merged(*at, other, &mut self.floor);
                }
            }
            (Happening::Merge | Happening::Revoke | Happening::Expel, true) => {
                self.people.happens(event.what, meant, other, event.share, &mut self.floor);
            }
            _ => {}
        }
    }

    fn isolate(&mut self, number: usize, meant: &BTreeSet<u32>, cut: bool) {
        let ground = &mut self.floor.ground;
        if cut {
            ground.isolated.insert(number, meant.clone());
        } else {
            ground.isolated.remove(&number);
        }
        let all = 0..u32::try_from(ground.ids.len()).expect("the file bounds the counts");
        for at in meant {
            for other in all.clone().filter(|other| !meant.contains(other)) {
                self.floor.stack.cut(who(*at), who(other), cut);
            }
        }
    }
}

const fn name(what: Happening) -> &'static str {
    match what {
        Happening::Isolate => "isolate",
        Happening::Stop => "stop",
        Happening::Crash => "crash",
        Happening::Merge => "merge",
        Happening::Revoke => "revoke",
        Happening::Expel => "expel",
        _ => "nothing",
    }
}
