//! Messages on their way, and their outcomes: what becomes of [`Order::Send`](chartmesh_protocol::agenda::Order).
//!
//! ```text
//!  send ──> message arrives ──> outcome arrives ──> the agenda goes on
//!    └─────────────┴──────> nothing comes back ──> unknown ────┘
//! ```

use super::greeting::HELLO_TIMEOUT_US;
use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::Driver as _;
use crate::result::{NOBODY, TraceKind};
use crate::stage::{Back, Flow};
use crate::tier::{Seen, message_id, patient_of, request_of};
use chartmesh_protocol::Reach;
use chartmesh_protocol::agenda::{Letter, Order, Sent};
use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::message::{Outcome, OutcomeResult};
use chartmesh_protocol::peer::{CheckedMessage, DeliveryFailure, Event, RequestId};
use chartmesh_protocol::statement::Unverified;

/// How long a request may take before its sender gives up, as `node/src/net/limits.rs` has it.
const CONTROL_TIMEOUT_US: u64 = 30_000_000;

impl Engine<'_> {
    /// A message leaves.
    pub(super) fn send(&mut self, from: u32, target: u32, letter: &Letter) {
        let now_us = self.stage.now_us;
        let target_epoch = self.stage.machines[target as usize].epoch;
        let (to, number) = (letter.to, letter.number);
        let machine = self.machine(from);
        let bytes = letter.compose(&machine.party.peer, &machine.disk, machine.clock(now_us));
        let mut bytes = match bytes.expect("memory does not fail") {
            Ok(bytes) => bytes,
            Err(sent) => {
                let next = machine.party.agenda.sent(to, sent);
                return self.obey(from, next);
            }
        };
        let (from_epoch, node) = (machine.epoch, machine.party.peer.node());
        let checked = CheckedMessage::prepare(node, &bytes).expect("we composed it");
        let (envelope, name) = (checked.envelope(), checked.body().name());
        let flow = Flow {
            from,
            from_epoch,
            to,
            target,
            target_epoch,
            number,
            id: message_id(envelope.id.stream, number),
            message: envelope.id,
            made_up: false,
            may_pass: true,
            left_us: now_us,
            name,
            since_ms: envelope.sent.0,
            patient: patient_of(checked.body()),
            about: request_of(checked.body()),
        };
        self.trace(TraceKind::Sent, from, target, |row| {
            (row.what, row.id, row.patient, row.bytes) =
                (name, flow.id, flow.patient, bytes.len() as u64);
        });
        self.count_bytes(name, bytes.len() as u64);
        self.count_request();
        self.see(&Seen::Sent { from, to: target, message: &checked, bytes: bytes.len() as u64 });
        let altered = self.altered_message(from);
        let mut message: Result<Box<CheckedMessage>, DecodeError> = Ok(Box::new(checked));
        if altered {
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            message = CheckedMessage::prepare(node, &bytes).map(Box::new);
        }
        self.hostile_sends(from, target, &bytes);
        let way = self.travel(from, target, bytes.len() as u64);
        if way.broken {
            let task = Task::Unknown(flow);
            return self.queue.plan(now_us + way.takes_us, task);
        }
        let opens_us = self.opening(from, target, bytes.len() as u64);
        if let (Some(later), Ok(_)) = (way.again_us, &message) {
            self.fire("duplicate", from);
            let twice = CheckedMessage::prepare(node, &bytes).map(Box::new);
            let task = Task::MessageArrives { flow, message: twice, first: false };
            self.queue.plan(now_us + opens_us + later, task);
        }
        let at = now_us + opens_us + way.takes_us;
        self.queue.plan(at, Task::MessageArrives { flow, message, first: true });
    }

    pub(super) fn message_arrives(
        &mut self,
        flow: Flow,
        message: Result<Box<CheckedMessage>, DecodeError>,
        first: bool,
    ) {
        let Flow { from, target, .. } = flow;
        let now_us = self.stage.now_us;
        let there = self.is_at(target, flow.target_epoch) && !self.blocked(from, target);
        if !there {
            if first {
                let at = (flow.left_us + CONTROL_TIMEOUT_US).max(now_us);
                self.queue.plan(at, Task::Unknown(flow));
            }
            return;
        }
        let from_node = self.stage.machines[from as usize].party.peer.node();
        let machine = self.machine(target);
        let nonce = machine.party.agenda.our_nonce(from_node);
        let nonce = nonce.filter(|_| machine.party.agenda.is_admitted(from_node));
        let (Some(nonce), Ok(message)) = (nonce, message) else {
            // Refused without a word: a stranger, or bytes that are no message.
            if first {
                let way = self.travel(target, from, 64);
                let task = Task::OutcomeArrives { flow, bytes: Vec::new() };
                self.queue.plan(now_us + way.takes_us, task);
            }
            return;
        };
        self.used(target, from);
        if self.hostile_receives(target, flow, &message, first) {
            return;
        }
        let request = self.request();
        let back = if first { Back::Message(flow) } else { Back::Nobody };
        self.machine(target).replying.insert(request.0, back);
        let name = flow.name;
        let event =
            Event::Message { request, node: from_node, nonce, from: Reach::Machine, message };
        let then = Then::Received(flow);
        self.handle(target, event, name, then);
    }

    /// Nobody will answer a request: whoever made it gives up when its time is over.
    pub(super) fn unanswered(&mut self, at: u32, request: RequestId) {
        let now_us = self.stage.now_us;
        match self.machine(at).replying.remove(&request.0) {
            Some(Back::Message(flow)) => {
                let at = (flow.left_us + CONTROL_TIMEOUT_US).max(now_us);
                self.queue.plan(at, Task::Unknown(flow));
            }
            Some(Back::Hello { from, from_epoch }) => {
                let task = Task::NotGreeted { from, epoch: from_epoch, target: at };
                self.queue.plan(now_us + HELLO_TIMEOUT_US, task);
            }
            Some(Back::Nobody) | None => {}
        }
    }

    /// A reply leaves, once what it tells is durable.
    pub(super) fn reply(&mut self, at: u32, request: RequestId, bytes: Vec<u8>) {
        let now_us = self.stage.now_us;
        let Some(back) = self.machine(at).replying.remove(&request.0) else { return };
        match back {
            Back::Nobody => {}
            Back::Hello { from, from_epoch } => {
                self.count_bytes("transport", bytes.len() as u64);
                let grows_us = self.slow_start(at, from, bytes.len() as u64);
                let way = self.travel(at, from, bytes.len() as u64);
                let lost = way.broken || self.blocked(at, from);
                let task = if lost {
                    Task::NotGreeted { from, epoch: from_epoch, target: at }
                } else {
                    Task::WelcomeArrives { from, epoch: from_epoch, target: at, bytes }
                };
                let wait_us = if lost { HELLO_TIMEOUT_US } else { 0 };
                self.queue.plan(now_us + grows_us + way.takes_us + wait_us, task);
            }
            Back::Message(flow) => {
                self.count_bytes(flow.name, bytes.len() as u64);
                let way = self.travel(at, flow.from, bytes.len() as u64);
                if way.broken || self.blocked(at, flow.from) || self.loses_outcome(at) {
                    let at = (flow.left_us + CONTROL_TIMEOUT_US).max(now_us);
                    return self.queue.plan(at, Task::Unknown(flow));
                }
                let grows_us = self.slow_start(at, flow.from, bytes.len() as u64);
                let task = Task::OutcomeArrives { flow, bytes };
                self.queue.plan(now_us + grows_us + way.takes_us, task);
            }
        }
    }

    pub(super) fn outcome_arrives(&mut self, flow: Flow, bytes: Vec<u8>) {
        if bytes.is_empty() {
            // It does not know us in this session.
            self.hang_up(flow.from, flow.target);
            return self.sent(flow, Sent::Forgotten);
        }
        self.used(flow.from, flow.target);
        self.sent(flow, Sent::Answered(bytes));
    }

    /// Nobody knows whether a message arrived.
    pub(super) fn unknown(&mut self, flow: Flow) {
        self.hang_up(flow.from, flow.target);
        self.sent(flow, Sent::Unknown);
    }

    fn sent(&mut self, flow: Flow, sent: Sent) {
        if flow.made_up {
            return self.conclude(
                flow,
                match sent {
                    Sent::Answered(bytes) => Ok(bytes),
                    Sent::Unknown => Err(DeliveryFailure::OutcomeUnknown),
                    _ => Err(DeliveryFailure::GateClosed),
                },
            );
        }
        match self.machine(flow.from).party.agenda.sent(flow.to, sent) {
            Some(Order::Conclude { result, .. }) => self.conclude(flow, result),
            other => self.obey(flow.from, other),
        }
    }

    fn conclude(&mut self, flow: Flow, result: Result<Vec<u8>, DeliveryFailure>) {
        let outcome = result.as_ref().ok().and_then(|bytes| parse_outcome(bytes));
        let end = match (&result, &outcome) {
            (Ok(_), Some(OutcomeResult::Done(_))) => "done",
            (Ok(_), Some(OutcomeResult::Refused(_))) => "refused",
            (Ok(_), Some(OutcomeResult::OutOfOrder(_))) => "out-of-order",
            (Ok(_), None) => "malformed",
            (Err(DeliveryFailure::NeverSent), _) => "never-sent",
            (Err(DeliveryFailure::OutcomeUnknown), _) => "unknown",
            (Err(DeliveryFailure::GateClosed), _) => "gate-closed",
        };
        let bytes = result.as_ref().map_or(0, Vec::len) as u64;
        self.trace(TraceKind::Concluded, flow.from, flow.target, |row| {
            (row.what, row.id, row.patient) = (flow.name, flow.id, flow.patient);
            (row.bytes, row.end) = (bytes, end);
        });
        if flow.made_up {
            return self.deceit_ends(flow, end);
        }
        self.see(&Seen::Concluded {
            from: flow.from,
            message: Some(flow.message),
            name: flow.name,
            since_ms: flow.since_ms,
            outcome: outcome.as_ref(),
            request: flow.about,
        });
        let event =
            Event::Delivery { to: flow.to, number: flow.number, from: Reach::Machine, result };
        self.handle(flow.from, event, flow.name, Then::Delivered(flow.to));
    }

    pub(super) fn conclude_failure(
        &mut self,
        from: u32,
        to: PartyId,
        number: u64,
        failure: DeliveryFailure,
    ) {
        let target = self.stage.by_party.get(&to).copied().unwrap_or(NOBODY);
        let end = match failure {
            DeliveryFailure::GateClosed => "gate-closed",
            _ => "never-sent",
        };
        self.trace(TraceKind::Concluded, from, target, |row| {
            (row.id, row.end) = (number, end);
        });
        let event = Event::Delivery { to, number, from: Reach::Machine, result: Err(failure) };
        self.handle(from, event, "retry", Then::Delivered(to));
    }
}

/// An outcome, as whoever watches reads it: without its signature.
pub(super) fn parse_outcome(bytes: &[u8]) -> Option<OutcomeResult> {
    let outcome = Unverified::<Outcome>::parse(bytes).ok()?;
    Some(outcome.claims().result.clone())
}
