//! Requests and answers, of others and of ours.

use chartmesh_protocol::id::NodeId;
use libp2p::request_response::{
    Event as Exchanged, InboundRequestId, Message, OutboundFailure, OutboundRequestId,
    ResponseChannel,
};
use libp2p::swarm::ConnectionId;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::calls::{Kind, Outcome};
use super::super::codec::Answer;
use super::super::event::{NetEvent, Reason, Reply, SendFailure};
use super::super::peer_id::node_of;
use super::{Asked, Owed, Task};

impl Task {
    pub(super) fn on_exchanged(&mut self, kind: Kind, event: Exchanged<Vec<u8>, Answer>) {
        match event {
            Exchanged::Message { peer, connection_id, message } => {
                let Some(node) = node_of(&peer) else { return };
                match message {
                    Message::Request { request_id, request, channel } => {
                        self.on_request(kind, node, connection_id, request_id, request, channel);
                    }
                    Message::Response { request_id, response } => {
                        let outcome = match response {
                            Answer::Bytes(bytes) => Ok((node, bytes)),
                            Answer::Refused => Err(SendFailure::Refused),
                            Answer::Busy => Err(SendFailure::NeverSent(Reason::Busy)),
                        };
                        self.call_ended(node, kind, request_id, outcome);
                    }
                }
            }
            Exchanged::OutboundFailure { peer, request_id, error, .. } => {
                if let Some(node) = node_of(&peer) {
                    self.call_ended(node, kind, request_id, Err(failure(error)));
                }
            }
            Exchanged::InboundFailure { peer, connection_id, request_id, .. } => {
                if kind == Kind::Hello {
                    self.greeted(connection_id, request_id);
                }
                if let Some(node) = node_of(&peer) {
                    self.answered(node, kind, request_id);
                }
            }
            Exchanged::ResponseSent { peer, request_id, .. } => {
                if let Some(node) = node_of(&peer) {
                    self.answered(node, kind, request_id);
                }
            }
        }
    }

    /// The `hello` is answered or over: the connection may say another.
    fn greeted(&mut self, connection: ConnectionId, id: InboundRequestId) {
        if self.greeting.get(&connection) == Some(&id) {
            self.greeting.remove(&connection);
        }
    }

    fn call_ended(&mut self, node: NodeId, kind: Kind, id: OutboundRequestId, outcome: Outcome) {
        if let Err(failure) = &outcome {
            tracing::debug!(node = %node.short(), kind = kind.name(), %failure, "a call failed");
        }
        self.calls.ended(node, kind, id, outcome);
        self.send_waiting(node, kind);
    }

    /// Lets a request through to the driver, or turns it away.
    fn on_request(
        &mut self,
        kind: Kind,
        node: NodeId,
        connection: ConnectionId,
        id: InboundRequestId,
        request: Vec<u8>,
        channel: ResponseChannel<Answer>,
    ) {
        self.answering.entry(node).or_default().insert((kind, id));
        let whose = self.state.gates.institution(node);
        let turned_away = match kind {
            // The gate closed after the stream was negotiated.
            Kind::Control => (!self.state.gates.is_open(node)).then_some(Answer::Refused),
            Kind::Hello => {
                let origin = self.state.origin(node, connection);
                let fine = !self.greeting.contains_key(&connection)
                    && origin.is_some_and(|origin| {
                        whose.is_some() || self.strangers.hello(origin, Instant::now())
                    });
                if !fine && self.strangers.strike(connection) {
                    tracing::debug!(node = %node.short(), "a stranger says hello too often");
                    self.swarm.close_connection(connection);
                }
                (!fine).then_some(Answer::Busy)
            }
        };
        let full = || (!self.requests.take(whose)).then_some(Answer::Busy);
        if let Some(answer) = turned_away.or_else(full) {
            let (greeting, place) = (None, None);
            return self.pay(Owed { kind, id, channel, answer: Some(answer), greeting, place });
        }
        let asked = Asked { kind, node, connection, id, request, channel, whose };
        match kind {
            // Its answer is short, and a connection has one at a time.
            Kind::Hello => self.hand_on(asked),
            Kind::Control => {
                self.answers.wait(id, (connection, whose), asked);
                self.hand_on_waiting();
            }
        }
    }

    /// Hands those requests to the driver for whose answers there is room.
    pub(super) fn hand_on_waiting(&mut self) {
        while let Some(asked) = self.answers.next() {
            self.hand_on(asked);
        }
    }

    fn hand_on(&mut self, asked: Asked) {
        let Asked { kind, node, connection, id, request, channel, whose } = asked;
        let (sender, answer) = oneshot::channel();
        let reply = Reply(sender);
        match kind {
            Kind::Hello => {
                self.greeting.insert(connection, id);
                self.backlog.push_back(NetEvent::Hello { node, request, reply });
            }
            Kind::Control if self.state.gates.is_open(node) => {
                self.backlog.push_back(NetEvent::Control { node, request, reply });
            }
            // The gate closed while it waited.
            Kind::Control => reply.refuse(),
        }
        let greeting = (kind == Kind::Hello).then_some((connection, id));
        self.owed.push(Box::pin(async move {
            let answer = answer.await.ok();
            Owed { kind, id, channel, answer, greeting, place: Some(whose) }
        }));
    }

    /// Sends an answer; without one the channel is dropped, and the stream ends without a word.
    pub(super) fn pay(&mut self, owed: Owed) {
        let Owed { kind, id, channel, answer, greeting, place } = owed;
        if let Some(whose) = place {
            self.requests.give_back(&whose);
        }
        if kind == Kind::Control {
            self.answers.needs(id, answer.as_ref().map_or(0, Answer::len));
            self.hand_on_waiting();
        }
        // Before the answer is on its way, so that who has it may ask again at once.
        if let Some((connection, id)) = greeting {
            self.greeted(connection, id);
        }
        match answer {
            Some(Answer::Bytes(bytes)) if bytes.len() > kind.answer_bytes_max() => {
                tracing::error!(kind = kind.name(), bytes = bytes.len(), "an answer is too long");
            }
            Some(answer) => {
                let _gone =
                    self.swarm.behaviour_mut().exchange(kind).send_response(channel, answer);
            }
            None => {}
        }
    }
}

/// What may be concluded from a request that brought no answer. libp2p reports a broken stream
/// the same way before and after the request was written: that counts as unknown.
fn failure(error: OutboundFailure) -> SendFailure {
    match error {
        OutboundFailure::DialFailure => {
            SendFailure::NeverSent(Reason::Unreachable("the connection just ended".to_owned()))
        }
        OutboundFailure::UnsupportedProtocols => SendFailure::Refused,
        OutboundFailure::Timeout => SendFailure::Unknown(Reason::TimedOut),
        OutboundFailure::ConnectionClosed => {
            SendFailure::Unknown(Reason::Broken("closed".to_owned()))
        }
        OutboundFailure::Io(error) => SendFailure::Unknown(Reason::Broken(error.to_string())),
    }
}
