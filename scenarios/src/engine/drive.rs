//! What the node's driver does: has a peer handle an event, commits, performs the effects once that is durable,
//! and calls the peer again when it wants to be called.

use super::{Engine, Task, Then};
use crate::result::TraceKind;
use crate::stage::{Errand, Flow};
use crate::tier::feature;
use chartmesh_protocol::peer::{Effect, Event};
use std::time::Instant;

/// Time between two ticks of a machine at least, as the node has it.
const TICK_PAUSE_US: u64 = 20_000;
/// Faults of a disk in a row after which a node stops, as the node has it.
const DISK_FAULTS_MAX: u32 = 3;

impl Engine<'_> {
    /// Has a peer handle an event; its effects follow once that is durable.
    pub(super) fn handle(&mut self, at: u32, event: Event, name: &'static str, then: Then) {
        let now_us = self.stage.now_us;
        let waiting = match &event {
            Event::Message { request, .. } | Event::Hello { request, .. } => Some(*request),
            _ => None,
        };
        let watched = self.watched(&event);
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
        if let Some(watched) = watched {
            self.saw_handled(at, &watched, &effects);
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
    pub(super) fn disk_failed(&mut self, at: u32) {
        self.fire("disk-full", at);
        let machine = self.machine(at);
        machine.disk.abort();
        machine.faults += 1;
        if machine.faults >= DISK_FAULTS_MAX {
            self.switch(at, false);
        }
    }

    /// A commit is durable: what it was to bring about begins.
    pub(super) fn durable(&mut self, at: u32, effects: Vec<Effect>, then: Then) {
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

    pub(super) fn perform(&mut self, at: u32, effect: Effect) {
        match effect {
            Effect::Answer { request, answer } => self.answered(request, answer),
            Effect::Reply { request, bytes } => self.reply(at, request, bytes),
            Effect::Greet { to } => {
                if let Some(target) = self.stage.by_party.get(&to).copied() {
                    let open = self.session(at, target).is_some_and(|s| s.theirs.is_some());
                    if !open {
                        self.greet(at, target, Errand::Nothing);
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

    /// A peer is called that wanted to be.
    pub(super) fn tick(&mut self, at: u32) {
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
    pub(super) fn wake_at(&mut self, at: u32, time: u64) {
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
}
