//! Greetings: what becomes of [`Order::Hello`](chartmesh_protocol::agenda::Order).
//!
//! ```text
//!  dial ──(handshake)──> greeting ──> hello arrives ──> welcome arrives ──> the agenda goes on
//!    └──────────> nobody there, nothing comes back: not greeted ───────────────┘
//! ```

use super::state::Engine;
use super::task::{Task, Then};
use crate::driver::Driver as _;
use crate::result::TraceKind;
use crate::stage::Back;
use chartmesh_protocol::Reach;
use chartmesh_protocol::peer::{CheckedHello, CheckedWelcome, DeliveryFailure, Event, Greeting};

/// How long dialling somebody who is not there takes: the transport's timeout.
const DIAL_TIMEOUT_US: u64 = 10_000_000;
/// How long a `hello` may take before whoever says it gives up, as `node/src/net/limits.rs` has it.
pub(super) const HELLO_TIMEOUT_US: u64 = 5_000_000;

impl Engine<'_> {
    /// Has a machine say `hello` to another, unless it is in a session with it.
    pub(super) fn greet(&mut self, from: u32, target: u32) {
        let other = &self.stage.machines[target as usize];
        let (to, node) = (other.party.peer.me(), other.node());
        let next = self.machine(from).party.agenda.greet(to, node, Vec::new());
        self.obey(from, next);
    }

    /// A connection is made, unless there is one.
    pub(super) fn dial(&mut self, from: u32, target: u32) {
        let epoch = self.machine(from).epoch;
        let now_us = self.stage.now_us;
        let callable = self.stage.machines[target as usize].callable;
        // A connection that the other made can be used by us, too, though we could not make it.
        let open = self.connected(from, target);
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
        let other = &self.stage.machines[target as usize];
        let (of, target_epoch) = ((other.party.peer.me(), other.node()), other.epoch);
        let ours = self.connection(from, target, target_epoch);
        let machine = self.machine(from);
        let now = machine.clock(now_us);
        let address = vec![format!("/memory/{from}")];
        let greeting = machine.party.peer.hello(&machine.disk, now, of, address, ours);
        self.say_hello(from, target, greeting.expect("memory does not fail"));
    }

    fn say_hello(&mut self, from: u32, target: u32, greeting: Greeting) {
        let now_us = self.stage.now_us;
        let target_epoch = self.stage.machines[target as usize].epoch;
        let bytes = greeting.bytes.clone();
        let machine = self.machine(from);
        let epoch = machine.epoch;
        machine.greetings.insert(target, greeting);
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
        let ours = self.connection(target, from, epoch);
        let request = self.request();
        let back = Back::Hello { from, from_epoch: epoch };
        self.machine(target).replying.insert(request.0, back);
        let event = Event::Hello {
            request,
            node: from_node,
            nonce: ours,
            addresses: vec![format!("/memory/{target}")],
            from: Reach::Machine,
            hello: Box::new(hello),
        };
        self.handle(target, event, "hello", Then::Nothing);
    }

    pub(super) fn welcome_arrives(&mut self, from: u32, target: u32, bytes: &[u8]) {
        let target_node = self.stage.machines[target as usize].party.peer.node();
        let Some(greeting) = self.machine(from).greetings.remove(&target) else { return };
        let Ok(welcome) = CheckedWelcome::prepare(target_node, bytes, &greeting) else {
            return self.greeted(from, target, Err(DeliveryFailure::NeverSent));
        };
        if let Some(proof) = self.proof(from, target, &welcome) {
            return self.say_hello(from, target, proof);
        }
        let machine = self.machine(from);
        let answer = match welcome.nonce() {
            Ok(nonce) if machine.connections.contains_key(&target) => {
                machine.party.agenda.learn_nonce(target_node, nonce);
                Ok(())
            }
            _ => Err(DeliveryFailure::GateClosed),
        };
        let event =
            Event::Welcome { node: target_node, from: Reach::Machine, welcome: Box::new(welcome) };
        self.handle(from, event, "hello", Then::Greeted(target, answer));
    }

    /// What proves a code, where that was asked for.
    fn proof(&mut self, from: u32, target: u32, welcome: &CheckedWelcome) -> Option<Greeting> {
        if !welcome.asks_for_proof() {
            return None;
        }
        let now_us = self.stage.now_us;
        let other = &self.stage.machines[target as usize];
        let (of, target_epoch) = ((other.party.peer.me(), other.node()), other.epoch);
        let ours = self.connection(from, target, target_epoch);
        let machine = self.machine(from);
        let now = machine.clock(now_us);
        let address = vec![format!("/memory/{from}")];
        let proof = machine.party.peer.prove(&machine.disk, now, of, address, ours, welcome);
        proof.expect("memory does not fail")
    }

    /// A greeting ended: what waited for it goes on.
    pub(super) fn greeted(&mut self, from: u32, target: u32, answer: Result<(), DeliveryFailure>) {
        let node = self.stage.machines[target as usize].node();
        let machine = self.machine(from);
        let next = machine.party.agenda.greeted(node, answer);
        let open = machine.party.agenda.their_nonce(node).is_some();
        let hostile = !machine.hostile.is_empty();
        if !open {
            self.hang_up(from, target);
        }
        if hostile {
            self.hostile_greeted(from, target, open);
        }
        self.obey(from, next);
    }
}
