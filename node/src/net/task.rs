//! The one task that owns the swarm.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use chartmesh_protocol::id::NodeId;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{
    Event as Exchanged, InboundRequestId, Message, OutboundFailure, ResponseChannel,
};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, mdns, ping};
use tokio::sync::{mpsc, oneshot};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::book::{AddressBook, named};
use super::calls::{Call, Calls, Kind, Outcome};
use super::codec::Answer;
use super::dial::{Dials, Target};
use super::event::{NetEvent, Reason, Reply, SendFailure};
use super::limits::{Limits, STOP_TIMEOUT, WAITING_EVENTS_MAX};
use super::peer_id::{node_of, peer_of};
use super::shared::Shared;
use super::strangers::{Origin, Strangers};

/// What a handle asks of the task.
#[derive(Debug)]
pub(super) enum Command {
    /// Send a request to a node, or to whoever is at the addresses.
    Call {
        node: Option<NodeId>,
        addrs: Vec<Multiaddr>,
        call: Call,
    },
    /// See to it that the node is connected.
    Connect {
        node: NodeId,
        addrs: Vec<Multiaddr>,
        caller: oneshot::Sender<Result<(), SendFailure>>,
    },
    /// Say goodbye to all and end.
    Stop { caller: oneshot::Sender<()> },
}

/// Who waits for a connection.
#[derive(Debug)]
enum Waiter {
    Call(Call),
    Connect(oneshot::Sender<Result<(), SendFailure>>),
}

impl Waiter {
    fn never_sent(self, reason: Reason) {
        match self {
            Self::Call(call) => call.never_sent(reason),
            Self::Connect(caller) => {
                let _gone = caller.send(Err(SendFailure::NeverSent(reason)));
            }
        }
    }
}

/// An inbound request whose answer is awaited from the driver.
struct Owed {
    kind: Kind,
    channel: ResponseChannel<Answer>,
    answer: Option<Answer>,
}

/// The listeners that have not named an address yet, and who waits for them.
pub(super) struct Starting {
    pub(super) listeners: HashSet<ListenerId>,
    pub(super) ready: Option<oneshot::Sender<Result<(), String>>>,
}

pub(super) struct Task {
    me: NodeId,
    swarm: Swarm<Behaviour>,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetEvent>,
    /// Events that the driver has not taken yet; requests only up to `WAITING_EVENTS_MAX`.
    backlog: VecDeque<NetEvent>,
    owed: FuturesUnordered<BoxFuture<'static, Owed>>,
    /// The `hello` being answered on each connection.
    greeting: HashMap<ConnectionId, InboundRequestId>,
    strangers: Strangers,
    book: AddressBook,
    dials: Dials<Waiter>,
    calls: Calls,
    starting: Starting,
}

impl Task {
    pub(super) fn new(
        me: NodeId,
        swarm: Swarm<Behaviour>,
        shared: Arc<Shared>,
        limits: Limits,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<NetEvent>,
        starting: Starting,
    ) -> Self {
        Self {
            me,
            swarm,
            shared,
            commands,
            events,
            backlog: VecDeque::new(),
            owed: FuturesUnordered::new(),
            greeting: HashMap::new(),
            strangers: Strangers::new(limits),
            book: AddressBook::default(),
            dials: Dials::default(),
            calls: Calls::default(),
            starting,
        }
    }

    /// Runs until it is told to stop or the driver or the last handle is gone.
    pub(super) async fn run(mut self) {
        let (shared, events) = (Arc::clone(&self.shared), self.events.clone());
        let stopped = loop {
            let due = [self.strangers.next_due(), self.dials.next_due()]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Stop { caller }) => break Some(caller),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                () = shared.closing_changed.notified() => self.disconnect_closed(),
                Some(owed) = self.owed.next() => self.pay(owed),
                slot = events.reserve(), if !self.backlog.is_empty() => match slot {
                    Ok(slot) => slot.send(self.backlog.pop_front().expect("checked above")),
                    // The driver is gone; nobody is left to decide anything.
                    Err(_) => break None,
                },
                () = sleep_until(due) => self.on_time(),
            }
        };
        self.stop().await;
        drop(self);
        if let Some(caller) = stopped {
            let _gone = caller.send(());
        }
    }

    /// Closes all connections, so that the others need not find out by timeouts.
    async fn stop(&mut self) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _gone = self.swarm.disconnect_peer_id(peer);
        }
        let goodbyes = async {
            while self.swarm.connected_peers().next().is_some() {
                let event = self.swarm.select_next_some().await;
                self.on_swarm_event(event);
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, goodbyes).await.is_err() {
            tracing::debug!("some connections did not close in time");
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Call { node, addrs, call } => match node.or_else(|| named(&addrs)) {
                Some(node) => self.reach(node, addrs, Waiter::Call(call)),
                None if addrs.is_empty() => call.never_sent(Reason::NoAddress),
                None => {
                    self.dials
                        .wait_for_anyone(addrs, Waiter::Call(call), Instant::now());
                    self.dial();
                }
            },
            Command::Connect {
                node,
                addrs,
                caller,
            } => {
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
        if self.shared.is_connected(node) {
            self.serve(node, waiter);
        } else {
            self.dials
                .wait_for(node, self.book.of(node), waiter, Instant::now());
            self.dial();
        }
    }

    fn serve(&mut self, node: NodeId, waiter: Waiter) {
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
    fn send_waiting(&mut self, node: NodeId, kind: Kind) {
        if !self.shared.is_connected(node) {
            for call in self.calls.take_waiting(node, kind) {
                self.reach(node, Vec::new(), Waiter::Call(call));
            }
        }
        let Some(peer) = peer_of(node) else { return };
        while let Some(Call {
            request, caller, ..
        }) = self.calls.next(node, kind)
        {
            let id = self
                .swarm
                .behaviour_mut()
                .exchange(kind)
                .send_request(&peer, request);
            self.calls.sent(kind, id, caller);
        }
    }

    /// Starts the attempts that are due, and tells those for whom none is left.
    fn dial(&mut self) {
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
                        self.dials
                            .failed_to_start(attempt.target, describe(&error), now);
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

    fn on_time(&mut self) {
        for id in self.strangers.expired(&self.shared.gates, Instant::now()) {
            tracing::debug!(connection = %id, "a stranger's time is up");
            self.swarm.close_connection(id);
        }
        self.dial();
    }

    fn disconnect_closed(&mut self) {
        for node in self.shared.take_closing() {
            if let Some(peer) = peer_of(node) {
                let _not_connected = self.swarm.disconnect_peer_id(peer);
            }
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                let addr = endpoint.get_remote_address().clone();
                self.on_connected(&peer_id, connection_id, addr, endpoint.is_listener());
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                ..
            } => {
                self.strangers.forget(connection_id);
                self.greeting.remove(&connection_id);
                if let Some(node) = node_of(&peer_id)
                    && self.shared.link_down(node, connection_id)
                {
                    self.on_disconnected(node);
                }
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id,
                connection_id,
                error,
            } => {
                if let (DialError::WrongPeerId { address, .. }, Some(peer)) = (&error, peer_id)
                    && let Some(node) = node_of(&peer)
                {
                    self.book.remove(node, address);
                }
                self.dials
                    .failed(connection_id, describe(&error), Instant::now());
                self.dial();
            }
            SwarmEvent::NewListenAddr {
                listener_id,
                address,
            } => {
                self.shared.listening(address.clone());
                self.backlog
                    .push_back(NetEvent::Listening { addr: address });
                self.listener_settled(listener_id, Ok(()));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => self.shared.not_listening(&address),
            SwarmEvent::ListenerError { listener_id, error } => {
                tracing::warn!(%error, "a listener had an error");
                self.listener_settled(listener_id, Err(error.to_string()));
            }
            SwarmEvent::ListenerClosed {
                listener_id,
                addresses,
                reason,
            } => {
                addresses
                    .iter()
                    .for_each(|addr| self.shared.not_listening(addr));
                let why = reason
                    .err()
                    .map_or("closed".to_owned(), |error| error.to_string());
                tracing::warn!(%why, "a listener ended");
                self.listener_settled(listener_id, Err(why));
            }
            _ => {}
        }
    }

    fn listener_settled(&mut self, id: ListenerId, outcome: Result<(), String>) {
        if !self.starting.listeners.remove(&id) {
            return;
        }
        if (outcome.is_err() || self.starting.listeners.is_empty())
            && let Some(ready) = self.starting.ready.take()
        {
            let _gone = ready.send(outcome);
        }
    }

    fn on_connected(&mut self, peer: &PeerId, id: ConnectionId, addr: Multiaddr, inbound: bool) {
        let Some(node) = node_of(peer) else {
            self.swarm.close_connection(id);
            return;
        };
        let first = self.shared.link_up(node, id, addr.clone());
        if inbound {
            let (origin, gates) = (Origin::of(&addr), &self.shared.gates);
            if !self
                .strangers
                .admit(id, node, origin, gates, Instant::now())
            {
                tracing::debug!(node = %node.short(), "too many strangers");
                self.swarm.close_connection(id);
            }
        }
        // Where we reached it is the best address; where it came from is better than none.
        if !inbound || self.book.of(node).is_empty() {
            self.book.add(node, [addr]);
        }
        if first {
            self.backlog.push_back(NetEvent::Connected { node });
        }
        for waiter in self.dials.connected(node, id) {
            self.serve(node, waiter);
        }
    }

    fn on_disconnected(&mut self, node: NodeId) {
        // A driver that is behind need not hear of a coming and going it never saw: that also
        // bounds the backlog against nodes that come and go quickly.
        let unseen =
            |event: &NetEvent| matches!(event, NetEvent::Connected { node: n } if *n == node);
        match self.backlog.iter().rposition(unseen) {
            Some(index) => {
                self.backlog.remove(index);
            }
            None => self.backlog.push_back(NetEvent::Disconnected { node }),
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Hello(event) => self.on_exchanged(Kind::Hello, event),
            BehaviourEvent::Control(event) => self.on_exchanged(Kind::Control, event),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => self.on_discovered(found),
            BehaviourEvent::Ping(ping::Event {
                connection,
                result: Err(failure),
                ..
            }) if !matches!(failure, ping::Failure::Unsupported) => {
                self.swarm.close_connection(connection);
            }
            _ => {}
        }
    }

    fn on_discovered(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        let mut by_node: HashMap<NodeId, Vec<Multiaddr>> = HashMap::new();
        for (peer, mut addr) in found {
            if let Some(node) = node_of(&peer) {
                if let Some(Protocol::P2p(_)) = addr.iter().last() {
                    addr.pop();
                }
                by_node.entry(node).or_default().push(addr);
            }
        }
        for (node, addrs) in by_node {
            // What the local network claims comes after what is known.
            let known = self.book.of(node);
            self.book.add(node, known.into_iter().chain(addrs.clone()));
            self.backlog.retain(
                |event| !matches!(event, NetEvent::Discovered { node: n, .. } if *n == node),
            );
            if self.backlog.len() < WAITING_EVENTS_MAX {
                self.backlog.push_back(NetEvent::Discovered { node, addrs });
            }
        }
    }

    fn on_exchanged(&mut self, kind: Kind, event: Exchanged<Vec<u8>, Answer>) {
        match event {
            Exchanged::Message {
                peer,
                connection_id,
                message,
            } => {
                let Some(node) = node_of(&peer) else { return };
                match message {
                    Message::Request {
                        request_id,
                        request,
                        channel,
                    } => {
                        self.on_request(kind, node, connection_id, request_id, request, channel);
                    }
                    Message::Response {
                        request_id,
                        response,
                    } => {
                        let outcome = match response {
                            Answer::Bytes(bytes) => Ok((node, bytes)),
                            Answer::Refused => Err(SendFailure::Refused),
                            Answer::Busy => Err(SendFailure::NeverSent(Reason::Busy)),
                        };
                        self.call_ended(node, kind, request_id, outcome);
                    }
                }
            }
            Exchanged::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                if let Some(node) = node_of(&peer) {
                    self.call_ended(node, kind, request_id, Err(failure(error)));
                }
            }
            Exchanged::InboundFailure {
                connection_id,
                request_id,
                ..
            }
            | Exchanged::ResponseSent {
                connection_id,
                request_id,
                ..
            } => {
                if kind == Kind::Hello && self.greeting.get(&connection_id) == Some(&request_id) {
                    self.greeting.remove(&connection_id);
                }
            }
        }
    }

    fn call_ended(
        &mut self,
        node: NodeId,
        kind: Kind,
        id: libp2p::request_response::OutboundRequestId,
        outcome: Outcome,
    ) {
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
        let admitted = self.shared.gates.is_open(node);
        let turned_away = match kind {
            // The gate closed after the stream was negotiated.
            Kind::Control => (!admitted).then_some(Answer::Refused),
            Kind::Hello => {
                let origin = self
                    .shared
                    .link_addr(node, connection)
                    .as_ref()
                    .map(Origin::of);
                let fine = !self.greeting.contains_key(&connection)
                    && origin.is_some_and(|origin| {
                        admitted || self.strangers.hello(origin, Instant::now())
                    });
                if !fine && self.strangers.strike(connection) {
                    tracing::debug!(node = %node.short(), "a stranger says hello too often");
                    self.swarm.close_connection(connection);
                }
                (!fine).then_some(Answer::Busy)
            }
        };
        let full = (self.backlog.len() >= WAITING_EVENTS_MAX).then_some(Answer::Busy);
        if let Some(answer) = turned_away.or(full) {
            return self.pay(Owed {
                kind,
                channel,
                answer: Some(answer),
            });
        }
        let (sender, answer) = oneshot::channel();
        let reply = Reply(sender);
        self.backlog.push_back(match kind {
            Kind::Hello => {
                self.greeting.insert(connection, id);
                NetEvent::Hello {
                    node,
                    request,
                    reply,
                }
            }
            Kind::Control => NetEvent::Control {
                node,
                request,
                reply,
            },
        });
        self.owed.push(Box::pin(async move {
            Owed {
                kind,
                channel,
                answer: answer.await.ok(),
            }
        }));
    }

    /// Sends an answer; without one the channel is dropped, and the stream ends without a word.
    fn pay(&mut self, owed: Owed) {
        let Owed {
            kind,
            channel,
            answer,
        } = owed;
        match answer {
            Some(Answer::Bytes(bytes)) if bytes.len() > kind.answer_bytes_max() as usize => {
                tracing::error!(
                    kind = kind.name(),
                    bytes = bytes.len(),
                    "an answer is too long"
                );
            }
            Some(answer) => {
                let _gone = self
                    .swarm
                    .behaviour_mut()
                    .exchange(kind)
                    .send_response(channel, answer);
            }
            None => {}
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

/// One line for a person, without libp2p's nesting.
fn describe(error: &DialError) -> String {
    match error {
        DialError::Transport(errors) => {
            let each = errors
                .iter()
                .map(|(addr, error)| format!("{addr}: {}", innermost(error)));
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

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
