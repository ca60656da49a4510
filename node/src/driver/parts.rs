//! What a driver is made of.

use std::sync::Arc;

use chartmesh_protocol::peer::{Effect, Event, Peer};
use chartmesh_protocol::time::Timestamp;
use libp2p::Multiaddr;
use tokio::sync::mpsc;

use super::clock::WallClock;
use crate::net::{Net, NetEvent};
use crate::object_store::ObjectFolder;
use crate::room::Room;
use crate::store::{OpenError, Store};

/// Told of every event at the time at which it is handled, before it is durable, and then of what it
/// asks for: how a simulation measures.
pub type Witness = Arc<dyn Fn(Timestamp, Witnessed<'_>) + Send + Sync>;

/// What a [`Witness`] is told.
#[derive(Clone, Copy, Debug)]
pub enum Witnessed<'a> {
    /// An event is handled.
    Event(&'a Event),
    /// The event before this was, and asks for these; not said of one that came to nothing.
    Effects(&'a [Effect]),
}

/// Opens a store again.
pub type Reopen = Box<dyn Fn() -> Result<Store, OpenError> + Send + Sync>;

/// A number that is kept apart from the store, and says how often the node started.
pub struct Starts {
    /// What it was; 0 where none was kept.
    pub known: u64,
    /// Keeps this start's, once the start is durable.
    pub keep: Box<dyn Fn(u64) + Send + Sync>,
}

/// What a driver is made of.
pub struct Parts {
    /// The tables; nobody else writes them.
    pub store: Store,
    /// Opens the same store again, after its file could not be written; nobody does where it cannot fail.
    pub reopen: Option<Reopen>,
    /// The room that is left on its disk; nobody looks where there is no disk.
    pub room: Option<Room>,
    /// The protocol, with this node's identity.
    pub peer: Peer,
    /// The object folder.
    pub objects: ObjectFolder,
    /// The network's handle.
    pub net: Net,
    /// The network's events; nobody else takes them.
    pub events: mpsc::Receiver<NetEvent>,
    /// Addresses to tell others besides those it listens on, such as a router's.
    pub announce: Vec<Multiaddr>,
    /// Members stand in private networks: their addresses are dialled, whoever tells them.
    pub private_networks: bool,
    /// The operator says that the machine's clock is right, and that the time by which the node has
    /// worked was ahead of it.
    pub accept_clock: bool,
    /// Where the time of day comes from.
    pub wall_clock: WallClock,
    /// What tells a store that was put back from an older copy; nothing does in a simulation.
    pub starts: Option<Starts>,
    /// Who sees every event that is handled; nobody does in a node.
    pub witness: Option<Witness>,
}
