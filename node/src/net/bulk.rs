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

use chartmesh_protocol::id::NodeId;
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

/// Name of the bulk protocol on the wire.
pub(super) const BULK: StreamProtocol = StreamProtocol::new("/chartmesh/bulk/1");

const ACCEPTED: u8 = 0x01;
const BUSY: u8 = 0x02;

/// A pipe of bytes. Ends in `ConnectionAborted` the moment its node's gate is closed; holds one
/// of that node's places until it is dropped.
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
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the node was put out"))
            }
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
    let places = Arc::new(Places { limits, taken: Mutex::default() });
    while let Some((peer, stream)) = incoming.next().await {
        // The negotiation asked the gate; this asks for the token, and whether it closed since.
        let Some(node) = node_of(&peer) else { continue };
        let Some(gate) = gates.token(node) else {
            continue;
        };
        let place = Places::take(&places, node);
        let events = events.clone();
        tokio::spawn(async move {
            let welcome = welcome(stream, node, gate, place, &events);
            if timeout(BULK_OPEN_TIMEOUT, welcome).await.is_err() {
                tracing::debug!(node = %node.short(), kind = "bulk", "a stream came to nothing");
            }
        });
    }
}

async fn welcome(
    mut stream: Stream,
    node: NodeId,
    gate: CancellationToken,
    place: Option<Place>,
    events: &mpsc::Sender<NetEvent>,
) {
    if place.is_none() {
        let _gone = stream.write_all(&[BUSY]).await;
        let _gone = stream.close().await;
        return;
    }
    // First a place in the driver's queue, then the word that there is room.
    let Ok(slot) = events.reserve().await else {
        return;
    };
    if stream.write_all(&[ACCEPTED]).await.is_ok() && stream.flush().await.is_ok() {
        let stream = BulkStream::new(stream, Some(gate), place);
        slot.send(NetEvent::Bulk { node, stream });
    }
}

/// How many inbound streams there are, in all and per node.
#[derive(Debug)]
struct Places {
    limits: Limits,
    taken: Mutex<HashMap<NodeId, usize>>,
}

impl Places {
    fn take(places: &Arc<Self>, node: NodeId) -> Option<Place> {
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&node).copied().unwrap_or(0);
        if all >= places.limits.bulk_max || own >= places.limits.bulk_per_node_max {
            return None;
        }
        taken.insert(node, own + 1);
        Some(Place { places: Arc::clone(places), node })
    }
}

/// One stream's place, given back on drop.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    node: NodeId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.node) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.remove(&self.node);
            }
        }
    }
}
