//! Requests of ours: at most so many on the wire to one node, the others in line.

use std::collections::{HashMap, VecDeque};

use chartmesh_protocol::id::NodeId;
use chartmesh_protocol::limits;
use libp2p::request_response::OutboundRequestId;
use tokio::sync::oneshot;

use super::event::{Reason, SendFailure};
use super::limits::{CONTROL_IN_FLIGHT_MAX, HELLO_IN_FLIGHT_MAX, QUEUED_MAX};

/// The two protocols of one request and one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Hello,
    Control,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Control => "control",
        }
    }

    pub(super) fn request_bytes_max(self) -> usize {
        match self {
            Self::Hello => limits::HELLO_BYTES_MAX,
            Self::Control => limits::REQUEST_BYTES_MAX,
        }
    }

    pub(super) fn answer_bytes_max(self) -> usize {
        match self {
            Self::Hello => limits::HELLO_REPLY_BYTES_MAX,
            Self::Control => limits::RESPONSE_BYTES_MAX,
        }
    }

    fn in_flight_max(self) -> usize {
        match self {
            Self::Hello => HELLO_IN_FLIGHT_MAX,
            Self::Control => CONTROL_IN_FLIGHT_MAX,
        }
    }
}

/// What a call ends in: who answered, and the opaque answer.
pub(super) type Outcome = Result<(NodeId, Vec<u8>), SendFailure>;

/// One request on its way to the wire.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) request: Vec<u8>,
    pub(super) caller: oneshot::Sender<Outcome>,
}

impl Call {
    /// Ends it without anything having been sent.
    pub(super) fn never_sent(self, reason: Reason) {
        let _gone = self.caller.send(Err(SendFailure::NeverSent(reason)));
    }
}

#[derive(Debug, Default)]
struct Lane {
    in_flight: usize,
    waiting: VecDeque<Call>,
}

/// The lanes, one per node and kind, and the callers of what is on the wire.
#[derive(Debug, Default)]
pub(super) struct Calls {
    lanes: HashMap<(NodeId, Kind), Lane>,
    sent: HashMap<(Kind, OutboundRequestId), oneshot::Sender<Outcome>>,
}

impl Calls {
    /// Puts a call in line.
    pub(super) fn push(&mut self, node: NodeId, call: Call) {
        let lane = self.lanes.entry((node, call.kind)).or_default();
        if lane.waiting.len() >= QUEUED_MAX {
            call.never_sent(Reason::Busy);
        } else {
            lane.waiting.push_back(call);
        }
    }

    /// Takes the next call that may go on the wire now; say `sent` for it. Calls whose caller
    /// has gone are passed over.
    pub(super) fn next(&mut self, node: NodeId, kind: Kind) -> Option<Call> {
        let lane = self.lanes.get_mut(&(node, kind))?;
        while lane.in_flight < kind.in_flight_max() {
            let Some(call) = lane.waiting.pop_front() else {
                break;
            };
            if !call.caller.is_closed() {
                lane.in_flight += 1;
                return Some(call);
            }
        }
        if lane.in_flight == 0 && lane.waiting.is_empty() {
            self.lanes.remove(&(node, kind));
        }
        None
    }

    /// The call that `next` gave is on the wire under this id.
    pub(super) fn sent(
        &mut self,
        kind: Kind,
        id: OutboundRequestId,
        caller: oneshot::Sender<Outcome>,
    ) {
        self.sent.insert((kind, id), caller);
    }

    /// A call that was on the wire ended.
    pub(super) fn ended(
        &mut self,
        node: NodeId,
        kind: Kind,
        id: OutboundRequestId,
        outcome: Outcome,
    ) {
        if let Some(caller) = self.sent.remove(&(kind, id)) {
            let _gone = caller.send(outcome);
            if let Some(lane) = self.lanes.get_mut(&(node, kind)) {
                lane.in_flight = lane.in_flight.saturating_sub(1);
            }
        }
    }

    /// Takes all that wait for a node which is not connected any more.
    pub(super) fn take_waiting(&mut self, node: NodeId, kind: Kind) -> Vec<Call> {
        self.lanes
            .get_mut(&(node, kind))
            .map_or(Vec::new(), |lane| std::mem::take(&mut lane.waiting).into())
    }
}
