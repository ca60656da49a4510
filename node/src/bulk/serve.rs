//! The sending side.

use std::io;
use std::sync::Arc;

use chartmesh_protocol::id::{NodeId, ObjectId, TicketId};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::source::{Library, Source, start_is_good};
use super::wire::{REQUEST_MAX, Request};
use super::{Patience, RECHECK, RefusalCode, io as with_patience};
use crate::objects;

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
    if timeout(patience.idle, stream.read(&mut len[..1]))
        .await
        .map_err(idle)??
        == 0
    {
        return Ok(None);
    }
    with_patience::fill(stream, &mut len, &mut 1, patience.stall).await?;
    let len = usize::from(u16::from_be_bytes(len));
    if len > REQUEST_MAX {
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

/// Writes one batch while the next is read. No thread waits for the network.
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
    let (mut sending, mut step, mut batch) = sending.read_into(Vec::new()).await?;
    let mut spare = Vec::new();
    loop {
        match step {
            Step::Batch { bytes } => {
                let next = sending.read_into(spare);
                with_patience::write(stream, &batch, patience.stall).await?;
                served.bytes += bytes;
                let read;
                (sending, step, read) = next.await?;
                spare = std::mem::replace(&mut batch, read);
            }
            Step::End => {
                served.objects += 1;
                break;
            }
            Step::Refuse(code) => {
                served.refused += 1;
                return refuse(stream, code, patience).await;
            }
        }
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

enum Step {
    /// A batch with this many bytes of the object.
    Batch {
        bytes: u64,
    },
    End,
    Refuse(RefusalCode),
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
        Ok(Self {
            source,
            request,
            permit,
            next: start,
            checked: start,
        })
    }

    /// Starts reading the next batch into `buffer` on a blocking thread at once; the future only
    /// waits for it.
    fn read_into(
        mut self,
        mut buffer: Vec<u8>,
    ) -> impl Future<Output = io::Result<(Self, Step, Vec<u8>)>> {
        blocking(move || {
            let step = self.step(&mut buffer);
            (self, step, buffer)
        })
    }

    fn step(&mut self, out: &mut Vec<u8>) -> Step {
        let (len, start) = (self.source.len(), self.request.start);
        let Some((shape, nodes)) = objects::batch(len, start, self.next) else {
            return Step::End;
        };
        if self.next - self.checked >= RECHECK {
            if let Err(code) = (self.permit)(&self.request) {
                return Step::Refuse(code);
            }
            self.checked = self.next;
        }
        out.clear();
        out.extend_from_slice(&[0; 2]);
        if let Err(error) = self.source.append(shape, &nodes, out) {
            tracing::error!(%error, "cannot go on serving an object");
            return Step::Refuse(RefusalCode::Failed);
        }
        self.next += shape.bytes as u64;
        Step::Batch {
            bytes: shape.bytes as u64,
        }
    }
}

/// Runs on a blocking thread, from now on and not only when polled.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = io::Result<T>> {
    let running = spawn_blocking(work);
    async { running.await.map_err(io::Error::other) }
}
