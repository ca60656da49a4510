//! The inbox: each message is handled exactly once, whatever is repeated, lost or restored.
//!
//! An institution may speak through several nodes, and a node restored from a copy begins a new
//! stream: each stream stands by itself, so that one does not spoil what is known of another.
//!
//! ```text
//!                    ┌── watermark + 1 ──────────────> handle, keep the outcome
//!  known stream n ───┤── kept, the same message ─────> its outcome again; a read is judged again
//!                    └── otherwise ──────────────────> out of order: watermark + 1
//!  unknown stream ───┬── 1, sent after the floor ────> handle; with too many streams the one whose
//!                    │                                 newest message is oldest goes, and becomes
//!                    │                                 the floor
//!                    ├── 1, sent at or before it ────> refused: it may have been handled
//!                    └── otherwise ──────────────────> out of order: 1
//! ```
//!
//! A stream that was forgotten leaves the time at which its newest message was put into its sender's
//! outbox. A repeated message bears its first time, so none of that stream is ever handled anew.

use crate::codec::{Bytes, wire_struct};
use crate::id::PartyId;
use crate::limits;
use crate::message::{Envelope, Outcome, OutcomeResult};
use crate::reason::reasons;
use crate::refusal::Refusal;
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::Timestamp;
use crate::turn::Own;

reasons! {
    /// Why a message is not handled.
    pub(crate) enum Reason: 31 "inbox" {
        1 => Forgotten: Expired
            "the message is older than what is remembered of this sender's streams; say it anew",
        2 => AnswerTooLarge: LimitReached "the answer is too large to be sent; ask for less",
    }
}

/// Sender, stream -> [`InboxRow`].
const STREAMS: Table = Table::rows("inbox_stream");
/// Sender, stream, number -> [`KeptRow`].
const OUTCOMES: Table = Table::rows("inbox_kept");
/// Sender -> what was sent up to this time may have been handled in a stream that was forgotten.
const FLOORS: Table = Table::rows("inbox_floor");

wire_struct! {
    /// One stream to us.
    #[derive(Debug, Clone, Default)]
    pub struct InboxRow {
        /// The number of the last message handled.
        1 => watermark: u64,
        /// Outcomes up to this number are forgotten.
        2 => forgotten: u64,
        /// The newest time at which a handled message was put into its sender's outbox.
        3 => newest: Timestamp,
        /// Bytes of the outcomes that are kept.
        4 => bytes: u64,
    }
}

wire_struct! {
    /// What is kept of a message that was handled, until its sender has the outcome.
    #[derive(Debug, Clone)]
    pub struct KeptRow {
        /// BLAKE3 of its body.
        1 => body: [u8; 32],
        /// When it was put into its sender's outbox.
        2 => sent: Timestamp,
        /// The signed outcome; absent for an answer to a read, which is judged and made again.
        3 => outcome: Option<Bytes>,
    }
}

/// What the inbox says of an envelope.
pub(crate) enum Arrival {
    /// The next one: handle it.
    Next,
    /// Handled before: this is its outcome.
    Again(Vec<u8>),
    /// Handled before, and it was a read that was answered: handle it again, since what it was given
    /// under may have been taken back meanwhile.
    ReadAgain,
    /// Not the next; this number would be.
    OutOfOrder(u64),
    /// Of a stream that may have been forgotten: nobody knows whether it was handled.
    Unknowable,
}

impl Arrival {
    /// What to tell the sender of a message that is not handled.
    pub(crate) fn unhandled(&self) -> Option<OutcomeResult> {
        match self {
            Self::OutOfOrder(next) => Some(OutcomeResult::OutOfOrder(*next)),
            Self::Unknowable => Some(OutcomeResult::Refused(Refusal::from(Reason::Forgotten))),
            Self::Next | Self::Again(_) | Self::ReadAgain => None,
        }
    }
}

fn key(envelope: &Envelope) -> Vec<u8> {
    rows::pair(&envelope.id.sender.0, &envelope.id.stream.0)
}

fn kept_key(stream: &[u8], number: u64) -> Vec<u8> {
    rows::pair(stream, &number.to_be_bytes())
}

fn body_hash(envelope: &Envelope) -> [u8; 32] {
    blake3::hash(&envelope.body.0).into()
}

/// Whether an envelope out of its order says of outcomes which this node signed and does not know any more. Of a stream
/// that is not known it says so where none of its sender's was forgotten. [MSG-8]
pub(crate) fn knows_more(
    txn: &(impl ReadTxn + ?Sized),
    envelope: &Envelope,
    awaited: u64,
) -> Result<bool, StoreError> {
    let sender = &envelope.id.sender.0;
    let known = txn.get(STREAMS, &key(envelope))?.is_some();
    Ok(envelope.acknowledged >= awaited && (known || txn.get(FLOORS, sender)?.is_none()))
}

/// Judges where an envelope stands in its stream, and forgets what its sender acknowledged.
pub(crate) fn arrive(txn: &mut dyn Txn, envelope: &Envelope) -> Result<Arrival, StoreError> {
    let stream = key(envelope);
    let Some(mut inbox) = rows::get::<InboxRow>(txn, STREAMS, &stream)? else {
        return begin(txn, envelope);
    };
    let number = envelope.id.number;
    if number == inbox.watermark + 1 {
        for handled in inbox.forgotten + 1..=envelope.acknowledged.min(inbox.watermark) {
            let key = kept_key(&stream, handled);
            let kept = rows::get::<KeptRow>(txn, OUTCOMES, &key)?.and_then(|row| row.outcome);
            inbox.bytes -= kept.map_or(0, |outcome| outcome.0.len() as u64).min(inbox.bytes);
            txn.delete(OUTCOMES, &key)?;
            inbox.forgotten = handled;
        }
        rows::put(txn, STREAMS, &stream, &inbox)?;
        // Messages go one at a time, so an honest sender has all outcomes but the last.
        if inbox.watermark - inbox.forgotten >= limits::INBOX_OUTCOMES_MAX as u64
            || kept_bytes(txn, envelope.id.sender)? > limits::INBOX_BYTES_MAX
        {
            return Ok(Arrival::OutOfOrder(number));
        }
        return Ok(Arrival::Next);
    }
    let next = Arrival::OutOfOrder(inbox.watermark + 1);
    match rows::get::<KeptRow>(txn, OUTCOMES, &kept_key(&stream, number))? {
        Some(kept) if kept.body == body_hash(envelope) && kept.sent == envelope.sent => {
            Ok(kept.outcome.map_or(Arrival::ReadAgain, |outcome| Arrival::Again(outcome.0)))
        }
        _ => Ok(next),
    }
}

/// Bytes of what is kept for a sender, in all its streams.
fn kept_bytes(txn: &(impl ReadTxn + ?Sized), sender: PartyId) -> Result<u64, StoreError> {
    let streams = rows::all::<InboxRow>(txn, STREAMS, &sender.0)?;
    Ok(streams.iter().fold(0, |sum, (_, row)| row.bytes.saturating_add(sum)))
}

/// A stream that is not known here, or not any more.
fn begin(txn: &mut dyn Txn, envelope: &Envelope) -> Result<Arrival, StoreError> {
    if envelope.id.number != 1 {
        return Ok(Arrival::OutOfOrder(1));
    }
    let sender = envelope.id.sender;
    let floor = rows::get::<Timestamp>(txn, FLOORS, &sender.0)?;
    if floor.is_some_and(|floor| envelope.sent <= floor) {
        return Ok(Arrival::Unknowable);
    }
    make_room(txn, sender, floor.unwrap_or_default())?;
    // Streams of its own that it began and does not go on with.
    if kept_bytes(txn, sender)? > limits::INBOX_BYTES_MAX {
        return Ok(Arrival::OutOfOrder(1));
    }
    rows::put(txn, STREAMS, &key(envelope), &InboxRow::default())?;
    Ok(Arrival::Next)
}

/// Forgets a sender's stream whose newest message is oldest, when it has as many as are kept. It is
/// the sender's own: nobody crowds out another's.
fn make_room(txn: &mut dyn Txn, sender: PartyId, floor: Timestamp) -> Result<(), StoreError> {
    let known = rows::all::<InboxRow>(txn, STREAMS, &sender.0)?;
    if known.len() < limits::INBOX_STREAMS_MAX {
        return Ok(());
    }
    let Some((stream, row)) = known.into_iter().min_by_key(|(_, row)| row.newest) else {
        return Ok(());
    };
    for number in row.forgotten + 1..=row.watermark {
        txn.delete(OUTCOMES, &kept_key(&stream, number))?;
    }
    txn.delete(STREAMS, &stream)?;
    rows::put(txn, FLOORS, &sender.0, &row.newest.max(floor))
}

/// Signs the outcome of an envelope; keeps it and moves the watermark, if it was handled.
pub(crate) fn conclude(
    own: &Own,
    txn: &mut dyn Txn,
    now: Timestamp,
    envelope: &Envelope,
    result: OutcomeResult,
    handled: Handled,
) -> Result<Vec<u8>, StoreError> {
    let body = body_hash(envelope);
    let again = handled == Handled::Read && matches!(result, OutcomeResult::Done(_));
    let sign = |result| {
        let outcome = Outcome { message: envelope.id, by: own.party(), body, at: now, result };
        Signed::sign(outcome, own.node_key())
    };
    let mut outcome = sign(result);
    if outcome.why_unreadable().is_some() {
        // Whoever could not read it would ask again without end.
        outcome = sign(OutcomeResult::Refused(Reason::AnswerTooLarge.into()));
    }
    let bytes = outcome.bytes().to_vec();
    if handled == Handled::Not {
        return Ok(bytes);
    }
    let stream = key(envelope);
    let mut inbox = rows::get::<InboxRow>(txn, STREAMS, &stream)?.unwrap_or_default();
    inbox.watermark = inbox.watermark.max(envelope.id.number);
    inbox.newest = inbox.newest.max(envelope.sent);
    let outcome = (!again).then(|| Bytes(bytes.clone()));
    inbox.bytes += outcome.as_ref().map_or(0, |outcome| outcome.0.len() as u64);
    rows::put(txn, STREAMS, &stream, &inbox)?;
    let kept = KeptRow { body, sent: envelope.sent, outcome };
    rows::put(txn, OUTCOMES, &kept_key(&stream, envelope.id.number), &kept)?;
    Ok(bytes)
}

/// A kept outcome, to be said again. A node whose key was replaced meanwhile signs it anew: the sender takes it from a
/// node of this institution that counts now.
pub(crate) fn said_again(own: &Own, kept: Vec<u8>) -> Vec<u8> {
    match Unverified::<Outcome>::parse(&kept) {
        Ok(outcome) if outcome.check(&own.node_key().public()).is_err() => {
            Signed::sign(outcome.claims().clone(), own.node_key()).bytes().to_vec()
        }
        _ => kept,
    }
}

/// Whether a message was handled, and may be again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handled {
    /// It was not.
    Not,
    /// It was, for good.
    Once,
    /// It was a read: handling it again changes nothing but the access log.
    Read,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{NodeId, StreamId};
    use crate::message::MessageId;
    use crate::store::Memory;

    fn envelope(sender: u8, stream: u8, number: u64, acknowledged: u64) -> Envelope {
        Envelope {
            id: MessageId { sender: PartyId([sender; 32]), stream: StreamId([stream; 16]), number },
            to: PartyId([9; 32]),
            sent: Timestamp(number),
            acknowledged,
            node: NodeId([sender; 32]),
            nonce: [0; 16],
            body: Bytes(vec![1]),
            proof: None,
        }
    }

    /// What [`conclude`] keeps of a message whose outcome has so many bytes.
    fn concluded(txn: &mut Memory, envelope: &Envelope, bytes: usize) {
        let stream = key(envelope);
        let mut inbox = rows::get::<InboxRow>(txn, STREAMS, &stream).unwrap().unwrap_or_default();
        inbox.watermark = envelope.id.number;
        inbox.bytes += bytes as u64;
        rows::put(txn, STREAMS, &stream, &inbox).unwrap();
        let outcome = Some(Bytes(vec![0; bytes]));
        let row = KeptRow { body: body_hash(envelope), sent: envelope.sent, outcome };
        rows::put(txn, OUTCOMES, &kept_key(&stream, envelope.id.number), &row).unwrap();
    }

    /// [MSG-7].
    #[test]
    fn who_acknowledges_nothing_takes_up_so_many_bytes_in_all_its_streams_and_nobody_elses() {
        let mut txn = Memory::default();
        let half = usize::try_from(limits::INBOX_BYTES_MAX / 2 + 1).unwrap();
        for stream in [1, 2] {
            let first = envelope(1, stream, 1, 0);
            assert!(matches!(arrive(&mut txn, &first).unwrap(), Arrival::Next));
            concluded(&mut txn, &first, half);
        }
        let next = arrive(&mut txn, &envelope(1, 1, 2, 0)).unwrap();
        assert!(matches!(next, Arrival::OutOfOrder(2)));
        let another = arrive(&mut txn, &envelope(1, 3, 1, 0)).unwrap();
        assert!(matches!(another, Arrival::OutOfOrder(1)), "a stream more is no way out");
        assert!(matches!(arrive(&mut txn, &envelope(2, 1, 1, 0)).unwrap(), Arrival::Next));
        // Who acknowledges goes on.
        assert!(matches!(arrive(&mut txn, &envelope(1, 1, 2, 1)).unwrap(), Arrival::Next));
    }
}
