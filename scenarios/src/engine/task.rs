//! What is to happen, and who takes it up.

use super::Engine;
use super::heal;
use super::pulls::PULL_TIMEOUT_US;
use crate::stage::Flow;
use crate::tier::Seen;
use chartmesh_protocol::agenda::Fetched;
use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::{ObjectId, PartyId, TransferId};
use chartmesh_protocol::peer::{CheckedMessage, DeliveryFailure, Effect};
use chartmesh_protocol::refusal::Refusal;

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
        turn: u64,
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
    /// A machine that comes and goes is switched.
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
    Greeted(u32, Result<(), DeliveryFailure>),
    /// What became of a message was taken in.
    Delivered(PartyId),
    /// A message was handled.
    Received(Flow),
}

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
            Task::Pull { at, epoch, id, turn } if self.is_at(at, epoch) => {
                let next = self.machine(at).party.agenda.retry(id, turn);
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
