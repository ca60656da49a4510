//! What is under way: all that an agenda remembers.

use crate::holdings::Transfer;
use crate::id::{NodeId, PartyId, TransferId};
use crate::peer::{DeliveryFailure, Nonce};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is under way at one node, since its start.
#[derive(Debug)]
pub struct Agenda {
    pub(super) sessions: Sessions,
    pub(super) greetings: BTreeMap<NodeId, Greeting>,
    /// Those to whom `hello` is said until they hear it.
    pub(super) untold: BTreeMap<NodeId, Untold>,
    pub(super) deliveries: BTreeMap<PartyId, Delivery>,
    pub(super) pulls: Pulls,
    /// When something is due.
    pub(super) due: BTreeSet<Timestamp>,
}

impl Agenda {
    /// Nothing is under way. So many pulls may be at work at a time.
    #[must_use]
    pub const fn new(pulls_at_once: usize) -> Self {
        Self {
            sessions: Sessions {
                ours: BTreeMap::new(),
                theirs: BTreeMap::new(),
                admitted: BTreeSet::new(),
            },
            greetings: BTreeMap::new(),
            untold: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            pulls: Pulls {
                all: BTreeMap::new(),
                lines: VecDeque::new(),
                at_work: BTreeMap::new(),
                places: pulls_at_once,
            },
            due: BTreeSet::new(),
        }
    }
}

/// What is remembered of the nodes that we talk with.
#[derive(Debug)]
pub(super) struct Sessions {
    /// What we chose: a proof made for us must name it.
    pub(super) ours: BTreeMap<NodeId, Nonce>,
    /// What they chose, from their answers to our `hello`: our proofs must name it.
    pub(super) theirs: BTreeMap<NodeId, Nonce>,
    pub(super) admitted: BTreeSet<NodeId>,
}

/// What goes on when a greeting ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Errand {
    Deliver(PartyId),
    Pull(TransferId),
}

/// A node that `hello` is being said to.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// What goes on when it ends.
    pub(super) waiting: Vec<Errand>,
    /// Whose node it is to be, and where it was found meanwhile.
    pub(super) found: Option<Place>,
    /// What it is to be told was not so yet when this `hello` was said: another follows, whatever comes of this one.
    pub(super) outdated: bool,
}

/// Whose node one is to be, and where it is.
pub(super) type Place = (PartyId, Vec<String>);

/// A node that is to hear a `hello`.
#[derive(Debug)]
pub(super) struct Untold {
    pub(super) place: Place,
    /// How many it did not hear.
    pub(super) tries: u32,
}

/// The nodes that are still to be tried; the first is being tried.
#[derive(Debug)]
pub(super) struct Tries {
    pub(super) to: PartyId,
    pub(super) left: VecDeque<(NodeId, Vec<String>)>,
    /// By which nonce the first was asked.
    pub(super) asked: Option<Nonce>,
    /// Whether the first was greeted once more.
    pub(super) again: bool,
}

/// An institution that is being delivered to.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Look again before ending.
    pub(super) again: bool,
    pub(super) trying: Option<TryingMessage>,
}

/// A message that is being tried.
#[derive(Debug)]
pub(super) struct TryingMessage {
    pub(super) number: u64,
    pub(super) tries: Tries,
    /// What is to be said if no node takes it.
    pub(super) failure: DeliveryFailure,
}

/// The pulls that have not ended.
#[derive(Debug)]
pub(super) struct Pulls {
    pub(super) all: BTreeMap<TransferId, Pull>,
    /// Those that wait for a place among those at work, a line for each holder; whose turn is longest ago comes first.
    pub(super) lines: VecDeque<(PartyId, VecDeque<TransferId>)>,
    /// How many are at work for each holder.
    pub(super) at_work: BTreeMap<PartyId, usize>,
    /// How many more may be at work.
    pub(super) places: usize,
}

#[derive(Debug)]
pub(super) struct Pull {
    pub(super) holder: PartyId,
    /// The wait before this try; none before the first.
    pub(super) wait_ms: u64,
    pub(super) turn: u64,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// In line for a place.
    InLine,
    /// It has a place; whether it is wanted is being read.
    Looking,
    /// It has a place; a node is greeted or asked.
    Trying(Box<TryingPull>),
    /// For the next try, which is sooner if one of these appears.
    Waiting(Vec<NodeId>),
}

#[derive(Debug)]
pub(super) struct TryingPull {
    pub(super) transfer: Transfer,
    pub(super) nodes: Vec<NodeId>,
    pub(super) tries: Tries,
    /// Whether a node is being asked, and not greeted.
    pub(super) fetching: bool,
    /// Whether anything came.
    pub(super) progressed: bool,
    pub(super) trouble: bool,
    /// Whether one of the nodes appeared meanwhile.
    pub(super) appeared: bool,
}
