//! From an event to its transaction's end.

use super::event::{DeliveryFailure, Event};
use super::features::{self, Body};
use super::hello::{self, CheckedHello};
use super::itself::Peer;
use super::message::CheckedMessage;
use super::metering::Bills;
use super::reasons::Reason;
use super::route::{dispatch, hand_on, hand_on_all, tick, undelivered};
use crate::Reach;
use crate::access_log;
use crate::clock;
use crate::codec::{Bytes, Wire};
use crate::copied;
use crate::directory::{self, Standing};
use crate::holdings;
use crate::id::{NodeId, PartyId, TransferId};
use crate::identity::PatientKeys;
use crate::inbox::{self, Arrival};
use crate::members;
use crate::message::OutcomeResult;
use crate::outbox::{self, Taken};
use crate::record;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::store::{Overlay, ReadTxn, StoreError, Txn, merge};
use crate::time::Timestamp;
use crate::turn::{Context, Effect, Nonce, Notice, Payer, RequestId, Sender, Sort, TransferResult};
use rand_core::CryptoRng;

impl Peer {
    /// Handles an event. A refusal is an outcome like any other; only storage fails.
    ///
    /// # Errors
    /// [`StoreError`]: the transaction is to be dropped.
    pub fn handle(
        &self,
        now: Timestamp,
        event: Event,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<Effect>, StoreError> {
        let now = clock::advance(txn, now)?;
        match event {
            Event::Command { request, command, keys } => {
                let done = self.attempt_with(now, txn, rng, keys.as_ref(), |ctx| {
                    dispatch(ctx, request, *command)
                })?;
                Ok(done.unwrap_or_else(|refusal| {
                    vec![Effect::Answer { request, answer: Err(refusal) }]
                }))
            }
            Event::Hello { request, node, nonce, addresses, from, hello } => {
                let done = self.attempt(now, txn, rng, |ctx| {
                    ctx.from = from;
                    hello::hello(ctx, request, node, nonce, addresses, &hello)
                })?;
                Ok(done.unwrap_or_else(|refusal| {
                    let bytes = hello::HelloReply::Refused(refusal).to_bytes();
                    vec![Effect::Reply { request, bytes }]
                }))
            }
            Event::Welcome { node, from, welcome } => {
                let done = self.attempt(now, txn, rng, |ctx| {
                    ctx.from = from;
                    hello::welcome(ctx, node, &welcome)
                })?;
                Ok(done.unwrap_or_else(|refusal| {
                    tracing::info!(node = %node.short(), reason = refusal.name(), "an answer to hello was not taken");
                    vec![Effect::Gate { node, open_for: None }]
                }))
            }
            Event::Message { request, node, nonce, from, message } => {
                self.message(now, txn, rng, request, (node, nonce, from), &message)
            }
            Event::Delivery { to, number, from, result } => {
                self.delivery(now, txn, rng, (to, number, from), result)
            }
            Event::Transfer { id, result } => self.transferred(now, txn, rng, id, result),
            Event::Checked { lost, found } => {
                self.quietly(now, txn, rng, |ctx| record::checked(ctx, &lost, &found))
            }
            Event::Tick => self.quietly(now, txn, rng, tick),
        }
    }

    /// The answer to a stranger's `hello` that will be refused: judged on what is committed, so that a crowd of
    /// strangers costs no transaction. Nothing where it may be let in, which [`Event::Hello`] decides.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn turns_away(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        (node, nonce): (NodeId, Nonce),
        hello: &CheckedHello,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let now = clock::read(txn, now)?;
        let mut overlay = Overlay::new(txn);
        let mut ctx = self.context(now, &mut overlay, rng, None);
        match hello::hello(&mut ctx, RequestId(0), node, nonce, Vec::new(), hello) {
            Ok(()) => Ok(None),
            Err(Failure::Refused(refusal)) => {
                Ok(Some(hello::HelloReply::Refused(refusal).to_bytes()))
            }
            Err(Failure::Store(error)) => Err(error),
        }
    }

    /// A handler's context.
    pub(crate) fn context<'a>(
        &'a self,
        now: Timestamp,
        txn: &'a mut dyn Txn,
        rng: &'a mut dyn CryptoRng,
        keys: Option<&'a PatientKeys>,
    ) -> Context<'a> {
        Context {
            own: &self.own,
            now,
            from: Reach::Machine,
            told_by: None,
            txn,
            rng,
            keys,
            effects: Vec::new(),
            notices: Vec::new(),
            lines_if_refused: Vec::new(),
            payer: None,
            hand_on,
        }
    }

    /// Runs a handler over an overlay: merged when it ends well, dropped when it refuses. Log lines
    /// that a refusal asks for are kept either way. A patient's keys come along when they are unlocked.
    fn attempt_with(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        keys: Option<&PatientKeys>,
        handler: impl FnOnce(&mut Context<'_>) -> Handled<()>,
    ) -> Result<Result<Vec<Effect>, Refusal>, StoreError> {
        let mut overlay = Overlay::new(&*txn);
        let mut ctx = self.context(now, &mut overlay, &mut *rng, keys);
        let result = handler(&mut ctx).and_then(|()| hand_on_all(&mut ctx));
        let Context { effects, lines_if_refused, payer, .. } = ctx;
        match result.and_then(|()| Bills::of((&self.own, now), &overlay, payer)) {
            Ok(bills) => {
                let changes = overlay.into_changes();
                merge(changes, txn)?;
                bills.settle(txn)?;
                Ok(Ok(effects))
            }
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Refused(refusal)) => {
                drop(overlay);
                let mut ctx = self.context(now, txn, rng, None);
                for line in lines_if_refused {
                    if let Some(line) = access_log::on_record(ctx.txn, now, line)? {
                        access_log::append(&mut ctx, line)?;
                    }
                }
                Ok(Err(refusal))
            }
        }
    }

    /// [`Peer::attempt_with`] no patient's keys.
    fn attempt(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        handler: impl FnOnce(&mut Context<'_>) -> Handled<()>,
    ) -> Result<Result<Vec<Effect>, Refusal>, StoreError> {
        self.attempt_with(now, txn, rng, None, handler)
    }

    /// [`Peer::attempt`] where nobody waits for an answer.
    fn quietly(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        handler: impl FnOnce(&mut Context<'_>) -> Handled<()>,
    ) -> Result<Vec<Effect>, StoreError> {
        Ok(self.attempt(now, txn, rng, handler)?.unwrap_or_else(|refusal| {
            tracing::warn!(code = ?refusal.code, "an event was refused");
            Vec::new()
        }))
    }

    /// What became of a try to deliver. The exchange ends with the outcome even if the feature makes
    /// nothing of it: otherwise a far side's bad answer would be asked for again without end.
    fn delivery(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        (to, number, from): (PartyId, u64, Reach),
        result: Result<Vec<u8>, DeliveryFailure>,
    ) -> Result<Vec<Effect>, StoreError> {
        let mut ended = None;
        let mut effects = self.quietly(now, txn, rng, |ctx| {
            let response = match result {
                Ok(response) => response,
                Err(failure) => return undelivered(ctx, to, failure),
            };
            if let Taken::Outcome { body, result } = outbox::take(ctx, to, number, &response)? {
                ended = Some((Body::of_outbox(&body)?, result));
            }
            Ok(())
        })?;
        let Some((body, result)) = ended else { return Ok(effects) };
        // Of what waits because it was refused, two would be said in turns without end. [REC-7]
        let refused = matches!(result, OutcomeResult::Refused(_));
        let said_again = matches!(&body, Body::Record(message) if message.waits_if_refused());
        if !(refused && said_again) {
            effects.extend(self.quietly(now, txn, rng, |ctx| {
                ctx.notify(Notice::Room { institution: to });
                Ok(())
            })?);
        }
        let result = match result {
            OutcomeResult::Done(answer) => Ok(answer),
            OutcomeResult::Refused(refusal) => Err(refusal),
            OutcomeResult::OutOfOrder(_) => return Ok(effects),
        };
        let answered = result.is_ok();
        let heard = self.attempt(now, txn, rng, |ctx| {
            (ctx.from, ctx.told_by) = (from, Some(to));
            features::outcome(ctx, to, body.clone(), result)
        })?;
        effects.extend(match heard {
            Ok(more) => more,
            // To the feature a bad answer is a refusal like any other.
            Err(refusal) if answered => {
                self.quietly(now, txn, rng, |ctx| features::outcome(ctx, to, body, Err(refusal)))?
            }
            Err(refusal) => {
                tracing::warn!(code = ?refusal.code, "an outcome was not taken");
                Vec::new()
            }
        });
        Ok(effects)
    }

    /// A pull ended. As with outcomes: what the feature refuses has ended all the same.
    fn transferred(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        id: TransferId,
        result: TransferResult,
    ) -> Result<Vec<Effect>, StoreError> {
        let refusal = match self.attempt(now, txn, rng, |ctx| holdings::ended(ctx, id, result))? {
            Ok(effects) => return Ok(effects),
            Err(refusal) => refusal,
        };
        tracing::warn!(code = ?refusal.code, "a transfer was not taken");
        let failed = TransferResult::Refused { refusal };
        match self.attempt(now, txn, rng, |ctx| holdings::ended(ctx, id, failed))? {
            Ok(effects) => Ok(effects),
            Err(_) => self.quietly(now, txn, rng, |ctx| holdings::give_up(ctx, id)),
        }
    }

    fn message(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        request: RequestId,
        (node, nonce, from): (NodeId, Nonce, Reach),
        message: &CheckedMessage,
    ) -> Result<Vec<Effect>, StoreError> {
        let envelope = &message.envelope;
        let sender = match self.sender(now, txn, (node, nonce), message) {
            Ok(sender) => sender,
            // No outcome for a sender that we do not know: it is to say `hello` first.
            Err(Failure::Refused(refusal)) => {
                tracing::info!(node = %node.short(), reason = refusal.name(), "a message was not taken");
                return Ok(vec![
                    Effect::Reply { request, bytes: Vec::new() },
                    Effect::Gate { node, open_for: None },
                ]);
            }
            Err(Failure::Store(error)) => return Err(error),
        };
        let arrival = inbox::arrive(txn, envelope)?;
        if let Arrival::Again(bytes) = arrival {
            let bytes = inbox::said_again(&self.own, bytes);
            return Ok(vec![Effect::Reply { request, bytes }]);
        }
        let mut effects = Vec::new();
        if let Arrival::OutOfOrder(awaited) = arrival
            && !sender.introduced
            && inbox::knows_more(txn, envelope, awaited)?
        {
            effects = copied::notice(&self.own, txn, now, envelope.id.sender)?;
        }
        if let Some(result) = arrival.unhandled() {
            let bytes =
                inbox::conclude(&self.own, txn, now, envelope, result, inbox::Handled::Not)?;
            effects.push(Effect::Reply { request, bytes });
            return Ok(effects);
        }
        let mut answer = Bytes::default();
        let done = self.attempt(now, txn, rng, |ctx| {
            (ctx.from, ctx.told_by) = (from, Some(sender.institution));
            ctx.payer = Some(Payer {
                institution: Some(sender.institution),
                relays_of: sender.relay_of,
                patient: message.body.patient(),
                bounded: message.body.sort() == Sort::Usual,
                said: None,
            });
            // Whoever has merely proven a code says what it is for, and fills no other table of ours.
            if sender.introduced && message.body.sort() != Sort::Introduction {
                return refuse(Reason::NotYetIn);
            }
            if message.body.sort() == Sort::Usual {
                ctx.own.require_room()?;
            }
            answer = features::receive(ctx, &sender, message.body.clone())?;
            Ok(())
        })?;
        let (mut effects, result) = match done {
            Ok(effects) => (effects, OutcomeResult::Done(answer)),
            Err(refusal) => (Vec::new(), OutcomeResult::Refused(refusal)),
        };
        let kind = match message.body.sort() {
            Sort::Read => inbox::Handled::Read,
            Sort::Usual | Sort::Vital | Sort::Introduction => inbox::Handled::Once,
        };
        let bytes = inbox::conclude(&self.own, txn, now, envelope, result, kind)?;
        // The answer first: what was done may close the gate of whoever waits for it.
        effects.insert(0, Effect::Reply { request, bytes });
        Ok(effects)
    }

    fn sender(
        &self,
        now: Timestamp,
        txn: &dyn Txn,
        (node, nonce): (NodeId, Nonce),
        message: &CheckedMessage,
    ) -> Handled<Sender> {
        let envelope = &message.envelope;
        let institution = envelope.id.sender;
        if directory::institution_of(txn, node, now)? != Some(institution) {
            return refuse(Reason::NoCertificate);
        }
        if envelope.to != self.me() {
            return refuse(Reason::ForAnother);
        }
        if envelope.nonce != nonce {
            return refuse(Reason::OtherConnection);
        }
        let Some(keys) = directory::keys(txn, institution)? else {
            return refuse(Reason::Unknown);
        };
        if members::has_newer_key(txn, &keys)? {
            return refuse(Reason::OldKeys);
        }
        if members::is_expelled(txn, institution)? {
            return refuse(Reason::SenderExpelled);
        }
        if !members::admitted(txn, institution, now)? {
            return refuse(Reason::GateClosed);
        }
        let member = members::is_member(txn, institution)?;
        let standing = directory::standing(txn, institution, now)?;
        let relay_of = match &standing {
            Some(Standing::CertifiedRelay(word)) if !member => Some(word.by),
            _ => None,
        };
        Ok(Sender {
            institution,
            keys,
            node,
            member,
            relay_of,
            introduced: !member && matches!(standing, Some(Standing::Introduced(_))),
            proof: envelope.proof.clone(),
            request_hash: blake3::hash(&envelope.body.0).into(),
            nonce,
        })
    }
}
