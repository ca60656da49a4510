//! What the network tells its one owner, and how a call can fail.

use chartmesh_protocol::id::NodeId;
use libp2p::Multiaddr;
use tokio::sync::oneshot;

use super::bulk::BulkStream;
use super::codec::Answer;

/// What happened on the network. The node named is always the one that proved its key.
#[derive(Debug)]
pub enum NetEvent {
    /// Anyone at all says hello. Answer once.
    Hello {
        /// Who asks.
        node: NodeId,
        /// Opaque, at most [`limits::HELLO_BYTES_MAX`](chartmesh_protocol::limits::HELLO_BYTES_MAX).
        request: Vec<u8>,
        /// Where the answer goes.
        reply: Reply,
    },
    /// A node whose gate is open asks.
    Control {
        /// Who asks.
        node: NodeId,
        /// Opaque, at most [`limits::REQUEST_BYTES_MAX`](chartmesh_protocol::limits::REQUEST_BYTES_MAX).
        request: Vec<u8>,
        /// Where the answer goes.
        reply: Reply,
    },
    /// A node whose gate is open has opened a bulk stream; drop it to end it.
    Bulk {
        /// Who opened it.
        node: NodeId,
        /// The stream, from its first byte of payload.
        stream: BulkStream,
    },
    /// The first connection with a node stands; see [`super::Net::nonce`].
    Connected {
        /// With whom.
        node: NodeId,
    },
    /// The last connection with a node ended.
    Disconnected {
        /// With whom.
        node: NodeId,
    },
    /// mDNS found a node on the local network. It may be nobody we know.
    Discovered {
        /// Who is said to be there; proven only by connecting.
        node: NodeId,
        /// Where; the addresses are in the address book already.
        addrs: Vec<Multiaddr>,
    },
    /// Where a node was looked for, another one is. An institution that rotated its keys has new nodes at its old
    /// addresses; it may be anybody else as well.
    Instead {
        /// Who was looked for.
        of: NodeId,
        /// Who is there: it has proven its key, and nothing more.
        node: NodeId,
        /// Where.
        addr: Multiaddr,
    },
    /// A listener has a further address.
    Listening {
        /// With the port that was chosen.
        addr: Multiaddr,
    },
}

/// The way back to whoever asked. Dropping it unused ends the stream without a word, and leaves
/// the remote not knowing whether its request was processed.
#[derive(Debug)]
pub struct Reply(pub(super) oneshot::Sender<Answer>);

impl Reply {
    /// Sends the answer, at most [`limits::HELLO_BYTES_MAX`](chartmesh_protocol::limits::HELLO_BYTES_MAX) or
    /// [`limits::RESPONSE_BYTES_MAX`](chartmesh_protocol::limits::RESPONSE_BYTES_MAX). A remote that is gone meanwhile never learns of it.
    pub fn send(self, bytes: Vec<u8>) {
        let _gone = self.0.send(Answer::Bytes(bytes));
    }

    /// Says that the request was not processed and will not be: [`SendFailure::Refused`] there.
    pub fn refuse(self) {
        let _gone = self.0.send(Answer::Refused);
    }

    /// Says that the request was not processed now: [`SendFailure::NeverSent`] there.
    pub fn busy(self) {
        let _gone = self.0.send(Answer::Busy);
    }
}

/// Why a call brought no answer, told apart by what may be concluded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// The remote has not processed the request; asking again repeats nothing.
    #[error("not sent: {0}")]
    NeverSent(Reason),
    /// The remote may have processed the request.
    #[error("outcome unknown: {0}")]
    Unknown(Reason),
    /// The remote answered that it will not process the request. For control and bulk: it has
    /// not admitted us, or no longer (it may have restarted); say hello again.
    #[error("the remote node refused; say hello to it first")]
    Refused,
}

/// What went wrong, for people and logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Neither the caller nor the address book knows where the node is.
    #[error("no address is known for the node")]
    NoAddress,
    /// The id is no Ed25519 public key, or is our own.
    #[error("this is not the id of another node")]
    NotANode,
    /// No address led to the node.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// The request is above the protocol's cap.
    #[error("the request has {bytes} bytes, the most is {max}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The cap.
        max: usize,
    },
    /// The remote, or our own queue for it, has no room now.
    #[error("busy; try again later")]
    Busy,
    /// No answer in time.
    #[error("timed out")]
    TimedOut,
    /// The connection or the stream broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// This node is shutting down.
    #[error("this node is stopping")]
    Stopping,
}
