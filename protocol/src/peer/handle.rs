//! From an event to its transaction's end.

use super::hello;
use super::{
    Body, Command, Context, DeliveryFailure, Effect, Event, Nonce, Notice, Peer, RequestId,
    TransferResult,
};
use crate::access_log;
use crate::capability::Proof;
use crate::clock;
use crate::codec::{Bytes, DecodeError, Wire};
use crate::directory;
use crate::id::{NodeId, PartyId, TransferId};
use crate::identity::KnownKeys;
use crate::inbox::{self, Arrival};
use crate::limits;
use crate::message::{Envelope, OutcomeResult};
use crate::objects::TransferFor;
use crate::outbox::{self, Taken};
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::statement::{Signed, Unverified};
use crate::store::{Overlay, StoreError, Txn, merge};
use crate::time::Timestamp;
use crate::{backup, consent, custody, enrolment, federation, objects, record};
use rand_core::CryptoRng;

/// A message that is well formed and signed by the node it names.
#[derive(Debug)]
pub struct CheckedMessage {
    envelope: Signed<Envelope>,
    body: Body,
}

impl CheckedMessage {
    /// Reads a message from `node`; pure, for a pool.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn prepare(node: NodeId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let envelope = Unverified::<Envelope>::parse(bytes)?;
        if envelope.claims().node != node {
            return Err(DecodeError::Invalid("the message is from another node"));
        }
        let body = Body::from_bytes(&envelope.claims().body.0, limits::REQUEST_BYTES_MAX)?;
        let envelope = envelope
            .verify(&node.into())
            .map_err(|_| DecodeError::Invalid("the signature is not the node's"))?;
        Ok(Self { envelope, body })
    }

    /// The envelope, for whoever watches what is said.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }
}

/// Who sent a message, as far as it is proven.
pub(crate) struct Sender {
    /// The institution.
    pub(crate) institution: PartyId,
    /// Its keys.
    pub(crate) keys: KnownKeys,
    /// The node that signed.
    pub(crate) node: NodeId,
    /// Whether it is a member of the federation.
    pub(crate) member: bool,
    /// Its proof of possession, not yet judged.
    pub(crate) proof: Option<Unverified<Proof>>,
    /// BLAKE3 of the message's body.
    pub(crate) request_hash: [u8; 32],
    /// What a proof must name.
    pub(crate) nonce: Nonce,
}

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
                let done = self.attempt(now, txn, rng, |ctx| {
                    dispatch(ctx, request, *command, keys.as_ref())
                })?;
                Ok(done.unwrap_or_else(|refusal| {
                    vec![Effect::Answer { request, answer: Err(refusal) }]
                }))
            }
            Event::Hello { request, node, nonce, addresses, hello } => {
                let done = self.attempt(now, txn, rng, |ctx| {
                    hello::hello(ctx, request, node, nonce, addresses, &hello)
                })?;
                Ok(done.unwrap_or_else(|refusal| {
                    let bytes = hello::HelloReply::Refused(refusal).to_bytes();
                    vec![Effect::Reply { request, bytes }]
                }))
            }
            Event::Welcome { node, welcome } => {
                let done =
                    self.attempt(now, txn, rng, |ctx| hello::welcome(ctx, node, &welcome))?;
                Ok(done.unwrap_or_else(|refusal| {
                    tracing::info!(node = %node.short(), reason = %refusal.text, "an answer to hello was not taken");
                    vec![Effect::Gate { node, open: false }]
                }))
            }
            Event::Message { request, node, nonce, message } => {
                self.message(now, txn, rng, request, (node, nonce), &message)
            }
            Event::Delivery { to, number, result } => {
                self.delivery(now, txn, rng, to, number, result)
            }
            Event::Transfer { id, result } => self.transferred(now, txn, rng, id, result),
            Event::Stock { lost, found } => {
                self.quietly(now, txn, rng, |ctx| record::stock(ctx, &lost, &found))
            }
            Event::Tick => self.quietly(now, txn, rng, tick),
        }
    }

    /// Runs a handler over an overlay: merged when it ends well, dropped when it refuses. Log lines
    /// that a refusal asks for are kept either way.
    fn attempt(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        handler: impl FnOnce(&mut Context<'_>) -> Handled<()>,
    ) -> Result<Result<Vec<Effect>, Refusal>, StoreError> {
        let mut overlay = Overlay::new(&*txn);
        let mut ctx = Context {
            peer: self,
            now,
            txn: &mut overlay,
            rng: &mut *rng,
            effects: Vec::new(),
            notices: Vec::new(),
            lines_if_refused: Vec::new(),
        };
        let result = handler(&mut ctx).and_then(|()| route(&mut ctx));
        let Context { effects, lines_if_refused, .. } = ctx;
        match result {
            Ok(()) => {
                let changes = overlay.into_changes();
                merge(changes, txn)?;
                Ok(Ok(effects))
            }
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Refused(refusal)) => {
                drop(overlay);
                let mut ctx = Context {
                    peer: self,
                    now,
                    txn,
                    rng,
                    effects: Vec::new(),
                    notices: Vec::new(),
                    lines_if_refused: Vec::new(),
                };
                for line in lines_if_refused {
                    if let Some(line) = access_log::on_record(ctx.txn, now, line)? {
                        access_log::append(&mut ctx, line)?;
                    }
                }
                Ok(Err(refusal))
            }
        }
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
        to: PartyId,
        number: u64,
        result: Result<Vec<u8>, DeliveryFailure>,
    ) -> Result<Vec<Effect>, StoreError> {
        let mut ended = None;
        let mut effects = self.quietly(now, txn, rng, |ctx| {
            let Ok(response) = result else { return undelivered(ctx, to) };
            if let Taken::Outcome { body, result } = outbox::take(ctx, to, number, &response)? {
                ended = Some((body, result));
            }
            Ok(())
        })?;
        let Some((body, result)) = ended else { return Ok(effects) };
        let result = match result {
            OutcomeResult::Done(answer) => Ok(answer),
            OutcomeResult::Refused(refusal) => Err(refusal),
            OutcomeResult::OutOfOrder(_) => return Ok(effects),
        };
        let answered = result.is_ok();
        let heard = self.attempt(now, txn, rng, |ctx| outcome(ctx, to, body.clone(), result))?;
        effects.extend(match heard {
            Ok(more) => more,
            // To the feature a bad answer is a refusal like any other.
            Err(refusal) if answered => {
                self.quietly(now, txn, rng, |ctx| outcome(ctx, to, body, Err(refusal)))?
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
        let refusal = match self.attempt(now, txn, rng, |ctx| objects::ended(ctx, id, result))? {
            Ok(effects) => return Ok(effects),
            Err(refusal) => refusal,
        };
        tracing::warn!(code = ?refusal.code, "a transfer was not taken");
        let failed = TransferResult::Refused { refusal };
        match self.attempt(now, txn, rng, |ctx| objects::ended(ctx, id, failed))? {
            Ok(effects) => Ok(effects),
            Err(_) => self.quietly(now, txn, rng, |ctx| objects::give_up(ctx, id)),
        }
    }

    fn message(
        &self,
        now: Timestamp,
        txn: &mut dyn Txn,
        rng: &mut dyn CryptoRng,
        request: RequestId,
        (node, nonce): (NodeId, Nonce),
        message: &CheckedMessage,
    ) -> Result<Vec<Effect>, StoreError> {
        let envelope = &message.envelope;
        let sender = match self.sender(now, txn, (node, nonce), message) {
            Ok(sender) => sender,
            // No outcome for a sender that we do not know: it is to say `hello` first.
            Err(Failure::Refused(refusal)) => {
                tracing::info!(node = %node.short(), reason = %refusal.text, "a message was not taken");
                return Ok(vec![
                    Effect::Reply { request, bytes: Vec::new() },
                    Effect::Gate { node, open: false },
                ]);
            }
            Err(Failure::Store(error)) => return Err(error),
        };
        let arrival = inbox::arrive(txn, envelope)?;
        if let Arrival::Again(bytes) = arrival {
            return Ok(vec![Effect::Reply { request, bytes }]);
        }
        if let Some(result) = arrival.unhandled() {
            let bytes = inbox::conclude(self, txn, now, envelope, result, inbox::Handled::Not)?;
            return Ok(vec![Effect::Reply { request, bytes }]);
        }
        let mut answer = Bytes::default();
        let done = self.attempt(now, txn, rng, |ctx| {
            answer = receive(ctx, &sender, &message.body)?;
            Ok(())
        })?;
        let (mut effects, result) = match done {
            Ok(effects) => (effects, OutcomeResult::Done(answer)),
            Err(refusal) => (Vec::new(), OutcomeResult::Refused(refusal)),
        };
        let kind = if message.body.is_read() { inbox::Handled::Read } else { inbox::Handled::Once };
        let bytes = inbox::conclude(self, txn, now, envelope, result, kind)?;
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
            return refuse(
                RefusalCode::NotAuthentic,
                "the node has no valid certificate of this institution",
            );
        }
        if envelope.to != self.me() {
            return refuse(RefusalCode::NotAuthentic, "the message is for another institution");
        }
        if envelope.nonce != nonce {
            return refuse(
                RefusalCode::NotAuthentic,
                "the message was made for another connection",
            );
        }
        let Some(keys) = directory::keys(txn, institution)? else {
            return refuse(RefusalCode::NotFound, "the institution is not known");
        };
        if federation::is_expelled(txn, institution)? {
            return refuse(RefusalCode::NotPermitted, "the institution was expelled");
        }
        let introduces = match &message.body {
            Body::Enrolment(message) => message.introduces(txn, now)?,
            Body::Federation(message) => message.introduces(txn, now)?,
            _ => false,
        };
        if !introduces && !hello::admitted(txn, institution, now)? {
            return refuse(
                RefusalCode::NotPermitted,
                "not a member, and nothing else that opens the gate",
            );
        }
        Ok(Sender {
            institution,
            keys,
            node,
            member: federation::is_member(txn, institution)?,
            proof: envelope.proof.clone(),
            request_hash: blake3::hash(&envelope.body.0).into(),
            nonce,
        })
    }
}

/// Gives a command to its feature.
fn dispatch(
    ctx: &mut Context<'_>,
    request: RequestId,
    command: Command,
    keys: Option<&super::PatientKeys>,
) -> Handled<()> {
    if let Some(keys) = keys {
        custody::at_hand(ctx, keys)?;
    }
    match command {
        Command::Federation(command) => federation::command(ctx, request, command),
        Command::Enrolment(command) => enrolment::command(ctx, request, command, keys),
        Command::Custody(command) => custody::command(ctx, request, command, keys),
        Command::Record(command) => record::command(ctx, request, command, keys),
        Command::Consent(command) => consent::command(ctx, request, command, keys),
        Command::Backup(command) => backup::command(ctx, request, command, keys),
        Command::AccessLog(command) => access_log::command(ctx, request, command),
    }
}

/// Gives a message to its feature.
fn receive(ctx: &mut Context<'_>, sender: &Sender, body: &Body) -> Handled<Bytes> {
    match body.clone() {
        Body::Federation(message) => federation::receive(ctx, sender, message),
        Body::Enrolment(message) => enrolment::receive(ctx, sender, message),
        Body::Record(message) => record::receive(ctx, sender, message),
        Body::Consent(message) => consent::receive(ctx, sender, message),
        Body::Backup(message) => backup::receive(ctx, sender, message),
        Body::Custody(message) => custody::receive(ctx, sender, message),
        Body::AccessLog(message) => access_log::receive(ctx, sender, message),
    }
}

/// A try failed: there is another, unless nobody is there any more to whom we could talk.
fn undelivered(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    if !federation::is_gone(ctx.txn, to)? || hello::admitted(ctx.txn, to, ctx.now)? {
        return outbox::later(ctx, to);
    }
    let why = "the institution left the federation, or was expelled from it";
    withdraw(ctx, to, &Refusal::new(RefusalCode::NotPermitted, why), |_| true)
}

/// Ends what waits for an institution and is of a kind, as if it had refused it.
pub(super) fn withdraw(
    ctx: &mut Context<'_>,
    to: PartyId,
    refusal: &Refusal,
    kind: impl Fn(&Body) -> bool,
) -> Handled<()> {
    for body in outbox::withdraw(ctx, to, kind)? {
        outcome(ctx, to, body, Err(refusal.clone()))?;
    }
    Ok(())
}

/// Gives the outcome of one of our messages to its feature.
fn outcome(
    ctx: &mut Context<'_>,
    to: PartyId,
    body: Body,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    match body {
        Body::Federation(message) => federation::outcome(ctx, to, &message, result),
        Body::Enrolment(message) => enrolment::outcome(ctx, to, message, result),
        Body::Record(message) => record::outcome(ctx, to, &message, result),
        Body::Consent(message) => consent::outcome(ctx, to, message, result),
        Body::Backup(message) => backup::outcome(ctx, to, message, result),
        Body::Custody(_) => Ok(()),
        Body::AccessLog(message) => access_log::outcome(ctx, to, message, result),
    }
}

/// Lets features hear of what others did, at most [`limits::NOTICE_DEPTH_MAX`] deep.
fn route(ctx: &mut Context<'_>) -> Handled<()> {
    for _ in 0..limits::NOTICE_DEPTH_MAX {
        let notices = core::mem::take(&mut ctx.notices);
        if notices.is_empty() {
            return Ok(());
        }
        for notice in notices {
            match notice {
                Notice::Pulled { transfer, result } => match &transfer.purpose {
                    TransferFor::Deposit(pull) => backup::pulled(ctx, &transfer, pull, result)?,
                    TransferFor::Read(pull) => consent::pulled(ctx, &transfer, pull, result)?,
                    TransferFor::Restore(pull) => {
                        backup::restored_object(ctx, &transfer, pull, result)?;
                    }
                },
                Notice::Enrolled { chart, patient } => record::adopt(ctx, chart, patient)?,
                Notice::Ring { patient } => record::reseal(ctx, patient)?,
                Notice::PutOut { party } => {
                    for (node, _) in directory::nodes_of(ctx.txn, party)? {
                        ctx.effects.push(Effect::Gate { node, open: false });
                    }
                }
                Notice::DepositReady { reservation } => consent::deposit_ready(ctx, reservation)?,
                Notice::Stored { reservation } => consent::deposit_stored(ctx, reservation)?,
                Notice::DepositRefused { reservation, refusal } => {
                    consent::deposit_refused(ctx, reservation, &refusal)?;
                }
            }
        }
    }
    debug_assert!(ctx.notices.is_empty(), "notices do not call each other without end");
    Ok(())
}

/// Time passed: what is due is done, and the next time is said.
fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    let due = outbox::due(ctx.txn, ctx.now)?;
    ctx.effects.extend(due.into_iter().map(|to| Effect::Deliver { to }));
    objects::tick(ctx)?;
    consent::tick(ctx)?;
    backup::tick(ctx)
}
