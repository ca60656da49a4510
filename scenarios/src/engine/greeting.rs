//! Greetings: the connection that two machines have, and the `hello` that opens it to messages.
//!
//! ```text
//!  greet ──(handshake)──> greeting ──> hello arrives ──> welcome arrives ──> errands go on
//!    └──────────> nobody there, nothing comes back: not greeted ───────────> errands fail
//! ```

use super::{Engine, Task, Then};
use crate::result::TraceKind;
use crate::stage::{Back, Errand, Session};
use chartmesh_protocol::peer::{CheckedHello, CheckedWelcome, DeliveryFailure, Event};

/// How long dialling somebody who is not there takes: the transport's timeout.
const DIAL_TIMEOUT_US: u64 = 10_000_000;
/// How long a `hello` may take before whoever says it gives up, as `node/src/net/limits.rs` has it.
pub(super) const HELLO_TIMEOUT_US: u64 = 5_000_000;

impl Engine<'_> {
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
        self.count_pause(paused_us);
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
        let handshake = if open || self.quiet { 0 } else { self.connect(from, target) };
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
        self.count_bytes("transport", bytes.len() as u64);
        self.count_request();
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
            return self.queue.plan(now_us + HELLO_TIMEOUT_US, not_greeted);
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
        let back = Back::Hello { from, from_epoch: epoch };
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
}
