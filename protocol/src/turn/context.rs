//! What a handler works with: one event's transaction, time, randomness, and what it sets going.

use super::{Answer, Draft, Effect, Notice, Own, Payer, RequestId, Shown};
use crate::Reach;
use crate::id::PartyId;
use crate::identity::PatientKeys;
use crate::refusal::Handled;
use crate::store::Txn;
use crate::time::Timestamp;
use rand_core::CryptoRng;

/// One event being handled.
pub(crate) struct Context<'a> {
    /// Who we are.
    pub(crate) own: &'a Own,
    /// UTC, never before a time that was handled earlier.
    pub(crate) now: Timestamp,
    /// How far inside whoever is heard stands: the addresses that it tells lie no further.
    pub(crate) from: Reach,
    /// By whose word we learn where others listen; none when it is ours.
    pub(crate) told_by: Option<PartyId>,
    /// On whose account it is; none when it is ours.
    pub(crate) payer: Option<Payer>,
    /// Where everything is kept.
    pub(crate) txn: &'a mut dyn Txn,
    /// The only source of randomness.
    pub(crate) rng: &'a mut dyn CryptoRng,
    /// The patient's keys, when a front door's command came with them unlocked.
    pub(crate) keys: Option<&'a PatientKeys>,
    /// What to do once this is durable.
    pub(crate) effects: Vec<Effect>,
    /// Lines of the access log that are kept even if the handler refuses in the end.
    pub(crate) lines_if_refused: Vec<Draft>,
    /// What other features are to hear within this transaction.
    pub(crate) notices: Vec<Notice>,
    /// Hands a notice to the features that it concerns.
    pub(crate) hand_on: fn(&mut Context<'_>, Notice) -> Handled<()>,
}

impl Context<'_> {
    /// Random bytes.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        crate::crypto::random(self.rng)
    }

    /// Tells other features, once the handler is through.
    pub(crate) fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Has another feature do its part now, before the handler goes on. What it refuses is refused.
    pub(crate) fn notify_now(&mut self, notice: Notice) -> Handled<()> {
        (self.hand_on)(self, notice)
    }

    /// Answers a front door.
    pub(crate) fn answer(&mut self, request: RequestId, answer: impl Shown) {
        self.effects.push(Effect::Answer { request, answer: Ok(Answer::new(answer)) });
    }
}
