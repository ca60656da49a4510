//! What a handler works with: one event's transaction, time, randomness, and what it sets going.

use super::{Effect, Notice, Peer, RequestId, View};
use crate::access_log;
use crate::id::PartyId;
use crate::refusal::Handled;
use crate::store::Txn;
use crate::time::Timestamp;
use rand_core::CryptoRng;

/// One event being handled.
pub(crate) struct Context<'a> {
    /// Who we are.
    pub(crate) peer: &'a Peer,
    /// UTC, never before a time that was handled earlier.
    pub(crate) now: Timestamp,
    /// Where everything is kept.
    pub(crate) txn: &'a mut dyn Txn,
    /// The only source of randomness.
    pub(crate) rng: &'a mut dyn CryptoRng,
    /// What to do once this is durable.
    pub(crate) effects: Vec<Effect>,
    /// Lines of the access log that are kept even if the handler refuses in the end.
    pub(crate) lines_if_refused: Vec<access_log::Draft>,
    /// What other features are to hear within this transaction.
    pub(crate) notices: Vec<Notice>,
}

impl Context<'_> {
    /// Random bytes.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        crate::crypto::random(self.rng)
    }

    /// Tells another feature.
    pub(crate) fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Answers a front door.
    pub(crate) fn answer(&mut self, request: RequestId, view: impl Into<View>) {
        self.effects.push(Effect::Answer { request, answer: Ok(Box::new(view.into())) });
    }

    /// Puts a message into the outbox if there is room; see [`crate::outbox::push_if_room`].
    pub(crate) fn send_if_room(
        &mut self,
        to: PartyId,
        body: &super::Body,
    ) -> Result<(), crate::store::StoreError> {
        crate::outbox::push_if_room(self, to, body)
    }

    /// [`Context::send_if_room`] with room that is kept free for it.
    pub(crate) fn send_urgently(
        &mut self,
        to: PartyId,
        body: &super::Body,
    ) -> Result<(), crate::store::StoreError> {
        crate::outbox::push_urgently(self, to, body)
    }

    /// Puts a message into the outbox.
    pub(crate) fn send(&mut self, to: PartyId, body: &super::Body) -> Handled<u64> {
        crate::outbox::push(self, to, body, None)
    }
}
