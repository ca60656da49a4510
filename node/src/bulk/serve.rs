//! The sending side.

use std::io;
use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, ObjectId, TicketId};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::limits::{BUFFERS_SENDING, RECHECK, REQUEST_BYTES_MAX};
use super::source::{Library, Source, start_is_good};
use super::wire::Request;
use super::{Patience, RefusalCode, io as with_patience};
use crate::object_store;
use crate::pool::spawn_blocking;

/// Decides who gets what. Called on a blocking thread, before an answer and every
/// [`RECHECK`] bytes of it.
pub trait Authorise: Send + Sync + 'static {
    /// Whether this node may pull this object with this ticket now.
    ///
    /// # Errors
    /// What the peer is told; [`RefusalCode::NotPermitted`] unless there is a reason to say more.
    fn may_serve(
        &self,
        node: NodeId,
        ticket: TicketId,
        object: ObjectId,
    ) -> Result<(), RefusalCode>;
}

impl<F> Authorise for F
where
    F: Fn(NodeId, TicketId, ObjectId) -> Result<(), RefusalCode> + Send + Sync + 'static,
{
    fn may_serve(&self, node: NodeId, ticket: TicketId, id: ObjectId) -> Result<(), RefusalCode> {
        self(node, ticket, id)
    }
}

/// What was done on a stream until the peer closed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Objects sent to their end.
    pub objects: u64,
    /// Requests refused, at once or midway.
    pub refused: u64,
    /// Bytes of objects sent.
    pub bytes: u64,
}

/// Why a stream ended before the peer closed it. The peer pulls again when it wants more.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The stream broke, or the peer stalled ([`io::ErrorKind::TimedOut`]).
    #[error("sending broke off: {0}")]
    Stream(#[from] io::Error),
    /// The peer does not speak this protocol: blame it.
    #[error("the peer sent a request that cannot be read")]
    BadRequest,
}

/// Answers the requests of the authenticated `peer` until it closes the stream.
///
/// # Errors
/// [`ServeError`].
pub async fn serve<S, L, A>(
    mut stream: S,
    peer: NodeId,
    library: Arc<L>,
    authorise: Arc<A>,
    patience: Patience,
) -> Result<Served, ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    L: Library,
    A: Authorise,
{
    let mut served = Served::default();
    while let Some(body) = read_request(&mut stream, patience).await? {
        let request = match Request::decode(&body) {
            Ok(request) => request,
            Err(code) => {
                refuse(&mut stream, code, patience).await?;
                if code == RefusalCode::BadRequest {
                    return Err(ServeError::BadRequest);
                }
                served.refused += 1;
                continue;
            }
        };
        let (library, permit) = (library.clone(), authorise.clone());
        let permit =
            move |request: &Request| permit.may_serve(peer, request.ticket, request.object);
        match blocking(move || Sending::begin(&*library, request, permit)).await? {
            Ok(sending) => answer(&mut stream, sending, &mut served, patience).await?,
            Err(code) => {
                refuse(&mut stream, code, patience).await?;
                served.refused += 1;
            }
        }
    }
    // The peer closed its half after its last answer: nothing is lost if ours cannot be closed.
    let _ = timeout(patience.stall, stream.close()).await;
    Ok(served)
}

/// The next request after its length, `None` when the peer has closed the stream.
async fn read_request<S: AsyncRead + Unpin>(
    stream: &mut S,
    patience: Patience,
) -> Result<Option<Vec<u8>>, ServeError> {
    let mut len = [0; 2];
    let idle = |_| io::Error::new(io::ErrorKind::TimedOut, "no request came");
    if timeout(patience.idle, stream.read(&mut len[..1])).await.map_err(idle)?? == 0 {
        return Ok(None);
    }
    with_patience::fill(stream, &mut len, &mut 1, patience.stall).await?;
    let len = usize::from(u16::from_be_bytes(len));
    if len > REQUEST_BYTES_MAX {
        return Err(ServeError::BadRequest);
    }
    let mut body = vec![0; len];
    with_patience::fill(stream, &mut body, &mut 0, patience.stall).await?;
    Ok(Some(body))
}

async fn refuse<S: AsyncWrite + Unpin>(
    stream: &mut S,
    code: RefusalCode,
    patience: Patience,
) -> io::Result<()> {
    with_patience::write(stream, &code.code().to_be_bytes(), patience.stall).await?;
    with_patience::flush(stream, patience.stall).await
}

/// Writes some batches while the next are read. No thread waits for the network.
async fn answer<S, L, P>(
    stream: &mut S,
    sending: Sending<L, P>,
    served: &mut Served,
    patience: Patience,
) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
    L: Library,
    P: Permit,
{
    let header = [&[0; 2][..], &sending.source.len().to_be_bytes()].concat();
    with_patience::write(stream, &header, patience.stall).await?;
    let (mut sending, mut batches) = sending.read_ahead(Vec::new()).await?;
    let mut spare = Vec::new();
    loop {
        let end = batches.last().and_then(|batch| batch.end);
        let next = end.is_none().then(|| sending.read_ahead(std::mem::take(&mut spare)));
        for batch in &batches {
            with_patience::write(stream, &batch.encoded, patience.stall).await?;
            served.bytes += batch.bytes;
        }
        spare = batches;
        let Some(next) = next else {
            match end {
                Some(End::Refused) => served.refused += 1,
                _ => served.objects += 1,
            }
            break;
        };
        (sending, batches) = next.await?;
    }
    with_patience::flush(stream, patience.stall).await
}

trait Permit: Fn(&Request) -> Result<(), RefusalCode> + Send + 'static {}
impl<F: Fn(&Request) -> Result<(), RefusalCode> + Send + 'static> Permit for F {}

/// An answer under way.
struct Sending<L: Library, P> {
    source: Source<L::Disk>,
    request: Request,
    permit: P,
    next: u64,
    checked: u64,
}

/// A batch to be written, or the end in its place.
#[derive(Default)]
struct Batch {
    encoded: Vec<u8>,
    /// How many bytes of the object it has.
    bytes: u64,
    end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Complete,
    Refused,
}

impl<L: Library, P: Permit> Sending<L, P> {
    fn begin(library: &L, request: Request, permit: P) -> Result<Self, RefusalCode> {
        permit(&request)?;
        let source = match library.find(request.object) {
            Ok(found) => found.ok_or(RefusalCode::NotHere)?,
            Err(error) => {
                tracing::error!(%error, "cannot serve an object");
                return Err(RefusalCode::Failed);
            }
        };
        if !start_is_good(request.start, source.len()) {
            return Err(RefusalCode::BadStart);
        }
        let start = request.start;
        Ok(Self { source, request, permit, next: start, checked: start })
    }

    /// Starts reading the next batches into old ones on a blocking thread at once; the future only
    /// waits for it. The last one read tells whether more follow.
    fn read_ahead(
        mut self,
        mut batches: Vec<Batch>,
    ) -> impl Future<Output = io::Result<(Self, Vec<Batch>)>> {
        blocking(move || {
            batches.resize_with(BUFFERS_SENDING / 2, Batch::default);
            let end = batches.iter_mut().position(|batch| {
                batch.encoded.clear();
                batch.bytes = 0;
                batch.end = self.read(batch);
                batch.end.is_some()
            });
            batches.truncate(end.map_or(batches.len(), |last| last + 1));
            (self, batches)
        })
    }

    fn read(&mut self, batch: &mut Batch) -> Option<End> {
        let (len, start) = (self.source.len(), self.request.start);
        let Some((shape, nodes)) = object_store::batch(len, start, self.next) else {
            return Some(End::Complete);
        };
        let mut permitted = Ok(());
        if self.next - self.checked >= RECHECK {
            permitted = (self.permit)(&self.request);
            self.checked = self.next;
        }
        batch.encoded.extend_from_slice(&[0; 2]);
        let read = permitted.and_then(|()| {
            self.source.append(shape, &nodes, &mut batch.encoded).map_err(|error| {
                tracing::error!(%error, "cannot go on serving an object");
                RefusalCode::Failed
            })
        });
        if let Err(code) = read {
            batch.encoded.clear();
            batch.encoded.extend_from_slice(&code.code().to_be_bytes());
            return Some(End::Refused);
        }
        batch.bytes = shape.bytes as u64;
        self.next += batch.bytes;
        None
    }
}

/// Runs on a blocking thread, from now on and not only when polled.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> {
    let running = spawn_blocking(work);
    async { running.await.map_err(io::Error::other) }
}
