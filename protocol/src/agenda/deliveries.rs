//! Delivering what waits in the outbox, one message at a time to each institution.

use super::orders::{Letter, Order, Sent};
use super::tries::Reached;
use super::under_way::{Agenda, Delivery, Errand, TryingMessage};
use crate::id::PartyId;
use crate::peer::{self, DeliveryFailure};
use crate::time::Timestamp;

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
                if next.anew {
                    next.route.iter().for_each(|(node, _)| self.sessions.forget_theirs(*node));
                }
                let tries = self.tries(to, next.route);
                let failure = DeliveryFailure::NeverSent;
                self.try_on(to, TryingMessage { number: next.number, tries, failure })
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

    fn try_on(&mut self, to: PartyId, mut trying: TryingMessage) -> Option<Order> {
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
