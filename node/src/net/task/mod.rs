//! The one task that owns the swarm.

mod exchange;
mod happening;
mod reach;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, PartyId};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::core::transport::ListenerId;
use libp2p::request_response::{InboundRequestId, ResponseChannel};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, Swarm};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::answers::Answers;
use super::behaviour::Behaviour;
use super::book::AddressBook;
use super::calls::{Call, Calls, Kind};
use super::codec::Answer;
use super::dial::Dials;
use super::event::{NetEvent, Reason, SendFailure};
use super::limits::{GOODBYE_MAX, Limits, REQUESTS_MAX, STOP_TIMEOUT};
use super::peer_id::peer_of;
use super::places::Shares;
use super::state::NetState;
use super::strangers::Strangers;

/// What a handle asks of the task.
#[derive(Debug)]
pub(super) enum Command {
    /// Send a request to a node, or to whoever is at the addresses.
    Call { node: Option<NodeId>, addrs: Vec<Multiaddr>, call: Call },
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
    id: InboundRequestId,
    channel: ResponseChannel<Answer>,
    answer: Option<Answer>,
    /// For a `hello` that is being answered: where, so that the next may come.
    greeting: Option<(ConnectionId, InboundRequestId)>,
    /// Whose place it takes: an institution's, or, of all strangers together, none's; nothing where it got none.
    place: Option<Whose>,
}

/// An inbound request for the driver.
struct Asked {
    kind: Kind,
    node: NodeId,
    connection: ConnectionId,
    id: InboundRequestId,
    request: Vec<u8>,
    channel: ResponseChannel<Answer>,
    whose: Whose,
}

/// Of whom a request is: of an institution, or of all strangers.
type Whose = Option<PartyId>;

/// The listeners that have not named an address yet, and who waits for them.
pub(super) struct Starting {
    pub(super) listeners: HashSet<ListenerId>,
    pub(super) ready: Option<oneshot::Sender<Result<(), String>>>,
}

pub(super) struct Task {
    me: NodeId,
    swarm: Swarm<Behaviour>,
    state: Arc<NetState>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetEvent>,
    /// Events that the driver has not taken yet; requests only as far as they have places.
    backlog: VecDeque<NetEvent>,
    owed: FuturesUnordered<BoxFuture<'static, Owed>>,
    /// The `hello` being answered on each connection.
    greeting: HashMap<ConnectionId, InboundRequestId>,
    /// Requests whose answers are not on the wire yet, by node.
    answering: HashMap<NodeId, HashSet<(Kind, InboundRequestId)>>,
    /// Nodes to disconnect once they have their answers, and when at the latest.
    leaving: HashMap<NodeId, Instant>,
    strangers: Strangers,
    /// The requests that are being answered.
    requests: Shares<Whose>,
    /// Control requests that wait for room for their answers, and the answers that are not on the wire.
    answers: Answers<InboundRequestId, ConnectionId, Whose, Asked>,
    book: AddressBook,
    dials: Dials<Waiter>,
    calls: Calls,
    starting: Starting,
}

impl Task {
    pub(super) fn new(
        me: NodeId,
        swarm: Swarm<Behaviour>,
        state: Arc<NetState>,
        limits: Limits,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<NetEvent>,
        starting: Starting,
    ) -> Self {
        Self {
            me,
            swarm,
            state,
            commands,
            events,
            backlog: VecDeque::new(),
            owed: FuturesUnordered::new(),
            greeting: HashMap::new(),
            answering: HashMap::new(),
            leaving: HashMap::new(),
            strangers: Strangers::new(limits, Instant::now()),
            requests: Shares::new(REQUESTS_MAX),
            answers: Answers::new(),
            book: AddressBook::default(),
            dials: Dials::default(),
            calls: Calls::default(),
            starting,
        }
    }

    /// Runs until it is told to stop or the driver or the last handle is gone.
    pub(super) async fn run(mut self) {
        let (state, events) = (Arc::clone(&self.state), self.events.clone());
        let stopped = loop {
            let leaving = self.leaving.values().min().copied();
            let due = [self.strangers.next_due(), self.dials.next_due(), leaving];
            let due = due.into_iter().flatten().min();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Stop { caller }) => break Some(caller),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                () = state.closing_changed.notified() => self.disconnect_closed(),
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

    fn on_time(&mut self) {
        for id in self.strangers.expired(&self.state.gates, Instant::now()) {
            tracing::debug!(connection = %id, "a stranger's time is up");
            self.swarm.close_connection(id);
        }
        let now = Instant::now();
        let late = self.leaving.iter().filter(|(_, until)| **until <= now);
        for node in late.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.disconnect(node);
        }
        self.dial();
    }

    /// Whose gate was closed is disconnected as soon as it has the answers that it waits for: the
    /// answer to what closed the gate among them.
    fn disconnect_closed(&mut self) {
        for node in self.state.take_closing() {
            if self.answering.contains_key(&node) {
                self.leaving.insert(node, Instant::now() + GOODBYE_MAX);
            } else {
                self.disconnect(node);
            }
        }
    }

    /// The answer to a request is on the wire, or will never be.
    fn answered(&mut self, node: NodeId, kind: Kind, id: InboundRequestId) {
        if kind == Kind::Control {
            if let Some(asked) = self.answers.gone(id) {
                self.requests.give_back(&asked.whose);
            }
            self.hand_on_waiting();
        }
        let Some(waiting) = self.answering.get_mut(&node) else { return };
        waiting.remove(&(kind, id));
        if waiting.is_empty() {
            self.answering.remove(&node);
            if self.leaving.contains_key(&node) {
                self.disconnect(node);
            }
        }
    }

    fn disconnect(&mut self, node: NodeId) {
        self.leaving.remove(&node);
        // It may have said `hello` again meanwhile, and been let in.
        if !self.state.gates.is_open(node)
            && let Some(peer) = peer_of(node)
        {
            let _not_connected = self.swarm.disconnect_peer_id(peer);
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
