//! Delivering what waits in the outbox, one message at a time to each institution.

use super::tries::{Reached, Tries};
use super::{Agenda, Errand, Order};
use crate::id::{NodeId, PartyId};
use crate::peer::{self, DeliveryFailure, Nonce, Peer};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;

/// An institution that is being delivered to.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Look again before ending.
    again: bool,
    trying: Option<Trying>,
}

/// A message that is being tried.
#[derive(Debug)]
struct Trying {
    number: u64,
    tries: Tries,
    /// What is to be said if no node takes it.
    failure: DeliveryFailure,
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

impl Agenda {
    /// Something waits for `to`, or may be tried now: [`crate::peer::Effect::Deliver`].
    pub fn deliver(&mut self, to: PartyId) -> Option<Order> {
        if let Some(under_way) = self.deliveries.get_mut(&to) {
            under_way.again = true;
            return None;
        }
        self.deliveries.insert(to, Delivery::default());
        Some(Order::Next { to })
    }

    /// What came of [`Order::Next`], read at `now`.
    pub fn next(
        &mut self,
        to: PartyId,
        now: Timestamp,
        next: Option<peer::Delivery>,
    ) -> Option<Order> {
        let failed = self.deliveries.get_mut(&to)?.trying.take();
        match (next, failed) {
            (Some(next), Some(failed)) => {
                let result = Err(failed.failure);
                Some(Order::Conclude { to, number: next.number, result })
            }
            (Some(next), None) if next.wait_ms == 0 => {
                let tries = self.tries(to, next.route);
                let failure = DeliveryFailure::NeverSent;
                self.try_on(to, Trying { number: next.number, tries, failure })
            }
            (Some(next), None) => self.rest(to).or(Some(Order::WakeAt(now.plus_ms(next.wait_ms)))),
            (None, _) => self.rest(to),
        }
    }

    /// What came of [`Order::Send`].
    pub fn sent(&mut self, to: PartyId, sent: Sent) -> Option<Order> {
        let mut trying = self.deliveries.get_mut(&to)?.trying.take()?;
        let number = trying.number;
        match sent {
            Sent::Answered(response) => {
                return Some(Order::Conclude { to, number, result: Ok(response) });
            }
            Sent::Unknown => {
                let result = Err(DeliveryFailure::OutcomeUnknown);
                return Some(Order::Conclude { to, number, result });
            }
            Sent::Gone => return Some(Order::Next { to }),
            Sent::NeverSent => trying.tries.give_up(),
            Sent::Forgotten => {
                if self.forgotten(&mut trying.tries) {
                    trying.failure = DeliveryFailure::GateClosed;
                }
            }
        }
        self.try_on(to, trying)
    }

    /// What [`Order::Conclude`] told is durable.
    pub fn concluded(&mut self, to: PartyId) -> Option<Order> {
        self.deliveries.contains_key(&to).then_some(Order::Next { to })
    }

    /// The storage failed at [`Order::Next`] or [`Order::Conclude`]: what waits still is found by the next tick.
    pub fn interrupted(&mut self, to: PartyId) -> Option<Order> {
        self.rest(to)
    }

    /// A greeting ended that a message waited for.
    pub(super) fn delivery_goes_on(
        &mut self,
        to: PartyId,
        answer: Result<(), DeliveryFailure>,
    ) -> Option<Order> {
        let mut trying = self.deliveries.get_mut(&to)?.trying.take()?;
        if let Err(failure) = answer {
            if failure == DeliveryFailure::GateClosed {
                trying.failure = failure;
            }
            trying.tries.give_up();
            if trying.tries.is_over() {
                // What the node answered may have taken the message back: whether anything waits is to be seen.
                self.deliveries.get_mut(&to)?.trying = Some(trying);
                return Some(Order::Next { to });
            }
        }
        self.try_on(to, trying)
    }

    fn try_on(&mut self, to: PartyId, mut trying: Trying) -> Option<Order> {
        let number = trying.number;
        let order = match self.reach(&mut trying.tries, Errand::Deliver(to)) {
            Reached::Session(node, addresses, nonce) => {
                Some(Order::Send(Letter { to, number, node, addresses, nonce }))
            }
            Reached::Greeting(order) => order,
            Reached::Nobody => {
                let result = Err(trying.failure);
                return Some(Order::Conclude { to, number, result });
            }
        };
        self.deliveries.get_mut(&to)?.trying = Some(trying);
        order
    }

    /// There is nothing to be done for `to`, unless somebody asked meanwhile.
    fn rest(&mut self, to: PartyId) -> Option<Order> {
        let under_way = self.deliveries.get_mut(&to)?;
        if std::mem::take(&mut under_way.again) {
            return Some(Order::Next { to });
        }
        self.deliveries.remove(&to);
        None
    }
}
