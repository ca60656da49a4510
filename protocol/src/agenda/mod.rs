//! What a node has under way with others, and what is to be done next: who is greeted, when a message is tried and
//! by which route, when an object is pulled, tried again, or not. Without input or output: a driver says what
//! happened, and does what it is given as [`Order`]s. The node does them with tasks and a network, the simulator with
//! modelled links, the world of tests at once; what is done when is the same for all, because it is decided here.
//!
//! ```text
//!   Effect::Deliver        ┌───────────────────────── forgotten: once more ─────┐
//!         │                v                                                    │
//!         ├──> Next ──> session? ──yes────────────────────────> Send ───────────┤
//!         │     │          │ no         ┌──answered, let in──────^              ├──answered, unknown──> Conclude
//!         │  nothing,      └──> Hello ──┤                                       │                          │
//!         │  not yet                    └──not──> the next node ── none left ───┼─────────────────────────>│
//!         │     v                                      ^                        └──never sent──> next node │
//!         │   rest                                     └─────────────────────────────────────────┘         │
//!         └───────────────────────────────────────────────────<──────────────────────────── durable ───────┘
//!
//!   Effect::Pull ──> a place ──> Look ──> session? or Hello, as above ──> Fetch ──┬── whole, refused ──> End
//!                       ^         └──not wanted──> Discard                        ├── forgotten: once more
//!                       └───────── Later <── no node left: broken, or trouble <───┴── the next node
//! ```
//!
//! * **One message in flight to each institution.** Who asks for another while one is under way has it looked again.
//! * **`hello` once per session.** Whatever needs a node that is being greeted waits for that greeting, and goes on,
//!   or to the next node, when it ends.
//! * **A far side that forgot us is greeted once more**, and asked again; forgotten twice, it is left alone.
//! * **Messages are put off by rows** ([`crate::peer::Delivery::wait_ms`]), because they must outlive a restart; **pulls
//!   by a wait** that doubles as long as nothing comes, is short when the holder appears, and long when what it sent
//!   was wrong.
//! * **A gate that closes ends the session**: whoever was put out must say `hello` again.
//!
//! It keeps nothing that must last: after a restart, [`crate::peer::Peer::resume`] names all of it again. What is said
//! of something that is not under way any more comes to nothing.

mod deliveries;
mod due;
mod greetings;
mod pulls;
mod sessions;
#[cfg(test)]
mod tests;
mod tries;

pub use deliveries::{Letter, Sent};
pub use due::TICK_PAUSE_MS;
pub use pulls::{Fetch, Fetched};

use crate::id::{NodeId, PartyId, TransferId};
use crate::peer::{DeliveryFailure, TransferResult};
use crate::time::Timestamp;
use deliveries::Delivery;
use due::Due;
use greetings::Greeting;
use pulls::Pulls;
use sessions::Sessions;
use std::collections::BTreeMap;

/// What is under way at one node, since its start.
#[derive(Debug)]
pub struct Agenda {
    sessions: Sessions,
    greetings: BTreeMap<NodeId, Greeting>,
    deliveries: BTreeMap<PartyId, Delivery>,
    pulls: Pulls,
    due: Due,
}

/// Something that the driver is to do; most end in telling the agenda what came of it.
#[derive(Debug)]
pub enum Order {
    /// Read [`crate::peer::Peer::next_delivery`], for [`Agenda::next`].
    Next {
        /// The institution.
        to: PartyId,
    },
    /// Say `hello` to a node and have the peer take its answer in, for [`Agenda::greeted`].
    Hello {
        /// The institution that it is to be a node of.
        to: PartyId,
        /// The node.
        node: NodeId,
        /// Where it was last heard of.
        addresses: Vec<String>,
    },
    /// Send a message, for [`Agenda::sent`].
    Send(Letter),
    /// Have the peer handle [`crate::peer::Event::Delivery`], for [`Agenda::concluded`] once that is durable.
    Conclude {
        /// The institution.
        to: PartyId,
        /// The message's number.
        number: u64,
        /// What came of it.
        result: Result<Vec<u8>, DeliveryFailure>,
    },
    /// Read [`crate::peer::Peer::transfer`], for [`Agenda::wanted`].
    Look {
        /// Which pull.
        id: TransferId,
    },
    /// Fetch what is missing of an object, for [`Agenda::fetched`].
    Fetch(Fetch),
    /// Give a fetch up that is under way, and throw away what came; nothing needs to be said of it.
    BreakOff {
        /// Which pull.
        id: TransferId,
    },
    /// Throw away what came of an object that is not pulled any more.
    Discard {
        /// Which pull.
        id: TransferId,
    },
    /// Have the peer handle [`crate::peer::Event::Transfer`]: the pull ended.
    End {
        /// Which pull.
        id: TransferId,
        /// How.
        result: TransferResult,
    },
    /// Call [`Agenda::retry`] after so long.
    Later {
        /// Which pull.
        id: TransferId,
        /// How long, in milliseconds.
        wait_ms: u64,
        /// What to call it with: of several waits for one pull the last counts.
        turn: u64,
    },
    /// As [`crate::peer::Effect::WakeAt`].
    WakeAt(Timestamp),
}

/// What goes on when a greeting ends.
#[derive(Debug, Clone, Copy)]
enum Errand {
    Deliver(PartyId),
    Pull(TransferId),
}

impl Agenda {
    /// Nothing is under way. So many pulls may be at work at a time.
    #[must_use]
    pub const fn new(pulls_at_once: usize) -> Self {
        Self {
            sessions: Sessions::new(),
            greetings: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            pulls: Pulls::new(pulls_at_once),
            due: Due::new(),
        }
    }
}
