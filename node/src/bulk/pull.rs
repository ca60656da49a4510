//! The receiving side.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chartmesh_protocol::id::TicketId;
use futures::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::limits::{BATCHES_AT_ONCE, BUFFERS_RECEIVING};
use super::wire::Request;
use super::{Patience, RefusalCode, io as with_patience};
use crate::disk::Disk;
use crate::object_store::tree::PAIR;
use crate::object_store::{self, NotTheObject, ObjectError, Partial, PartialState, Verifier};
use crate::pool::{Work, spawn_blocking};

/// How a pull ended. Whatever was verified before is kept: the next pull goes on from there.
#[derive(Debug)]
pub enum Pulled {
    /// Every byte is here and verified: call [`Partial::finish`]. The stream can be used again.
    Finished,
    /// The peer refused, at once or midway. The stream can be used again.
    Refused(RefusalCode),
    /// The stream broke or stalled ([`io::ErrorKind::TimedOut`]): pull again, from this peer or
    /// another. Drop the stream.
    Broken(io::Error),
    /// The peer sent something else than the object: blame it, and pull from another. Drop the
    /// stream.
    Lied(Lie),
}

/// What was wrong with what a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// Bytes or hashes that do not belong to the object.
    #[error(transparent)]
    Bytes(#[from] NotTheObject),
    /// Another length than the object has.
    #[error("the object has {expected} bytes, the peer says {found}")]
    Length {
        /// The true length, as whoever asked for the object knows it.
        expected: u64,
        /// What the peer said.
        found: u64,
    },
}

/// Pulls what is missing of an object. `progress` is told each new [`Partial::next_offset`].
///
/// Network and disk overlap. Dropping the future is safe for `partial`, which takes what was
/// already handed to the disk; drop the stream then too.
///
/// # Errors
/// [`ObjectError`] when our own disk failed or is full: nobody else is to blame, and pulling can
/// go on when it is well. Drop the stream.
pub async fn pull<S, D>(
    stream: &mut S,
    ticket: TicketId,
    partial: &mut Partial<D>,
    patience: Patience,
    progress: impl FnMut(u64),
) -> Result<Pulled, ObjectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Disk,
{
    let (turn, start) = {
        let state = partial.state();
        let mut state = lock(&state);
        (state.begin_turn(), state.next())
    };
    let len = partial.len();
    if start == len {
        return Ok(Pulled::Finished);
    }
    let request = Request { ticket, object: partial.id(), start };
    match ask(stream, &request, len, patience).await {
        Ok(None) => {}
        Ok(Some(end)) => return Ok(end),
        Err(e) => return Ok(Pulled::Broken(e)),
    }
    let (full, arrived) = mpsc::channel(BUFFERS_RECEIVING - BATCHES_AT_ONCE - 1);
    let (empty, spare) = mpsc::channel(BUFFERS_RECEIVING);
    let reading = read_batches(stream, (start, len), full, spare, patience);
    let verifier = Verifier::new(partial.id(), len, start);
    let writing = write_batches(partial.state(), turn, verifier, arrived, empty, progress);
    let (read, written) = futures::join!(reading, writing);
    let end = match (written?, read) {
        (Some(lie), _) => Pulled::Lied(lie.into()),
        (None, end) => end,
    };
    if !matches!(end, Pulled::Finished) {
        // What came so far shall not be fetched twice.
        let state = partial.state();
        on_disk(move || lock(&state).checkpoint()).await?;
    }
    Ok(end)
}

/// Sends the request and reads the answer up to its first batch.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &Request,
    expected: u64,
    patience: Patience,
) -> io::Result<Option<Pulled>> {
    with_patience::write(stream, &request.encode(), patience.stall).await?;
    with_patience::flush(stream, patience.stall).await?;
    if let Some(code) = read_status(stream, patience).await? {
        return Ok(Some(Pulled::Refused(code)));
    }
    let found = u64::from_be_bytes(with_patience::read(stream, patience.stall).await?);
    Ok((found != expected).then_some(Pulled::Lied(Lie::Length { expected, found })))
}

async fn read_status<S: AsyncRead + Unpin>(
    stream: &mut S,
    patience: Patience,
) -> io::Result<Option<RefusalCode>> {
    let code = u16::from_be_bytes(with_patience::read(stream, patience.stall).await?);
    Ok(RefusalCode::from_code(code))
}

/// A batch as it came, or the beginning of one that broke off.
struct Arrived {
    bytes: Vec<u8>,
    pairs: usize,
    whole: bool,
}

/// Reads until the end of the object or of the stream. Stops early when nobody takes the batches
/// any more; what it returns does not matter then.
async fn read_batches<S: AsyncRead + Unpin>(
    stream: &mut S,
    (start, len): (u64, u64),
    full: mpsc::Sender<Arrived>,
    mut spare: mpsc::Receiver<Vec<u8>>,
    patience: Patience,
) -> Pulled {
    let mut offset = start;
    while let Some((shape, _)) = object_store::batch(len, start, offset) {
        match read_status(stream, patience).await {
            Ok(None) => {}
            Ok(Some(code)) => return Pulled::Refused(code),
            Err(e) => return Pulled::Broken(e),
        }
        let pairs = shape.pairs * PAIR;
        let mut bytes = spare.try_recv().unwrap_or_default();
        bytes.resize(pairs + shape.bytes, 0);
        let mut filled = 0;
        let read = tokio::select! {
            read = with_patience::fill(stream, &mut bytes, &mut filled, patience.stall) => read,
            () = full.closed() => return Pulled::Broken(io::ErrorKind::BrokenPipe.into()),
        };
        bytes.truncate(filled);
        let whole = read.is_ok();
        let gone = full.send(Arrived { bytes, pairs, whole }).await.is_err();
        match read {
            Ok(()) if !gone => offset += shape.bytes as u64,
            Ok(()) => return Pulled::Broken(io::ErrorKind::BrokenPipe.into()),
            Err(e) => return Pulled::Broken(e),
        }
    }
    Pulled::Finished
}

/// Verifies and writes batches as they come. Returns the lie, if there was one.
///
/// Checkpoints run beside it: one begins at half the distance that may be lost, and writing waits
/// for it only at the full distance.
async fn write_batches<D: Disk>(
    partial: Arc<Mutex<PartialState<D>>>,
    turn: u64,
    mut verifier: Verifier,
    mut arrived: mpsc::Receiver<Arrived>,
    empty: mpsc::Sender<Vec<u8>>,
    mut progress: impl FnMut(u64),
) -> Result<Option<NotTheObject>, ObjectError> {
    let distance = lock(&partial).checkpoint_distance();
    let mut waiting = Vec::new();
    let mut syncing: Option<Work<Result<(), ObjectError>>> = None;
    let mut outcome = Ok(None);
    while matches!(outcome, Ok(None)) && arrived.recv_many(&mut waiting, BATCHES_AT_ONCE).await > 0
    {
        let mut batches = std::mem::take(&mut waiting);
        let state = partial.clone();
        let work = move || {
            let mut state = lock(&state);
            let mut outcome = Ok(None);
            // Of a pull that was given up, when another has begun, nothing more is written.
            let ours = if state.is_turn(turn) { batches.as_slice() } else { &[] };
            for batch in ours {
                outcome = write_one(&mut state, &mut verifier, batch);
                if !matches!(outcome, Ok(None)) {
                    break;
                }
            }
            Ok((verifier, state.next(), state.unrecorded(), batches, outcome))
        };
        let (next, unrecorded);
        (verifier, next, unrecorded, batches, outcome) = on_disk(work).await?;
        progress(next);
        for batch in batches.drain(..) {
            // The reader may be gone already.
            let _ = empty.try_send(batch.bytes);
        }
        waiting = batches;
        if unrecorded >= distance || syncing.as_ref().is_some_and(Work::is_finished) {
            end_of(&mut syncing).await?;
        }
        if unrecorded >= distance / 2 && syncing.is_none() {
            let state = partial.clone();
            syncing = Some(spawn_blocking(move || object_store::checkpoint_meanwhile(&state)));
        }
    }
    drop(arrived);
    end_of(&mut syncing).await?;
    outcome
}

async fn end_of(syncing: &mut Option<Work<Result<(), ObjectError>>>) -> Result<(), ObjectError> {
    match syncing.take() {
        Some(syncing) => syncing.await.unwrap_or_else(given_up),
        None => Ok(()),
    }
}

fn write_one<D: Disk>(
    state: &mut PartialState<D>,
    verifier: &mut Verifier,
    batch: &Arrived,
) -> Result<Option<NotTheObject>, ObjectError> {
    let (pairs, data) = batch.bytes.split_at(batch.pairs.min(batch.bytes.len()));
    let verified = if batch.whole {
        verifier.check(pairs, data).map(Some)
    } else {
        verifier.check_rest(pairs, data)
    };
    match verified {
        Ok(Some(verified)) => state.accept(&verified).map(|()| None),
        Ok(None) => Ok(None),
        Err(lie) => Ok(Some(lie)),
    }
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    spawn_blocking(work).await.unwrap_or_else(given_up)
}

fn given_up<T>(error: JoinError) -> Result<T, ObjectError> {
    Err(ObjectError::Worker(io::Error::other(error)))
}

fn lock<D: Disk>(state: &Mutex<PartialState<D>>) -> MutexGuard<'_, PartialState<D>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
