//! The outbox: what waits for an institution goes one message at a time, until its outcome is here.
//!
//! ```text
//!  sender                                   receiver (see `inbox`)
//!  push ── row {number n} ──┐
//!                next ──> envelope n ──────> handle once, keep the outcome
//!                           │ <──── outcome ─┤
//!  take: row goes, feature  │                └ out of order: what waits goes on in a new stream
//!  hears; acknowledged = n ─┴─ told with the next envelope: the receiver forgets outcomes <= n
//! ```
//!
//! The room for each institution is bounded, and shared, so that nobody's words keep out what others need said:
//!
//! | what | finds room |
//! |---|---|
//! | what a patient orders | while it is less than a part of what other patients' orders leave of a quarter |
//! | what is told by itself, and again if need be | in one half |
//! | what people here decide and ask | in all of it |
//! | what is said once and must be heard | beyond it, too |

use crate::capability::Proof;
use crate::codec::{Bytes, wire_struct};
use crate::copied;
use crate::directory;
use crate::id::{PartyId, StatementId, StreamId};
use crate::limits;
use crate::message::{Envelope, MessageId, Outcome, OutcomeResult};
use crate::reason::reasons;
use crate::refusal::{Failure, Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::{Context, Effect, Nonce, Own, Said, body};

reasons! {
    /// Why nothing is sent.
    pub(crate) enum Reason: 30 "outbox" {
        1 => ToOurselves: Invalid "that is this institution itself; name another",
        2 => TooLarge: LimitReached "this is too much for one message; ask for less",
        3 => TooMany { institution: PartyId }: LimitReached
            "too many messages wait for institution {institution}; try again when it is reachable",
    }
}

/// Institution -> [`StreamRow`].
const STREAMS: Table = Table::rows("outbox_stream");
/// Institution, number -> [`OutboxRow`].
const OUTBOX: Table = Table::rows("outbox");
/// Institution, patient -> [`OrderedRow`]: what waits because the patient ordered it.
const ORDERED: Table = Table::rows("outbox_ordered");
/// Not to be tried before, institution -> nothing: those for which something waits, as they come due.
const DUE: Table = Table::rows("outbox_due");

wire_struct! {
    /// Our stream to one institution.
    #[derive(Debug, Clone)]
    pub struct StreamRow {
        /// The stream.
        1 => stream: StreamId,
        /// The number of the last message put into it.
        2 => last: u64,
        /// Outcomes up to this number are durable here.
        3 => acknowledged: u64,
        /// Tries of the first waiting message that failed in a row.
        4 => failures: u32,
        /// Not to be tried before.
        5 => not_before: Timestamp,
    }
}

wire_struct! {
    /// A message that waits.
    #[derive(Debug, Clone)]
    pub struct OutboxRow {
        /// When it was put here.
        1 => since: Timestamp,
        /// The encoded body.
        2 => body: Bytes,
        /// The leaf token for which a proof of possession goes along.
        3 => leaf: Option<StatementId>,
        /// The patient who ordered what it is for.
        4 => ordered: Option<PartyId>,
    }
}

wire_struct! {
    /// What waits because of one patient's orders.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct OrderedRow {
        /// So many messages.
        1 => waiting: u64,
    }
}

impl Context<'_> {
    /// Puts a message into the outbox.
    pub(crate) fn send(&mut self, to: PartyId, message: &impl Said) -> Handled<u64> {
        push(self, to, message, None)
    }

    /// [`Context::send`] for a patient's order.
    pub(crate) fn send_as_ordered(
        &mut self,
        to: PartyId,
        message: &impl Said,
        patient: Option<PartyId>,
    ) -> Handled<u64> {
        push_as_ordered(self, to, message, None, patient)
    }

    /// [`Context::send`], where a far side that takes nothing any more must not keep the sender from its work:
    /// what finds no room is dropped, and what it would have told is told again when the two next talk. It leaves room for
    /// what people say: others can cause it as often as they like.
    pub(crate) fn send_if_room(
        &mut self,
        to: PartyId,
        message: &impl Said,
    ) -> Result<(), StoreError> {
        unless_full(to, push_up_to(self, to, message, (None, None), limits::OUTBOX_TOLD_MAX))
    }

    /// [`Context::send_if_room`] with room that is kept free for what must not be kept back, such as a
    /// revocation, and for what is not told again.
    pub(crate) fn send_urgently(
        &mut self,
        to: PartyId,
        message: &impl Said,
    ) -> Result<(), StoreError> {
        let limit = limits::OUTBOX_PER_PARTY_MAX + limits::OUTBOX_URGENT_MAX;
        unless_full(to, push_up_to(self, to, message, (None, None), limit))
    }
}

fn at(party: PartyId, number: u64) -> Vec<u8> {
    rows::pair(&party.0, &number.to_be_bytes())
}

/// Puts a message for an institution into the outbox; gives its number.
pub(crate) fn push(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: &impl Said,
    leaf: Option<StatementId>,
) -> Handled<u64> {
    push_as_ordered(ctx, to, message, leaf, None)
}

/// [`push`] for a patient's order.
pub(crate) fn push_as_ordered(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: &impl Said,
    leaf: Option<StatementId>,
    patient: Option<PartyId>,
) -> Handled<u64> {
    push_up_to(ctx, to, message, (leaf, patient), limits::OUTBOX_PER_PARTY_MAX)
}

/// Whether a message for an institution would find room. Who has something to say when there is none is told by
/// [`Notice::Room`](crate::turn::Notice::Room).
pub(crate) fn has_room(txn: &(impl ReadTxn + ?Sized), to: PartyId) -> Result<bool, StoreError> {
    Ok(depth(txn, to)? < limits::OUTBOX_PER_PARTY_MAX)
}

/// Whether what is told by itself, and again if need be, would find room.
pub(crate) fn has_room_to_tell(
    txn: &(impl ReadTxn + ?Sized),
    to: PartyId,
) -> Result<bool, StoreError> {
    Ok(depth(txn, to)? < limits::OUTBOX_TOLD_MAX)
}

/// Whether what a patient has us say would find room. Most of the room is kept for what this institution's own people say;
/// and of what patients' orders leave of the rest, one patient may take a part, so that there is always some for the next.
pub(crate) fn has_room_for_order(
    txn: &(impl ReadTxn + ?Sized),
    to: PartyId,
    patient: PartyId,
) -> Result<bool, StoreError> {
    let ordered = rows::all::<OrderedRow>(txn, ORDERED, &to.0)?;
    let waiting = ordered.iter().fold(0, |sum: u64, (_, row)| sum.saturating_add(row.waiting));
    let own = rows::get::<OrderedRow>(txn, ORDERED, &rows::pair(&to.0, &patient.0))?;
    let room = (limits::OUTBOX_PER_PARTY_MAX / limits::OUTBOX_OF_OTHERS) as u64;
    let left = room.saturating_sub(waiting);
    Ok(own.unwrap_or_default().waiting < left / limits::OUTBOX_LEFT_TO_OTHERS && has_room(txn, to)?)
}

/// Counts a message that a patient ordered, which waits from now on, or does no more.
fn count_ordered(
    txn: &mut dyn Txn,
    to: PartyId,
    patient: Option<PartyId>,
    change: impl Fn(u64) -> u64,
) -> Result<(), StoreError> {
    let Some(patient) = patient else { return Ok(()) };
    let key = rows::pair(&to.0, &patient.0);
    let waiting = rows::get::<OrderedRow>(txn, ORDERED, &key)?.unwrap_or_default().waiting;
    match change(waiting) {
        0 => txn.delete(ORDERED, &key),
        waiting => rows::put(txn, ORDERED, &key, &OrderedRow { waiting }),
    }
}

fn push_up_to(
    ctx: &mut Context<'_>,
    to: PartyId,
    message: &impl Said,
    (leaf, ordered): (Option<StatementId>, Option<PartyId>),
    limit: usize,
) -> Handled<u64> {
    if to == ctx.own.party() {
        return refuse(Reason::ToOurselves);
    }
    let mut stream = match rows::get::<StreamRow>(ctx.txn, STREAMS, &to.0)? {
        Some(stream) => stream,
        None => new_stream(ctx),
    };
    let Ok(body) = body(message) else { return refuse(Reason::TooLarge) };
    if body.0.len() > limits::REQUEST_BYTES_MAX - limits::ENVELOPE_BYTES_MAX {
        return refuse(Reason::TooLarge);
    }
    if stream.waiting() >= limit as u64 {
        return refuse(Reason::TooMany { institution: to });
    }
    stream.last += 1;
    let row = OutboxRow { since: ctx.now, body, leaf, ordered };
    count_ordered(ctx.txn, to, ordered, |waiting| waiting.saturating_add(1))?;
    rows::put(ctx.txn, OUTBOX, &at(to, stream.last), &row)?;
    put_stream(ctx.txn, to, &stream)?;
    ctx.effects.push(Effect::Deliver { to });
    Ok(stream.last)
}

fn unless_full(to: PartyId, pushed: Handled<u64>) -> Result<(), StoreError> {
    match pushed {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refusal)) => {
            tracing::warn!(to = %to.short(), reason = refusal.name(), "a message was dropped");
            Ok(())
        }
        Err(Failure::Store(error)) => Err(error),
    }
}

fn new_stream(ctx: &mut Context<'_>) -> StreamRow {
    StreamRow {
        stream: StreamId(ctx.random()),
        last: 0,
        acknowledged: 0,
        failures: 0,
        not_before: Timestamp(0),
    }
}

/// The first message that waits for `to`, and when it may be tried.
pub(crate) fn first(
    txn: &(impl ReadTxn + ?Sized),
    to: PartyId,
) -> Result<Option<(u64, OutboxRow, StreamRow)>, StoreError> {
    let Some(stream) = rows::get::<StreamRow>(txn, STREAMS, &to.0)? else { return Ok(None) };
    let page = rows::scan::<OutboxRow>(txn, OUTBOX, &to.0, None, 1)?;
    let Some((key, row)) = page.into_iter().next() else { return Ok(None) };
    Ok(Some((u64::from_be_bytes(rows::tail(OUTBOX, &key)?), row, stream)))
}

/// Institutions for which something waits, as they come due.
pub(crate) fn waiting(
    txn: &(impl ReadTxn + ?Sized),
) -> Result<Vec<(PartyId, Timestamp)>, StoreError> {
    due_before(txn, &[])
}

/// Institutions for which something waits and is due.
pub(crate) fn due(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<PartyId>, StoreError> {
    let due = due_before(txn, &now.plus_ms(1).0.to_be_bytes())?;
    Ok(due.into_iter().map(|(to, _)| to).collect())
}

fn due_before(
    txn: &(impl ReadTxn + ?Sized),
    end: &[u8],
) -> Result<Vec<(PartyId, Timestamp)>, StoreError> {
    txn.page(DUE, &[], end, usize::MAX)?
        .into_iter()
        .map(|(key, _)| {
            let at = key.first_chunk::<8>().copied().unwrap_or_default();
            Ok((PartyId(rows::tail(DUE, &key)?), Timestamp(u64::from_be_bytes(at))))
        })
        .collect()
}

/// How many messages wait for `to`.
pub(crate) fn depth(txn: &(impl ReadTxn + ?Sized), to: PartyId) -> Result<usize, StoreError> {
    let stream = rows::get::<StreamRow>(txn, STREAMS, &to.0)?;
    Ok(stream.map_or(0, |stream| usize::try_from(stream.waiting()).unwrap_or(usize::MAX)))
}

impl StreamRow {
    /// Numbers have no gaps, and the first that waits is the one after the last whose outcome is here.
    const fn waiting(&self) -> u64 {
        self.last.saturating_sub(self.acknowledged)
    }
}

/// Keeps a stream, and when something of it is due.
fn put_stream(txn: &mut dyn Txn, to: PartyId, stream: &StreamRow) -> Result<(), StoreError> {
    let due = |stream: &StreamRow| {
        (stream.waiting() > 0).then(|| rows::pair(&stream.not_before.0.to_be_bytes(), &to.0))
    };
    let before = rows::get::<StreamRow>(txn, STREAMS, &to.0)?.and_then(|before| due(&before));
    let after = due(stream);
    if before != after {
        before.map_or(Ok(()), |before| txn.delete(DUE, &before))?;
        after.map_or(Ok(()), |after| rows::mark(txn, DUE, &after))?;
    }
    rows::put(txn, STREAMS, &to.0, stream)
}

/// The envelope of a waiting message, signed for one connection.
pub(crate) fn compose(
    own: &Own,
    to: PartyId,
    number: u64,
    row: &OutboxRow,
    stream: &StreamRow,
    nonce: Nonce,
) -> Signed<Envelope> {
    let proof = row.leaf.map(|leaf| {
        let proof = Proof { leaf, request: blake3::hash(&row.body.0).into(), verifier: to, nonce };
        Signed::sign(proof, own.node_key()).to_unverified()
    });
    let envelope = Envelope {
        id: MessageId { sender: own.party(), stream: stream.stream, number },
        to,
        sent: row.since,
        acknowledged: stream.acknowledged,
        node: own.node(),
        nonce,
        body: row.body.clone(),
        proof,
    };
    Signed::sign(envelope, own.node_key())
}

/// What became of a try to deliver.
pub(crate) enum Taken {
    /// The outcome is here, and the message gone from the outbox.
    Outcome {
        /// What was sent: a message's body.
        body: Bytes,
        /// What became of it.
        result: OutcomeResult,
    },
    /// It waits still.
    Waits,
}

/// Takes the far side's response to message `number`.
pub(crate) fn take(
    ctx: &mut Context<'_>,
    to: PartyId,
    number: u64,
    response: &[u8],
) -> Handled<Taken> {
    let Some((first, row, mut stream)) = first(ctx.txn, to)? else { return Ok(Taken::Waits) };
    if first != number {
        return Ok(Taken::Waits);
    }
    let Some(receipt) = verified(ctx, to, number, &row, &stream, response)? else {
        later(ctx, to)?;
        return Ok(Taken::Waits);
    };
    if let OutcomeResult::OutOfOrder(awaited) = receipt.result {
        // It handled this number, of a message that we do not know. [MSG-8]
        if awaited > number {
            let tell = copied::notice(ctx.own, ctx.txn, ctx.now, to)?;
            ctx.effects.extend(tell);
        }
        renumber(ctx, to)?;
        return Ok(Taken::Waits);
    }
    ctx.txn.delete(OUTBOX, &at(to, number))?;
    count_ordered(ctx.txn, to, row.ordered, |waiting| waiting.saturating_sub(1))?;
    stream.acknowledged = number;
    stream.failures = 0;
    stream.not_before = Timestamp(0);
    put_stream(ctx.txn, to, &stream)?;
    ctx.effects.push(Effect::Deliver { to });
    Ok(Taken::Outcome { body: row.body, result: receipt.result.clone() })
}

/// The outcome, if it is one, of this message, by a certified node of its receiver.
fn verified(
    ctx: &Context<'_>,
    to: PartyId,
    number: u64,
    row: &OutboxRow,
    stream: &StreamRow,
    response: &[u8],
) -> Handled<Option<Signed<Outcome>>> {
    let Ok(outcome) = Unverified::<Outcome>::parse(response) else { return Ok(None) };
    let expected = MessageId { sender: ctx.own.party(), stream: stream.stream, number };
    let claims = outcome.claims();
    let body: [u8; 32] = blake3::hash(&row.body.0).into();
    if claims.message != expected || claims.by != to || claims.body != body {
        return Ok(None);
    }
    for (node, row) in directory::nodes_of(ctx.txn, to)? {
        // A node that somebody merely told of has no say.
        if row.certified()
            && let Ok(outcome) = outcome.clone().verify(&node.into())
        {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

/// Takes back what waits and is of a kind, by its body; what is left goes on in a new stream, since numbers have no
/// gaps. Only where the far side cannot have handled it, or where that makes no difference any more.
pub(crate) fn withdraw(
    ctx: &mut Context<'_>,
    to: PartyId,
    kind: impl Fn(&Bytes) -> Handled<bool>,
) -> Handled<Vec<Bytes>> {
    let mut withdrawn = Vec::new();
    for (key, row) in rows::all::<OutboxRow>(ctx.txn, OUTBOX, &to.0)? {
        if kind(&row.body)? {
            ctx.txn.delete(OUTBOX, &key)?;
            count_ordered(ctx.txn, to, row.ordered, |waiting| waiting.saturating_sub(1))?;
            withdrawn.push(row.body);
        }
    }
    if !withdrawn.is_empty() {
        renumber(ctx, to)?;
    }
    Ok(withdrawn)
}

/// Starts a new stream for what waits: the receiver does not know the old one, or knows it otherwise.
fn renumber(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    let waiting = rows::all::<OutboxRow>(ctx.txn, OUTBOX, &to.0)?;
    let old = rows::get::<StreamRow>(ctx.txn, STREAMS, &to.0)?;
    let mut stream = new_stream(ctx);
    // Whoever finds a new stream's first message out of order, too, is asked ever less often.
    let again = old.is_some_and(|old| {
        stream.failures = old.failures;
        old.acknowledged == 0 && old.failures > 0
    });
    for (key, _) in &waiting {
        ctx.txn.delete(OUTBOX, key)?;
    }
    for (_, row) in waiting {
        stream.last += 1;
        rows::put(ctx.txn, OUTBOX, &at(to, stream.last), &row)?;
    }
    if again {
        put_stream(ctx.txn, to, &stream)?;
        return later(ctx, to);
    }
    stream.failures += 1;
    put_stream(ctx.txn, to, &stream)?;
    ctx.effects.push(Effect::Deliver { to });
    Ok(())
}

/// Puts off the next try: longer after each failure.
pub(crate) fn later(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    if let Some(mut stream) = rows::get::<StreamRow>(ctx.txn, STREAMS, &to.0)? {
        let policy = &ctx.own.policy;
        let doubled = policy.retry_ms_min.saturating_mul(1 << stream.failures.min(16));
        // At addresses that never answered, and that others told, nobody is looked for that often.
        let most = match directory::only_told(ctx.txn, to)? {
            true => limits::RETRY_TOLD_MS_MAX.max(policy.retry_ms_max),
            false => policy.retry_ms_max,
        };
        let wait = doubled.min(most);
        stream.failures = stream.failures.saturating_add(1);
        stream.not_before = ctx.now.plus_ms(wait);
        put_stream(ctx.txn, to, &stream)?;
        ctx.effects.push(Effect::WakeAt(stream.not_before));
    }
    Ok(())
}

/// The far side is there: what waits for it is due now.
pub(crate) fn hurry(ctx: &mut Context<'_>, to: PartyId) -> Handled<()> {
    if let Some(mut stream) = rows::get::<StreamRow>(ctx.txn, STREAMS, &to.0)? {
        stream.failures = 0;
        stream.not_before = Timestamp(0);
        put_stream(ctx.txn, to, &stream)?;
        ctx.effects.push(Effect::Deliver { to });
    }
    Ok(())
}

/// What waits for anybody is due now: the times that were set are of a clock that was wrong.
pub(crate) fn due_now(txn: &mut dyn Txn) -> Result<(), StoreError> {
    for (key, mut stream) in rows::all::<StreamRow>(txn, STREAMS, &[])? {
        stream.not_before = Timestamp(0);
        put_stream(txn, PartyId(rows::tail(STREAMS, &key)?), &stream)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
