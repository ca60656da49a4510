//! Every bound of the network layer, with its reason. How long messages may be says the protocol.

use std::time::Duration;

use chartmesh_protocol::limits;

/// How long a `hello` may take from its first byte to the answer's last.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a control request may take; the longest are those that wait for a commit.
pub(super) const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);

/// Control requests to one node that are on the wire at once; libp2p fails what exceeds its own
/// cap instead of queueing it, so we queue beyond this.
pub(super) const CONTROL_IN_FLIGHT_MAX: usize = 100;

/// `hello` requests to one node on the wire at once: the remote takes one per connection.
pub(super) const HELLO_IN_FLIGHT_MAX: usize = 1;

/// Requests to one node that wait for a place on the wire; a caller beyond it is told at once.
pub(super) const QUEUED_MAX: usize = 4096;

/// Control streams of one connection that libp2p serves at once, both directions together: our
/// own hundred, as many of the remote, and room for those that are just ending.
pub(super) const CONTROL_STREAMS_MAX: usize = 256;

/// KiB of one connection's requests that are being read: four of the largest. Messages of an institution come one at a time.
pub(super) const READING_KIB_MAX: u32 = 4096;

/// KiB of a request that waits for no room: a message of the usual size never stands behind large ones.
pub(super) const READ_AT_ONCE_KIB_MAX: u32 = 16;

/// Bytes of answers that are kept for one connection, on their way or still to be made: two of the longest. Messages of an
/// institution come one at a time, and most answers are short.
pub(super) const ANSWERS_OF_CONNECTION_MAX: usize = 2 * limits::RESPONSE_BYTES_MAX;

/// The same, for all connections of one institution: a node of it that does not read leaves half to the others.
pub(super) const ANSWERS_OF_INSTITUTION_MAX: usize = 2 * ANSWERS_OF_CONNECTION_MAX;

/// `hello` streams of one connection at once, both directions together: one each way, and two
/// that are there only to be told "busy".
pub(super) const HELLO_STREAMS_MAX: usize = 4;

/// Opening a bulk stream: negotiation, and the remote's answer whether it has room.
pub(super) const BULK_OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Tries to open one bulk stream: libp2p-stream drops a stream that arrives in the instant in
/// which its acceptor is busy with another.
pub(super) const BULK_OPEN_TRIES: u32 = 4;

/// Requests of other nodes that wait for the driver, are checked or wait for the writer; beyond it, or beyond its
/// institution's share, the remote is told "busy".
pub(super) const REQUESTS_MAX: usize = 256;

/// Nodes found by mDNS that wait for the driver to hear of them.
pub(super) const DISCOVERED_MAX: usize = 256;

/// Events and commands that may wait in their channels.
pub(super) const CHANNEL_MAX: usize = 64;

/// Handshakes of others going on at once over TCP, and as many over QUIC: each costs a key agreement.
pub(super) const HANDSHAKES_MAX: usize = 128;

/// Handshakes of ours going on at once.
pub(super) const DIALS_MAX: u32 = 128;

/// How long a handshake may take.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections with known nodes in all: a file descriptor and some 100 KiB each.
pub(super) const CONNECTIONS_MAX: usize = 1024;

/// Connections with one node: TCP and QUIC, each perhaps dialled from both ends at once.
pub(super) const CONNECTIONS_PER_NODE_MAX: u32 = 8;

/// How often identify tells a connected node again what it told at first, which does not change. By
/// default that is every five minutes, and no connection would ever be idle for that long.
pub(super) const IDENTIFY_EVERY: Duration = Duration::from_secs(24 * 3600);

/// A head start for the TCP addresses, which carry bulk faster (and on lossy paths very much
/// faster: the kernel's congestion control against QUIC's fixed one).
pub(super) const DIAL_STAGGER: Duration = Duration::from_millis(250);

/// How long start() waits for the listeners to name their addresses.
pub(super) const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long stop() lets connections say goodbye.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a node that was put out has for taking the answers that are on their way to it.
pub(super) const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Nodes whose addresses are remembered; the least recently touched goes first.
pub(super) const BOOK_NODES_MAX: usize = 4096;

/// Addresses remembered for one node.
pub(super) const BOOK_ADDRS_MAX: usize = limits::ADDRESSES_MAX;

/// Internet addresses whose rate of `hello` is tracked; full buckets are forgotten first.
pub(super) const RATES_MAX: usize = 4096;

/// Refused `hello` requests after which a stranger's connection is closed.
pub(super) const STRANGER_STRIKES_MAX: u32 = 16;

/// So many at once, and so many a second for as long as it lasts.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// At once, after a pause.
    pub burst: u32,
    /// A second.
    pub per_second: u32,
}

/// The bounds that a deployment or a test may want different. `Default` is what a node runs with.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a stranger may stay connected without having been admitted.
    pub stranger_timeout: Duration,
    /// Connections of strangers at once. They cost memory before they have shown anything.
    pub strangers_max: usize,
    /// `hello` requests of strangers from one internet address: its own, whatever others do. Each costs the
    /// core some signature checks. Known nodes are exempt.
    pub hello_own: Rate,
    /// And those of all addresses together, beyond what each has for itself: many patients stand behind one
    /// carrier's address.
    pub hello_common: Rate,
    /// Inbound bulk streams of one node at once: each holds buffers and an open file.
    pub bulk_per_node_max: usize,
    /// Inbound bulk streams in all.
    pub bulk_max: usize,
    /// How long a connection without a stream stays open.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stranger_timeout: Duration::from_secs(15),
            strangers_max: 64,
            hello_own: Rate { burst: 20, per_second: 5 },
            hello_common: Rate { burst: 100, per_second: 50 },
            bulk_per_node_max: 8,
            bulk_max: 64,
            idle_timeout: Duration::from_secs(300),
        }
    }
}
