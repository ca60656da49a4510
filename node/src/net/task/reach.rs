//! What the handles ask for, on its way to a connection.

use chartmesh_protocol::id::NodeId;
use libp2p::Multiaddr;
use libp2p::swarm::DialError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use tokio::time::Instant;

use super::super::book::named;
use super::super::calls::{Call, Kind};
use super::super::dial::Target;
use super::super::event::Reason;
use super::super::peer_id::peer_of;
use super::{Command, Task, Waiter};

impl Task {
    pub(super) fn on_command(&mut self, command: Command) {
        match command {
            Command::Call { node, addrs, call } => match node.or_else(|| named(&addrs)) {
                Some(node) => self.reach(node, addrs, Waiter::Call(call)),
                None if addrs.is_empty() => call.never_sent(Reason::NoAddress),
                None => {
                    self.dials.wait_for_anyone(addrs, Waiter::Call(call), Instant::now());
                    self.dial();
                }
            },
            Command::Connect { node, addrs, caller } => {
                self.reach(node, addrs, Waiter::Connect(caller));
            }
            Command::Stop { .. } => unreachable!("handled by the loop"),
        }
    }

    /// Serves the waiter now if the node is connected, otherwise when it is.
    fn reach(&mut self, node: NodeId, addrs: Vec<Multiaddr>, waiter: Waiter) {
        if node == self.me || peer_of(node).is_none() {
            return waiter.never_sent(Reason::NotANode);
        }
        self.book.add(node, addrs);
        if self.state.is_connected(node) {
            self.serve(node, waiter);
        } else {
            self.dials.wait_for(node, self.book.of(node), waiter, Instant::now());
            self.dial();
        }
    }

    pub(super) fn serve(&mut self, node: NodeId, waiter: Waiter) {
        match waiter {
            Waiter::Connect(caller) => {
                let _gone = caller.send(Ok(()));
            }
            Waiter::Call(call) => {
                let kind = call.kind;
                self.calls.push(node, call);
                self.send_waiting(node, kind);
            }
        }
    }

    /// Puts on the wire what may go there.
    pub(super) fn send_waiting(&mut self, node: NodeId, kind: Kind) {
        if !self.state.is_connected(node) {
            for call in self.calls.take_waiting(node, kind) {
                self.reach(node, Vec::new(), Waiter::Call(call));
            }
        }
        let Some(peer) = peer_of(node) else { return };
        while let Some(Call { request, caller, .. }) = self.calls.next(node, kind) {
            let id = self.swarm.behaviour_mut().exchange(kind).send_request(&peer, request);
            self.calls.sent(kind, id, caller);
        }
    }

    /// Starts the attempts that are due, and tells those for whom none is left.
    pub(super) fn dial(&mut self) {
        let now = Instant::now();
        loop {
            let attempts = self.dials.due(now);
            if attempts.is_empty() {
                break;
            }
            for attempt in attempts {
                let Some(opts) = dial_opts(attempt.target, attempt.addrs) else {
                    continue;
                };
                let id = opts.connection_id();
                match self.swarm.dial(opts) {
                    Ok(()) => self.dials.started(attempt.target, id),
                    Err(error) => {
                        self.dials.failed_to_start(attempt.target, describe(&error), now);
                    }
                }
            }
        }
        for (error, waiting) in self.dials.hopeless() {
            for waiter in waiting {
                waiter.never_sent(match error.as_str() {
                    "" => Reason::NoAddress,
                    error => Reason::Unreachable(error.to_owned()),
                });
            }
        }
    }
}

fn dial_opts(target: Target, mut addrs: Vec<Multiaddr>) -> Option<DialOpts> {
    Some(match target {
        Target::Node(node) => DialOpts::peer_id(peer_of(node)?)
            .condition(PeerCondition::Always)
            .addresses(addrs)
            .build(),
        Target::Anyone(_) => DialOpts::unknown_peer_id().address(addrs.pop()?).build(),
    })
}

/// One line for a person, without libp2p's nesting.
pub(super) fn describe(error: &DialError) -> String {
    match error {
        DialError::Transport(errors) => {
            let each = errors.iter().map(|(addr, error)| format!("{addr}: {}", innermost(error)));
            each.collect::<Vec<_>>().join("; ")
        }
        DialError::WrongPeerId { address, .. } => format!("{address}: another node is there"),
        error => error.to_string(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
