//! Connections, greetings, messages and their outcomes, as the node's driver does them: one message at a
//! time to each institution, a `hello` before the first, once more if the far side has forgotten us.
//!
//! ```text
//!  Attempt ──(no session)──> Greeting ──> hello arrives ──> welcome arrives ─┐
//!     │ session                                                              │
//!     └──────────────> message arrives ──> outcome arrives ──> Attempt again <┘
//! ```

use super::machine::{Errand, Session};
use super::{Engine, Task, Then};
use crate::result::{NOBODY, TraceKind, TraceRow};
use crate::watch::Seen;
use chartmesh_protocol::codec::DecodeError;
use chartmesh_protocol::id::{ConsentId, ObjectId, PartyId, TransferId};
use chartmesh_protocol::message::{MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{
    CheckedHello, CheckedMessage, CheckedWelcome, DeliveryFailure, Event, RequestId,
};
use chartmesh_protocol::statement::Unverified;

/// How long a request may take before its sender gives up, as `node/src/net/limits.rs` has it.
const CONTROL_TIMEOUT_US: u64 = 30_000_000;
/// How long dialling somebody who is not there takes: the transport's timeout.
const DIAL_TIMEOUT_US: u64 = 10_000_000;
/// Round trips of TCP, Noise and Yamux before a first stream can open. These costs and those below were
/// measured on whole nodes: `scenarios/stack/README.md`.
const HANDSHAKE_ROUND_TRIPS: u64 = 2;
/// Bytes of those, both ways, and of identify and the first pings.
pub(super) const HANDSHAKE_BYTES: u64 = 730 + 282;
/// Bytes of pings a minute, both ways, as long as a connection stands.
const PING_BYTES_PER_MINUTE: u64 = 1352;
/// Bytes of a request and its answer besides what they say: a stream's opening, and frames.
const REQUEST_BYTES: u64 = 390;
/// Bytes that a connection carries before the first acknowledgement (ten packets, RFC 6928). What is acknowledged
/// opens the window by as much; each doubling beyond costs one more round trip.
pub(super) const FIRST_WINDOW_BYTES: u64 = 14_480;
/// The window opens no further (what Linux lets a receiver advertise by default).
const WINDOW_BYTES_MAX: u64 = 6 * 1024 * 1024;
/// After a pause of so long the window is as at first (RFC 5681: a retransmission's wait, at least 200 ms).
const WINDOW_PAUSE_US: u64 = 200_000;

/// A message on its way, seen from its sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(super) from: u32,
    pub(super) from_epoch: u32,
    pub(super) to: PartyId,
    pub(super) target: u32,
    pub(super) target_epoch: u32,
    pub(super) number: u64,
    /// What traces follow it by.
    pub(super) id: u64,
    pub(super) message: MessageId,
    /// Whether a dishonest machine made it up: its own peer knows nothing of it.
    pub(super) made_up: bool,
    /// Whether honest parties may take what was made up.
    pub(super) may_pass: bool,
    /// Whether the far side refused once already.
    pub(super) again: bool,
    pub(super) left_us: u64,
    pub(super) name: &'static str,
    /// When it was put into the outbox, by the sender's clock.
    pub(super) since_ms: u64,
    pub(super) patient: u64,
    /// The request for consent that it is about.
    pub(super) about: Option<ConsentId>,
}

/// To whom a reply goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Back {
    /// The answer to a `hello`.
    Hello { from: u32, from_epoch: u32, left_us: u64 },
    /// The outcome of a message.
    Message(Flow),
    /// Nobody: it was a message that came twice.
    Nobody,
}

impl Engine<'_> {
    /// Something waits for `to`, or may be tried now.
    pub(super) fn deliver(&mut self, from: u32, to: PartyId) {
        if let Some(again) = self.machine(from).delivering.get_mut(&to) {
            *again = true;
            return;
        }
        self.machine(from).delivering.insert(to, false);
        self.attempt(from, to, false);
    }

    /// The loop of one institution's deliveries begins again, or ends.
    fn attempt(&mut self, from: u32, to: PartyId, again: bool) {
        loop {
            let now_us = self.stage.now_us;
            let machine = self.machine(from);
            let now = machine.clock(now_us);
            let next = machine.party.peer.next_delivery(&machine.disk, now, to);
            let waits = match next.expect("memory does not fail") {
                Some(delivery) if delivery.wait_ms == 0 => {
                    return self.send_or_greet(from, to, delivery.number, again);
                }
                Some(delivery) => Some(now.plus_ms(delivery.wait_ms)),
                None => None,
            };
            match machine.delivering.get_mut(&to) {
                Some(once_more) if *once_more => *once_more = false,
                _ => {
                    machine.delivering.remove(&to);
                    if let Some(at) = waits {
                        self.wake_at(from, at.0);
                    }
                    return;
                }
            }
        }
    }

    fn send_or_greet(&mut self, from: u32, to: PartyId, number: u64, again: bool) {
        let Some(target) = self.stage.by_party.get(&to).copied() else {
            return self.conclude_failure(from, to, number, DeliveryFailure::NeverSent);
        };
        match self.session(from, target) {
            Some(session) if session.theirs.is_some() => {
                self.send(from, to, target, number, again);
            }
            _ => self.greet(from, target, Errand::Deliver(to, again)),
        }
    }

    /// The connection with `other`, unless it was idle too long or `other` started anew.
    pub(super) fn session(&mut self, at: u32, other: u32) -> Option<Session> {
        let now_us = self.stage.now_us;
        let idle_us = self.scenario.policy.idle.micros();
        let epoch = self.stage.machines[other as usize].epoch;
        let on = self.stage.machines[other as usize].on;
        let machine = self.machine(at);
        let session = machine.sessions.get_mut(&other)?;
        if session.epoch != epoch || !on || session.used_us + idle_us < now_us {
            machine.sessions.remove(&other);
            self.machine(other).sessions.remove(&at);
            return None;
        }
        let paused_us = now_us - session.used_us;
        session.used_us = now_us;
        let session = *session;
        self.count_bytes("transport", ping_bytes(paused_us));
        Some(session)
    }

    /// Says `hello` to a machine; `errand` goes on when that is done.
    pub(super) fn greet(&mut self, from: u32, target: u32, errand: Errand) {
        if let Some(waiting) = self.machine(from).greeting.get_mut(&target) {
            return waiting.push(errand);
        }
        self.machine(from).greeting.insert(target, vec![errand]);
        let epoch = self.machine(from).epoch;
        let now_us = self.stage.now_us;
        let callable = self.stage.machines[target as usize].callable;
        // A connection that the other made can be used by us, too, though we could not make it.
        let open = self.session(from, target).is_some();
        let there = self.stage.machines[target as usize].on && !self.blocked(from, target);
        if !there || (!callable && !open) {
            let end = if there { "not-callable" } else { "not-there" };
            self.trace(TraceKind::Dialled, from, target, |row| row.end = end);
            let at = now_us + if self.quiet { 0 } else { DIAL_TIMEOUT_US };
            return self.queue.plan(at, Task::NotGreeted { from, epoch, target });
        }
        let handshake = if open || self.quiet {
            0
        } else {
            // It stands until it was idle long enough; each use counts what that adds.
            let idle_us = self.scenario.policy.idle.micros();
            self.count_bytes("transport", HANDSHAKE_BYTES + ping_bytes(idle_us));
            HANDSHAKE_ROUND_TRIPS * self.round_trip(from, target)
        };
        self.queue.plan(now_us + handshake, Task::Greeting { from, epoch, target });
    }

    /// The connection stands: the `hello` leaves.
    pub(super) fn greeting(&mut self, from: u32, target: u32) {
        let now_us = self.stage.now_us;
        let to = self.stage.machines[target as usize].party.peer.me();
        let target_epoch = self.stage.machines[target as usize].epoch;
        let machine = self.machine(from);
        let epoch = machine.epoch;
        let ours = match machine.sessions.get(&target) {
            Some(session) if session.epoch == target_epoch => session.ours,
            _ => chartmesh_protocol::crypto::random(&mut machine.party.rng),
        };
        let session = Session::new(ours, None, target_epoch, now_us);
        machine.sessions.insert(target, session);
        let now = machine.clock(now_us);
        let address = vec![format!("/memory/{from}")];
        let bytes = machine.party.peer.hello(&machine.disk, now, to, address, ours);
        let bytes = bytes.expect("memory does not fail");
        self.trace(TraceKind::Greeted, from, target, |row| row.bytes = bytes.len() as u64);
        self.count_bytes("transport", bytes.len() as u64 + REQUEST_BYTES);
        let way = self.travel(from, target, bytes.len() as u64);
        if way.broken {
            let at = now_us + way.takes_us;
            return self.queue.plan(at, Task::NotGreeted { from, epoch, target });
        }
        let opens_us = self.opening(from, target, bytes.len() as u64);
        let at = now_us + way.takes_us + opens_us;
        let task = Task::HelloArrives { from, epoch, target, target_epoch, bytes };
        self.queue.plan(at, task);
    }

    pub(super) fn hello_arrives(
        &mut self,
        from: u32,
        epoch: u32,
        target: u32,
        target_epoch: u32,
        bytes: &[u8],
    ) {
        let now_us = self.stage.now_us;
        let not_greeted = Task::NotGreeted { from, epoch, target };
        if !self.is_at(target, target_epoch) || self.blocked(from, target) {
            return self.queue.plan(now_us + 5_000_000, not_greeted);
        }
        let from_node = self.stage.machines[from as usize].party.peer.node();
        let Ok(hello) = CheckedHello::prepare(from_node, bytes) else {
            return self.queue.plan(now_us, not_greeted);
        };
        let machine = self.machine(target);
        let ours = match machine.sessions.get(&from) {
            Some(session) if session.epoch == epoch => session.ours,
            _ => chartmesh_protocol::crypto::random(&mut machine.party.rng),
        };
        let theirs =
            machine.sessions.get(&from).filter(|s| s.epoch == epoch).and_then(|s| s.theirs);
        let session = Session::new(ours, theirs, epoch, now_us);
        machine.sessions.insert(from, session);
        let request = self.request();
        let back = Back::Hello { from, from_epoch: epoch, left_us: now_us };
        self.machine(target).replying.insert(request.0, back);
        let event = Event::Hello {
            request,
            node: from_node,
            nonce: ours,
            addresses: vec![format!("/memory/{target}")],
            hello: Box::new(hello),
        };
        self.handle(target, event, "hello", Then::Nothing);
    }

    pub(super) fn welcome_arrives(&mut self, from: u32, target: u32, bytes: &[u8]) {
        let target_node = self.stage.machines[target as usize].party.peer.node();
        let Ok(welcome) = CheckedWelcome::prepare(target_node, bytes) else {
            return self.greeted(from, target, false);
        };
        let nonce = welcome.nonce();
        if let (Ok(nonce), Some(session)) = (nonce, self.machine(from).sessions.get_mut(&target)) {
            session.theirs = Some(nonce);
        }
        let event = Event::Welcome { node: target_node, welcome: Box::new(welcome) };
        self.handle(from, event, "hello", Then::Greeted(target));
    }

    /// A greeting ended: what waited for it goes on.
    pub(super) fn greeted(&mut self, from: u32, target: u32, answered: bool) {
        let node = self.stage.machines[target as usize].party.peer.node();
        let machine = self.machine(from);
        let open = answered
            && machine.party.gates.contains(&node)
            && machine.sessions.get(&target).is_some_and(|session| session.theirs.is_some());
        if !open {
            machine.sessions.remove(&target);
        }
        let errands = machine.greeting.remove(&target).unwrap_or_default();
        if !machine.hostile.is_empty() {
            self.hostile_greeted(from, target, open);
        }
        for errand in errands {
            match errand {
                Errand::Deliver(to, again) if open => self.attempt(from, to, again),
                Errand::Deliver(to, _) => {
                    let failure = if answered {
                        DeliveryFailure::GateClosed
                    } else {
                        DeliveryFailure::NeverSent
                    };
                    let now_us = self.stage.now_us;
                    let machine = self.machine(from);
                    let now = machine.clock(now_us);
                    let next = machine.party.peer.next_delivery(&machine.disk, now, to);
                    match next.expect("memory does not fail") {
                        Some(next) => self.conclude_failure(from, to, next.number, failure),
                        None => self.attempt(from, to, false),
                    }
                }
                Errand::Pull(id) if open => self.pull(from, id),
                Errand::Pull(id) => self.pull_again(from, id),
                Errand::Nothing => {}
            }
        }
    }

    fn send(&mut self, from: u32, to: PartyId, target: u32, number: u64, again: bool) {
        let now_us = self.stage.now_us;
        let target_epoch = self.stage.machines[target as usize].epoch;
        let machine = self.machine(from);
        let nonce = machine.sessions.get(&target).and_then(|session| session.theirs);
        let nonce = nonce.expect("whoever sends has a session");
        let bytes = machine.party.peer.compose(&machine.disk, to, number, nonce);
        let Some(mut bytes) = bytes.expect("memory does not fail") else {
            return self.attempt(from, to, false);
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
            id: message_id(envelope.id.stream.0, number),
            message: envelope.id,
            made_up: false,
            may_pass: true,
            again,
            left_us: now_us,
            name,
            since_ms: envelope.sent.0,
            patient: crate::watch::patient_of(checked.body()),
            about: crate::watch::request_of(checked.body()),
        };
        self.trace(TraceKind::Sent, from, target, |row| {
            (row.what, row.id, row.patient, row.bytes) =
                (name, flow.id, flow.patient, bytes.len() as u64);
        });
        self.count_bytes(name, bytes.len() as u64);
        self.count_bytes("transport", REQUEST_BYTES);
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
        let nonce = machine.sessions.get(&from).map(|session| session.ours);
        let nonce = nonce.filter(|_| machine.party.gates.contains(&from_node));
        let (Some(nonce), Ok(message)) = (nonce, message) else {
            // Refused without a word: a stranger, or bytes that are no message.
            if first {
                let way = self.travel(target, from, 64);
                let task = Task::OutcomeArrives { flow, bytes: Vec::new() };
                self.queue.plan(now_us + way.takes_us, task);
            }
            return;
        };
        if let Some(session) = self.machine(target).sessions.get_mut(&from) {
            session.used_us = now_us;
        }
        if self.hostile_receives(target, flow, &message, first) {
            return;
        }
        let request = self.request();
        let back = if first { Back::Message(flow) } else { Back::Nobody };
        self.machine(target).replying.insert(request.0, back);
        let name = flow.name;
        let event = Event::Message { request, node: from_node, nonce, message };
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
            Some(Back::Hello { from, from_epoch, .. }) => {
                let task = Task::NotGreeted { from, epoch: from_epoch, target: at };
                self.queue.plan(now_us + 5_000_000, task);
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
            Back::Hello { from, from_epoch, left_us } => {
                self.count_bytes("transport", bytes.len() as u64);
                let grows_us = self.slow_start(at, from, bytes.len() as u64);
                let way = self.travel(at, from, bytes.len() as u64);
                let lost = way.broken || self.blocked(at, from);
                let task = if lost {
                    Task::NotGreeted { from, epoch: from_epoch, target: at }
                } else {
                    Task::WelcomeArrives { from, epoch: from_epoch, target: at, bytes }
                };
                let wait = if lost { left_us + 5_000_000 - now_us.min(left_us) } else { 0 };
                self.queue.plan(now_us + grows_us + way.takes_us + wait.min(5_000_000), task);
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
        let Flow { from, to, target, .. } = flow;
        if bytes.is_empty() {
            // It does not know us in this session: `hello` once more.
            self.machine(from).sessions.remove(&target);
            if flow.again || flow.made_up {
                return self.conclude(flow, Err(DeliveryFailure::GateClosed));
            }
            return self.greet(from, target, Errand::Deliver(to, true));
        }
        let now_us = self.stage.now_us;
        if let Some(session) = self.machine(from).sessions.get_mut(&target) {
            session.used_us = now_us;
        }
        self.conclude(flow, Ok(bytes));
    }

    /// Nobody knows whether a message arrived.
    pub(super) fn unknown(&mut self, flow: Flow) {
        self.machine(flow.from).sessions.remove(&flow.target);
        self.conclude(flow, Err(DeliveryFailure::OutcomeUnknown));
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
        let event = Event::Delivery { to: flow.to, number: flow.number, result };
        self.handle(flow.from, event, flow.name, Then::Delivered(flow.to));
    }

    fn conclude_failure(&mut self, from: u32, to: PartyId, number: u64, failure: DeliveryFailure) {
        let target = self.stage.by_party.get(&to).copied().unwrap_or(NOBODY);
        let end = match failure {
            DeliveryFailure::GateClosed => "gate-closed",
            _ => "never-sent",
        };
        self.trace(TraceKind::Concluded, from, target, |row| {
            (row.id, row.end) = (number, end);
        });
        let event = Event::Delivery { to, number, result: Err(failure) };
        self.handle(from, event, "retry", Then::Delivered(to));
    }

    /// What became of a delivery is durable: the next.
    pub(super) fn delivered(&mut self, from: u32, to: PartyId) {
        self.attempt(from, to, false);
    }

    /// An object is to be pulled.
    pub(super) fn pull(&mut self, at: u32, id: TransferId) {
        let machine = self.machine(at);
        let wanted = machine.party.peer.transfer(&machine.disk, id).expect("memory does not fail");
        let Some((transfer, _)) = wanted else {
            machine.pulls.remove(&id);
            return;
        };
        let Some(holder) = self.stage.by_party.get(&transfer.from).copied() else {
            return self.pull_again(at, id);
        };
        if self.session(at, holder).is_none_or(|session| session.theirs.is_none()) {
            return self.greet(at, holder, Errand::Pull(id));
        }
        let (epoch, now_us) = (self.machine(at).epoch, self.stage.now_us);
        let holder_epoch = self.stage.machines[holder as usize].epoch;
        self.count_bytes("transport", REQUEST_BYTES);
        let way = self.travel(at, holder, 128);
        let now_us = now_us + self.round_trip(at, holder);
        let task = Task::PullAsked { at, epoch, holder, holder_epoch, id };
        self.queue.plan(now_us + way.takes_us, task);
    }

    /// A pull is tried again, later each time.
    pub(super) fn pull_again(&mut self, at: u32, id: TransferId) {
        let now_us = self.stage.now_us;
        let machine = self.machine(at);
        let epoch = machine.epoch;
        let Some(wait) = machine.pulls.get_mut(&id) else { return };
        *wait = (*wait * 2).clamp(1, 60);
        let at_us = now_us + *wait * 1_000_000;
        self.queue.plan(at_us, Task::Pull { at, epoch, id });
    }

    /// The holder is asked for an object.
    pub(super) fn pull_asked(&mut self, at: u32, epoch: u32, holder: u32, id: TransferId) {
        let now_us = self.stage.now_us;
        let later = Task::PullBroke { at, epoch, id };
        if !self.stage.machines[holder as usize].on || self.blocked(at, holder) {
            return self.queue.plan(now_us + 10_000_000, later);
        }
        let machine = &self.stage.machines[at as usize];
        let wanted = machine.party.peer.transfer(&machine.disk, id).expect("memory does not fail");
        let Some((transfer, _)) = wanted else {
            return self.queue.plan(now_us, later);
        };
        let node = machine.party.peer.node();
        let answer = self.serve(holder, node, &transfer);
        let answer = match answer {
            super::pulls::Served::Bytes(bytes) => Ok(bytes),
            super::pulls::Served::Refused(refusal) => Err(refusal),
            super::pulls::Served::Nothing => {
                return self.queue.plan(now_us + 10_000_000, later);
            }
        };
        let bytes = answer.as_ref().map_or(64, Vec::len) as u64;
        self.count_bytes("pull", bytes);
        let way = self.travel(holder, at, bytes);
        let task = if way.broken {
            later
        } else {
            Task::PullArrives {
                at,
                epoch,
                holder,
                id,
                object: transfer.object,
                served_us: now_us,
                answer,
            }
        };
        let grows_us = self.slow_start(holder, at, bytes);
        self.queue.plan(now_us + way.takes_us + grows_us, task);
    }
}

impl Engine<'_> {
    /// There and back, now.
    fn round_trip(&mut self, from: u32, to: u32) -> u64 {
        if self.quiet {
            return 0;
        }
        let regions = (self.region(from), self.region(to));
        2 * self.links.latency(regions.0, regions.1)
    }

    /// What a request pays before its last byte can leave: its stream's negotiation, and a round trip for
    /// each doubling of the window that it needs.
    fn opening(&mut self, from: u32, to: u32, bytes: u64) -> u64 {
        self.round_trip(from, to) + self.slow_start(from, to, bytes)
    }

    /// What so many bytes wait for the window of the connection to open, which they then have opened.
    fn slow_start(&mut self, from: u32, to: u32, bytes: u64) -> u64 {
        let now_us = self.stage.now_us;
        let window = match self.machine(from).sessions.get_mut(&to) {
            Some(session) => session.sends(bytes, now_us),
            None => FIRST_WINDOW_BYTES,
        };
        match bytes.div_ceil(window).max(1).next_power_of_two().trailing_zeros() {
            0 => 0,
            doublings => u64::from(doublings) * self.round_trip(from, to),
        }
    }
}

impl Session {
    /// Notes that so many bytes leave, and gives the window that they find.
    fn sends(&mut self, bytes: u64, now_us: u64) -> u64 {
        if now_us > self.sent_us + WINDOW_PAUSE_US {
            self.window = FIRST_WINDOW_BYTES;
        }
        // Its stream's opening has been acknowledged before.
        let found = self.window + REQUEST_BYTES / 2;
        self.window = (found + bytes).min(WINDOW_BYTES_MAX);
        self.sent_us = now_us;
        found
    }
}

/// Bytes of pings while a connection stands for so long.
const fn ping_bytes(stands_us: u64) -> u64 {
    stands_us * PING_BYTES_PER_MINUTE / 60_000_000
}

/// What follows a message: the first bytes of its stream's id, and its number.
pub(super) fn message_id(stream: [u8; 16], number: u64) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = stream;
    u64::from_be_bytes([a, b, c, d, e, f, g, h]).wrapping_add(number)
}

/// The first bytes of an object's id.
pub(super) fn object_id(object: ObjectId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = object.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// An outcome, as whoever watches reads it: without its signature.
pub(super) fn parse_outcome(bytes: &[u8]) -> Option<OutcomeResult> {
    let outcome = Unverified::<Outcome>::parse(bytes).ok()?;
    Some(outcome.claims().result.clone())
}

impl Engine<'_> {
    pub(super) fn row(&self, kind: TraceKind, party: u32, other: u32) -> TraceRow {
        TraceRow {
            at_us: self.stage.now_us.saturating_sub(self.begin_us),
            kind,
            party,
            other,
            what: "",
            id: 0,
            patient: 0,
            bytes: 0,
            end: "",
        }
    }

    /// Writes a row of the trace; not while the federation is set up.
    pub(super) fn trace(
        &mut self,
        kind: TraceKind,
        party: u32,
        other: u32,
        fill: impl FnOnce(&mut TraceRow),
    ) {
        if self.quiet {
            return;
        }
        let mut row = self.row(kind, party, other);
        fill(&mut row);
        self.tracer.row(&row);
    }
}
