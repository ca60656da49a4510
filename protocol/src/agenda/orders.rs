//! What an agenda has its driver do, and what the driver may say of it.

use crate::holdings::Transfer;
use crate::id::{NodeId, PartyId, TransferId};
use crate::peer::{DeliveryFailure, Nonce, Peer, TransferResult};
use crate::refusal::Refusal;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;

/// Something that the driver is to do; most end in telling the agenda what came of it.
#[derive(Debug)]
pub enum Order {
    /// Read [`crate::peer::Peer::next_delivery`], for [`super::Agenda::next`].
    Next {
        /// The institution.
        to: PartyId,
    },
    /// Say `hello` to a node and have the peer take its answer in, for [`super::Agenda::greeted`].
    Hello {
        /// The institution that it is to be a node of.
        to: PartyId,
        /// The node.
        node: NodeId,
        /// Where it was last heard of.
        addresses: Vec<String>,
    },
    /// Send a message, for [`super::Agenda::sent`].
    Send(Letter),
    /// Have the peer handle [`crate::peer::Event::Delivery`], for [`super::Agenda::concluded`] once that is durable.
    Conclude {
        /// The institution.
        to: PartyId,
        /// The message's number.
        number: u64,
        /// What came of it.
        result: Result<Vec<u8>, DeliveryFailure>,
    },
    /// Read [`crate::peer::Peer::transfer`], for [`super::Agenda::wanted`].
    Look {
        /// Which pull.
        id: TransferId,
    },
    /// Fetch what is missing of an object, for [`super::Agenda::fetched`].
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
    /// Call [`super::Agenda::retry`] after so long.
    Later {
        /// How long, in milliseconds.
        wait_ms: u64,
        /// What to call it with.
        retry: Retry,
    },
    /// As [`crate::peer::Effect::WakeAt`].
    WakeAt(Timestamp),
}

/// What is to be tried again after a wait: of several waits for one thing the last counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// A pull.
    Pull {
        /// Which.
        id: TransferId,
        /// Which of its waits.
        turn: u64,
    },
    /// A `hello` that was not heard, and is to be.
    Hello {
        /// To whom.
        node: NodeId,
        /// How many it did not hear.
        tries: u32,
    },
}

/// A message to be sent to a node.
#[derive(Debug)]
pub struct Letter {
    /// The institution.
    pub to: PartyId,
    /// The message's number.
    pub number: u64,
    /// The node.
    pub node: NodeId,
    /// Where it was last heard of.
    pub addresses: Vec<String>,
    /// Its nonce.
    pub nonce: Nonce,
}

/// What came of sending a message.
#[derive(Debug)]
pub enum Sent {
    /// The far side's response.
    Answered(Vec<u8>),
    /// The far side does not know us in this session, or there is none any more: nothing was handled.
    Forgotten,
    /// It did not leave.
    NeverSent,
    /// It may have arrived: another node of theirs would be asked the same in vain.
    Unknown,
    /// It does not wait any more, and was not sent.
    Gone,
}

impl Letter {
    /// The bytes to be sent; otherwise what came of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn compose(
        &self,
        peer: &Peer,
        txn: &dyn ReadTxn,
        now: Timestamp,
    ) -> Result<Result<Vec<u8>, Sent>, StoreError> {
        match peer.institution_of(txn, now, self.node)? {
            Some(institution) if institution == self.to => {}
            // Who told us of this node may have been wrong, or lied: another member answered.
            Some(_) => return Ok(Err(Sent::NeverSent)),
            // Its certificate has expired since it was greeted: it shows a new one when it is greeted again.
            None => return Ok(Err(Sent::Forgotten)),
        }
        Ok(peer.compose(txn, self.to, self.number, self.nonce)?.ok_or(Sent::Gone))
    }
}

/// An object to be fetched from a node.
#[derive(Debug)]
pub struct Fetch {
    /// Which pull.
    pub id: TransferId,
    /// What is pulled.
    pub transfer: Transfer,
    /// The node.
    pub node: NodeId,
    /// Where it was last heard of.
    pub addresses: Vec<String>,
}

/// What came of fetching from a node.
#[derive(Debug)]
pub enum Fetched {
    /// The object is whole, verified and synced; small ones come with their bytes.
    Whole(Option<Vec<u8>>),
    /// Its holder refuses, for good.
    Refused(Refusal),
    /// The far side does not know us in this session, or there is none any more.
    Forgotten,
    /// To be tried again; whether anything came.
    Broken {
        /// It did.
        progressed: bool,
    },
    /// To be tried again, but not soon: the holder sent something else, or our disk failed.
    Trouble,
}
