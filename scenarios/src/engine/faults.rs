//! What goes wrong: the scenario's events, faults by chance, machines that come and go, dishonest parties.
//! Each fault is counted when it fires, so that a run can show that it did.

use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::Driver as _;
use crate::party::idle;
use crate::result::{Mark, NOBODY, TraceKind};
use crate::scenario::{Event as Planned, Happening};
use crate::stage::{Back, Cut};
use crate::tier::{Chance, Seen, next};
use chartmesh_protocol::peer::Event;
use std::collections::BTreeSet;

impl Engine<'_> {
    pub(super) fn blocked(&self, from: u32, to: u32) -> bool {
        !self.quiet && !self.stage.cuts.is_empty() && self.stage.blocked(from, to)
    }

    /// A fault fired.
    pub(super) fn fire(&mut self, fault: &'static str, at: u32) {
        *self.faults.fired.entry(fault).or_default() += 1;
        self.trace(TraceKind::Fault, at, NOBODY, |row| row.what = fault);
    }

    pub(super) fn altered_message(&mut self, at: u32) -> bool {
        let share = self.scenario.faults.alter_message;
        let fires = !self.quiet && share.get() > 0.0 && self.faults.chance.happens(share);
        if fires {
            self.fire("alter-message", at);
        }
        fires
    }

    pub(super) fn alters_object(&mut self, at: u32) -> bool {
        let share = self.scenario.faults.alter_object;
        let fires = !self.quiet && share.get() > 0.0 && self.faults.chance.happens(share);
        if fires {
            self.fire("alter-object", at);
        }
        fires
    }

    pub(super) fn loses_outcome(&mut self, at: u32) -> bool {
        let share = self.scenario.faults.lose_outcome;
        let fires = !self.quiet && share.get() > 0.0 && self.faults.chance.happens(share);
        if fires {
            self.fire("lose-outcome", at);
        }
        fires
    }

    pub(super) fn crashes_after_commit(&mut self, at: u32) -> bool {
        let share = self.scenario.faults.crash;
        let fires = share.get() > 0.0 && self.faults.chance.happens(share);
        if fires {
            self.fire("crash", at);
        }
        fires
    }

    /// A crash around a commit: just before it is durable, or just after; the effects are lost either way.
    pub(super) fn crash_around(&mut self, at: u32, durable_us: u64) {
        let after = self.faults.chance.unit() < 0.5;
        let when = if after { durable_us } else { durable_us.saturating_sub(1) };
        self.crash(at, when);
    }

    /// A machine stops without warning, and starts again: what its disk had not synced at `when_us` is gone.
    fn crash(&mut self, at: u32, when_us: u64) {
        let lost = self.machine(at).disk.crash(when_us);
        if lost > 0 {
            self.fire("lost-commits", at);
        }
        self.see(&Seen::Crashed { party: at });
        self.switch(at, false);
        self.switch(at, true);
    }

    /// Switches a machine off or on; on again it takes up what it had to do, and tells all it knows.
    pub(super) fn switch(&mut self, at: u32, on: bool) {
        let now_us = self.stage.now_us;
        if self.machine(at).on == on || self.machine(at).destroyed {
            return;
        }
        self.trace(TraceKind::Switched, at, NOBODY, |row| row.end = if on { "on" } else { "off" });
        let machine = self.machine(at);
        machine.on = on;
        machine.epoch += 1;
        machine.party.agenda = idle();
        machine.connections.clear();
        machine.greetings.clear();
        machine.tick_us = None;
        machine.line_free_us = 0;
        let replying = core::mem::take(&mut machine.replying);
        for back in replying.into_values() {
            match back {
                Back::Message(flow) => {
                    self.queue.plan(now_us + 1000, Task::Unknown(flow));
                }
                Back::Hello { from, from_epoch } => {
                    let task = Task::NotGreeted { from, epoch: from_epoch, target: at };
                    self.queue.plan(now_us + 1000, task);
                }
                Back::Nobody => {}
            }
        }
        if on {
            self.start(at);
        }
    }

    fn start(&mut self, at: u32) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        machine.faults = 0;
        let now = machine.clock(now_us);
        let started = machine.party.peer.start(&mut machine.disk, now, &mut machine.party.rng);
        if started.is_err() {
            machine.disk.abort();
            return self.disk_failed(at);
        }
        machine.disk.commit(now_us, 0);
        let effects = machine.party.peer.resume(&machine.disk, now).expect("memory does not fail");
        self.take_stock(at);
        for effect in effects {
            self.perform(at, effect);
        }
        self.greet_all(at);
        self.people(|people, doors| people.switched_on(at, doors));
    }

    /// Greets those whom a peer wants to greet after a start.
    pub(super) fn greet_all(&mut self, at: u32) {
        let machine = self.machine(at);
        let known = machine.party.peer.to_greet(&machine.disk).expect("memory does not fail");
        for (party, nodes) in known {
            if let Some(target) = self.stage.by_party.get(&party).copied()
                && target != at
                && !nodes.is_empty()
            {
                self.greet(at, target);
            }
        }
    }

    /// A machine that comes and goes is switched, and its next switch planned.
    pub(super) fn comes_or_goes(&mut self, at: u32, on: bool) {
        let now_us = self.stage.now_us;
        let since_us = now_us - self.begin_us.min(now_us);
        let hours = self.scenario.regions[self.region(at) as usize].hours_ahead;
        let machine = self.machine(at);
        let next = next(&mut machine.life, &machine.traits, on, since_us, hours);
        let Some(next) = next else { return };
        self.switch(at, on);
        self.queue.plan(self.begin_us + next, Task::Switch { at, on: !on });
    }

    /// The machines that a name means: a region's, a group's, or one.
    pub(crate) fn meant(&self, name: &str) -> BTreeSet<u32> {
        self.places.meant(name)
    }

    /// An event of the scenario begins, or ends.
    pub(super) fn happen(&mut self, number: usize, begins: bool) {
        let planned = self.scenario.events[number].clone();
        let begin_us = self.stage.now_us - self.begin_us;
        let name = happening(planned.what);
        self.trace(TraceKind::Happened, NOBODY, NOBODY, |row| {
            (row.what, row.id) = (name, number as u64);
            row.end = if begins { "begins" } else { "ends" };
        });
        if begins {
            *self.faults.fired.entry(name).or_default() += 1;
            let what = format!("{name} {}", planned.target);
            let lasts = planned.lasts.is_some();
            let until_us = if lasts || is_lasting(planned.what) { u64::MAX } else { begin_us };
            self.faults
                .marks
                .insert(number, Mark { what, event: number, from_us: begin_us, until_us });
        } else if let Some(mark) = self.faults.marks.get_mut(&number) {
            mark.until_us = begin_us;
        }
        let mut meant = self.meant(&planned.target);
        if planned.share.get() < 1.0 && !of_things(planned.what) {
            let mut chance = Chance::of(self.seed, &format!("event {number}"), "share");
            meant.retain(|_| chance.happens(planned.share));
        }
        self.see(&Seen::Happened { event: number, begins });
        if begins {
            self.begins(number, &planned, meant);
        } else {
            self.ends(number, &planned, meant);
        }
        if let Some(lasts) = planned.lasts.filter(|_| begins) {
            let at_us = self.stage.now_us + lasts.micros();
            self.queue.plan(at_us, Task::Happen { event: number, begins: false });
        }
    }

    fn begins(&mut self, number: usize, planned: &Planned, meant: BTreeSet<u32>) {
        match planned.what {
            Happening::Isolate => {
                let cut = Cut { from: meant, to: BTreeSet::new(), both_ways: true };
                self.stage.cuts.insert(number, cut);
            }
            Happening::Cut => {
                let to = self.meant(planned.other.as_deref().unwrap_or_default());
                self.stage.cuts.insert(number, Cut { from: meant, to, both_ways: false });
            }
            Happening::Stop => meant.into_iter().for_each(|at| self.switch(at, false)),
            Happening::Crash => {
                for at in meant {
                    if self.machine(at).on {
                        self.crash(at, self.stage.now_us);
                    }
                }
            }
            Happening::Destroy => meant.into_iter().for_each(|at| self.destroy(at)),
            Happening::LoseObjects => self.damage(number, planned, &meant, false),
            Happening::DamageObjects => self.damage(number, planned, &meant, true),
            Happening::FillDisk => {
                for at in meant {
                    let used = self.machine(at).disk.used();
                    self.machine(at).disk.capacity = Some(used);
                }
            }
            Happening::ClockJump => {
                let by_ms = planned.by.map_or(0, |by| by.millis());
                for at in meant {
                    let machine = self.machine(at);
                    machine.skew_ms = machine.skew_ms.saturating_add_unsigned(by_ms);
                    if machine.on {
                        self.handle(at, Event::Tick, "tick", Then::Nothing);
                    }
                }
            }
            Happening::Merge | Happening::Revoke | Happening::Expel => {
                let other = planned.other.as_deref().unwrap_or_default();
                let other = self.meant(other).first().copied();
                let (what, share) = (planned.what, planned.share);
                self.people(|people, doors| people.happens(what, &meant, other, share, doors));
            }
        }
    }

    fn ends(&mut self, number: usize, planned: &Planned, meant: BTreeSet<u32>) {
        match planned.what {
            Happening::Isolate | Happening::Cut => {
                self.stage.cuts.remove(&number);
            }
            Happening::Stop => meant.into_iter().for_each(|at| self.switch(at, true)),
            Happening::Destroy => meant.into_iter().for_each(|at| self.replace(at)),
            Happening::Merge => {
                let into =
                    self.meant(planned.other.as_deref().unwrap_or_default()).first().copied();
                for at in meant {
                    self.people(|people, doors| people.merged(at, into, doors));
                }
            }
            Happening::FillDisk => {
                for at in meant {
                    let capacity = self.machine(at).traits.disk.map(|size| size.bytes());
                    self.machine(at).disk.capacity = capacity;
                    self.switch(at, true);
                }
            }
            _ => {}
        }
    }

    fn destroy(&mut self, at: u32) {
        self.switch(at, false);
        let machine = self.machine(at);
        machine.destroyed = true;
        machine.disk.destroy();
        machine.party.objects.clear();
        self.see(&Seen::Destroyed { party: at });
    }

    /// New hardware with the keys that were kept elsewhere; people bring back what was deposited.
    fn replace(&mut self, at: u32) {
        self.machine(at).destroyed = false;
        self.switch(at, true);
        self.people(|people, doors| people.replaced(at, doors));
    }

    fn damage(&mut self, number: usize, planned: &Planned, meant: &BTreeSet<u32>, damaged: bool) {
        let mut chance = Chance::of(self.seed, &format!("event {number}"), "objects");
        for at in meant.iter().copied() {
            let machine = self.machine(at);
            let mut hit = 0;
            machine.party.objects.retain(|_, bytes| {
                let this = chance.happens(planned.share);
                hit += u64::from(this);
                if let Some(byte) = bytes.first_mut().filter(|_| this && damaged) {
                    *byte ^= 1;
                }
                !this || damaged
            });
            machine.disk.hurt |= hit > 0;
            if hit > 0 && !damaged {
                self.take_stock(at);
            }
        }
    }
}

/// Whether `share` means a share of what the machines have, not of the machines.
const fn of_things(what: Happening) -> bool {
    matches!(what, Happening::LoseObjects | Happening::DamageObjects | Happening::Revoke)
}

const fn is_lasting(what: Happening) -> bool {
    matches!(
        what,
        Happening::Isolate
            | Happening::Cut
            | Happening::Stop
            | Happening::Destroy
            | Happening::FillDisk
            | Happening::Expel
    )
}

const fn happening(what: Happening) -> &'static str {
    match what {
        Happening::Isolate => "isolate",
        Happening::Cut => "cut",
        Happening::Stop => "stop",
        Happening::Crash => "crash",
        Happening::Destroy => "destroy",
        Happening::LoseObjects => "lose-objects",
        Happening::DamageObjects => "damage-objects",
        Happening::FillDisk => "fill-disk",
        Happening::Merge => "merge",
        Happening::Revoke => "revoke",
        Happening::Expel => "expel",
        Happening::ClockJump => "clock-jump",
    }
}
