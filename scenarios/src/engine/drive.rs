//! What the node's driver does: has a peer handle an event, commits, performs the effects once that is durable,
//! and calls the peer again when it wants to be called.

use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::Driver as _;
use crate::result::TraceKind;
use crate::stage::Flow;
use crate::tier::feature;
use chartmesh_protocol::agenda::TICK_PAUSE_MS;
use chartmesh_protocol::peer::{DeliveryFailure, Effect, Event};
use std::time::Instant;

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
            self.disk_failed(at);
            return self.undone(at, &then);
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

    /// What was to follow a commit does not, because there was none.
    fn undone(&mut self, at: u32, then: &Then) {
        match *then {
            _ if !self.machine(at).on => {}
            Then::Greeted(target, _) => {
                self.greeted(at, target, Err(DeliveryFailure::NeverSent));
            }
            Then::Delivered(to) => {
                let next = self.machine(at).party.agenda.interrupted(to);
                self.obey(at, next);
            }
            Then::Nothing | Then::Received(_) => {}
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
            Then::Greeted(target, answer) => self.greeted(at, target, answer),
            Then::Delivered(to) => {
                let next = self.machine(at).party.agenda.concluded(to);
                self.obey(at, next);
            }
            Then::Received(flow) => {
                let Flow { from, name, patient, about, .. } = flow;
                self.trace(TraceKind::Received, at, from, |row| {
                    (row.what, row.id, row.patient) = (name, flow.id, patient);
                });
                self.people(|people, doors| people.received(at, name, patient, about, doors));
            }
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
        let now = machine.clock(now_us);
        let is_due = machine.party.agenda.take_due(now);
        if is_due {
            self.handle(at, Event::Tick, "tick", Then::Nothing);
        }
        self.plan_tick(at);
    }

    pub(super) fn plan_tick(&mut self, at: u32) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let Some(first) = machine.party.agenda.next_due() else { return };
        // Its clock shows the millisecond from its begin on.
        let at_us = machine.when(first.0).max(now_us + TICK_PAUSE_MS * 1000);
        if machine.tick_us.is_none_or(|planned| at_us < planned) {
            machine.tick_us = Some(at_us);
            let epoch = machine.epoch;
            self.queue.plan(at_us, Task::Tick { at, epoch });
        }
    }
}
