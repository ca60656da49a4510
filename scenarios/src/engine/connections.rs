//! The connections that stand between machines, each end by itself.

use super::state::Engine;
use crate::stage::Connection;
use crate::stage::window::Window;
use chartmesh_protocol::peer::Nonce;

impl Engine<'_> {
    /// Uses the connection with `other`, if one stands: it does not when it was idle too long, or `other` started anew.
    pub(super) fn connected(&mut self, at: u32, other: u32) -> bool {
        let now_us = self.stage.now_us;
        let idle_us = self.scenario.policy.idle.micros();
        let there = &self.stage.machines[other as usize];
        let (epoch, on) = (there.epoch, there.on);
        let Some(connection) = self.machine(at).connections.get_mut(&other) else { return false };
        if connection.epoch != epoch || !on || connection.used_us + idle_us < now_us {
            self.hang_up(at, other);
            self.hang_up(other, at);
            return false;
        }
        let paused_us = now_us - connection.used_us;
        connection.used_us = now_us;
        self.count_pause(paused_us);
        true
    }

    /// What `other` told in the session with it, if there is one.
    pub(super) fn their_nonce(&mut self, at: u32, other: u32) -> Option<Nonce> {
        if !self.connected(at, other) {
            return None;
        }
        let node = self.stage.machines[other as usize].node();
        self.machine(at).party.agenda.their_nonce(node)
    }

    /// A `hello` goes over a new connection with this start of `other`, or over the one that stands; gives our nonce.
    pub(super) fn connection(&mut self, at: u32, other: u32, epoch: u32) -> Nonce {
        let before = self.machine(at).connections.get(&other).map(|connection| connection.epoch);
        if before.is_some_and(|before| before != epoch) {
            self.hang_up(at, other);
        }
        let (now_us, node) = (self.stage.now_us, self.stage.machines[other as usize].node());
        let machine = self.machine(at);
        let connection = Connection { epoch, used_us: now_us, window: Window::new(now_us) };
        machine.connections.insert(other, connection);
        machine.party.agenda.choose_nonce(node, &mut machine.party.rng)
    }

    /// Something came over a connection.
    pub(super) fn used(&mut self, at: u32, other: u32) {
        let now_us = self.stage.now_us;
        if let Some(connection) = self.machine(at).connections.get_mut(&other) {
            connection.used_us = now_us;
        }
    }

    /// One end of a connection is no more.
    pub(super) fn hang_up(&mut self, at: u32, other: u32) {
        let node = self.stage.machines[other as usize].node();
        let machine = self.machine(at);
        machine.connections.remove(&other);
        machine.party.agenda.disconnected(node);
    }
}
