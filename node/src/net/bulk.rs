//! Bulk streams: byte pipes between two admitted nodes.
//!
//! Whoever accepts one first sends a byte: 0x01, there is room, the stream is yours from here in
//! both directions; or 0x02, busy, and the stream ends. Without that byte the opener could not
//! tell a full node from a lost stream.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use chartmesh_protocol::id::{NodeId, PartyId};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, StreamExt as _};
use libp2p::{PeerId, Stream, StreamProtocol};
use libp2p_stream::{Control, IncomingStreams, OpenStreamError};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::event::{NetEvent, Reason, SendFailure};
use super::gate::Gates;
use super::limits::{BULK_OPEN_TIMEOUT, BULK_OPEN_TRIES, Limits};
use super::peer_id::node_of;
use super::places::{Places, Taken};

/// Name of the bulk protocol on the wire.
pub(super) const BULK: StreamProtocol = StreamProtocol::new("/chartmesh/bulk/1");

const ACCEPTED: u8 = 0x01;
const BUSY: u8 = 0x02;

/// A pipe of bytes. Ends in `ConnectionAborted` the moment its node's gate is closed, or its place is wanted by an
/// institution that has fewer; holds that place until it is dropped.
pub struct BulkStream {
    stream: Stream,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: Option<Place>,
}

impl BulkStream {
    fn new(stream: Stream, gate: Option<CancellationToken>, place: Option<Place>) -> Self {
        let closed = Box::pin(gate.unwrap_or_default().cancelled_owned());
        Self { stream, closed, _place: place }
    }

    fn poll_gate(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the node was put out, or gave way to another",
            )),
        }
    }
}

impl std::fmt::Debug for BulkStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkStream").finish_non_exhaustive()
    }
}

impl AsyncRead for BulkStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_gate(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for BulkStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_gate(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_gate(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_gate(cx)?;
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// Opens a stream to a node that is connected. Nothing of the caller's is sent before this
/// returns, so that every failure is [`SendFailure::NeverSent`] or [`SendFailure::Refused`].
pub(super) async fn open(
    mut control: Control,
    peer: PeerId,
    gate: Option<CancellationToken>,
) -> Result<BulkStream, SendFailure> {
    let mut lost = Reason::TimedOut;
    for _ in 0..BULK_OPEN_TRIES {
        let attempt = async {
            let mut stream = control.open_stream(peer, BULK).await?;
            let mut status = [0];
            stream.read_exact(&mut status).await?;
            Ok::<_, OpenStreamError>((stream, status[0]))
        };
        match timeout(BULK_OPEN_TIMEOUT, attempt).await {
            Ok(Ok((stream, ACCEPTED))) => return Ok(BulkStream::new(stream, gate, None)),
            Ok(Ok((_, BUSY))) => return Err(SendFailure::NeverSent(Reason::Busy)),
            Ok(Ok(_)) => lost = Reason::Broken("an unknown answer to a bulk stream".to_owned()),
            Ok(Err(OpenStreamError::UnsupportedProtocol(_))) => return Err(SendFailure::Refused),
            Ok(Err(error)) => lost = Reason::Broken(error.to_string()),
            Err(_) => return Err(SendFailure::NeverSent(Reason::TimedOut)),
        }
    }
    Err(SendFailure::NeverSent(lost))
}

/// Takes in what others open. The loop does nothing but hand over: libp2p-stream drops what
/// arrives while its acceptor is busy.
pub(super) async fn accept(
    mut incoming: IncomingStreams,
    gates: Arc<Gates>,
    limits: Limits,
    events: mpsc::Sender<NetEvent>,
) {
    let pipes = Arc::new(Pipes::new(limits));
    while let Some((peer, stream)) = incoming.next().await {
        // The negotiation asked the gate; this asks for the token, and whether it closed since.
        let Some(node) = node_of(&peer) else { continue };
        let Some((institution, gate)) = gates.token(node) else {
            continue;
        };
        let place = Pipes::take(&pipes, node, institution, &gate);
        let events = events.clone();
        tokio::spawn(async move {
            let welcome = welcome(stream, node, place, &events);
            if timeout(BULK_OPEN_TIMEOUT, welcome).await.is_err() {
                tracing::debug!(node = %node.short(), kind = "bulk", "a stream came to nothing");
            }
        });
    }
}

async fn welcome(
    mut stream: Stream,
    node: NodeId,
    place: Option<Place>,
    events: &mpsc::Sender<NetEvent>,
) {
    let Some(place) = place else {
        let _gone = stream.write_all(&[BUSY]).await;
        let _gone = stream.close().await;
        return;
    };
    // First a place in the driver's queue, then the word that there is room.
    let Ok(slot) = events.reserve().await else {
        return;
    };
    if stream.write_all(&[ACCEPTED]).await.is_ok() && stream.flush().await.is_ok() {
        let stream = BulkStream::new(stream, Some(place.closed.clone()), Some(place));
        slot.send(NetEvent::Bulk { node, stream });
    }
}

/// The inbound streams, each a place of its node's and of its institution's.
#[derive(Debug)]
struct Pipes {
    per_node_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    places: Places<u64, PartyId>,
    next: u64,
    streams: HashMap<u64, (NodeId, CancellationToken)>,
}

impl Pipes {
    fn new(limits: Limits) -> Self {
        let places = Places::new(limits.bulk_max);
        let open = Open { places, next: 0, streams: HashMap::new() };
        Self { per_node_max: limits.bulk_per_node_max, open: Mutex::new(open) }
    }

    fn take(
        pipes: &Arc<Self>,
        node: NodeId,
        institution: PartyId,
        gate: &CancellationToken,
    ) -> Option<Place> {
        let mut open = pipes.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.streams.values().filter(|(of, _)| *of == node).count();
        if own >= pipes.per_node_max {
            return None;
        }
        open.next += 1;
        let (key, closed) = (open.next, gate.child_token());
        match open.places.take(key, institution) {
            Taken::Free => {}
            // Whoever pulls there goes on over another stream where it was.
            Taken::Instead(gone) => {
                if let Some((_, closed)) = open.streams.remove(&gone) {
                    closed.cancel();
                }
            }
            Taken::Full => return None,
        }
        open.streams.insert(key, (node, closed.clone()));
        Some(Place { pipes: Arc::clone(pipes), key, closed })
    }
}

/// One stream's place, given back on drop.
#[derive(Debug)]
struct Place {
    pipes: Arc<Pipes>,
    key: u64,
    /// Cancelled when the gate closes, or the place is another's.
    closed: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.pipes.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.places.leave(self.key);
        open.streams.remove(&self.key);
    }
}
