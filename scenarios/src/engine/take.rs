//! Who takes up what is to happen.

use super::heal;
use super::pulls::PULL_TIMEOUT_US;
use super::state::Engine;
use super::task::Task;
use crate::driver::Driver as _;
use crate::tier::Seen;
use chartmesh_protocol::agenda::Fetched;
use chartmesh_protocol::peer::DeliveryFailure;

impl Engine<'_> {
    /// Does what is to happen now.
    pub(super) fn take(&mut self, task: Task) {
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
                self.greeted(from, target, Err(DeliveryFailure::NeverSent));
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
            Task::Retry { at, epoch, retry } if self.is_at(at, epoch) => {
                let next = self.machine(at).party.agenda.retry(retry);
                self.obey(at, next);
            }
            Task::PullAsked { at, epoch, holder, holder_epoch, id } => {
                if self.is_at(holder, holder_epoch) {
                    self.pull_asked(at, epoch, holder, id);
                } else {
                    let at_us = self.stage.now_us + PULL_TIMEOUT_US;
                    self.queue.plan(at_us, Task::PullBroke { at, epoch, id });
                }
            }
            Task::PullBroke { at, epoch, id } if self.is_at(at, epoch) => {
                self.fetched(at, id, Fetched::Broken { progressed: false });
            }
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
}
