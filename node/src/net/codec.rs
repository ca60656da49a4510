//! How one request and its answer stand on a stream of their own.
//!
//! ```text
//! request:  u32 big endian length, that many bytes
//! answer:   one byte 0x00, u32 big endian length, that many bytes
//!           one byte 0x01: refused, nothing was processed; asking again is of no use as things are
//!           one byte 0x02: busy, nothing was processed; ask again later
//! ```
//! A length above the protocol's cap ends the stream before any of the body is read.

use std::io;
use std::sync::Arc;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::{StreamProtocol, request_response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{READ_AT_ONCE_KIB_MAX, READING_KIB_MAX};

const ANSWERED: u8 = 0x00;
const REFUSED: u8 = 0x01;
const BUSY: u8 = 0x02;

/// What comes back to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was processed; opaque bytes.
    Bytes(Vec<u8>),
    /// It was not processed and will not be.
    Refused,
    /// It was not processed; later it may be.
    Busy,
}

impl Answer {
    /// Bytes that are kept of it until it is written.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Refused | Self::Busy => 0,
        }
    }
}

/// The framing of one protocol, with its caps.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    pub(super) request_bytes_max: usize,
    pub(super) answer_bytes_max: usize,
    pub(super) room: Room,
}

/// Room for the requests of one connection that are being read. Whoever sends all of a request but its last byte has us keep
/// it for as long as we wait, on as many streams as a connection has; so there is room for a few large ones.
#[derive(Debug)]
pub(super) enum Room {
    /// The behaviour's, which is on no connection.
    ForEach,
    /// A connection's, shared by its streams, in KiB.
    Of(Arc<Semaphore>),
}

/// libp2p copies the behaviour's framing for each connection, and the connection's for each stream.
impl Clone for Room {
    fn clone(&self) -> Self {
        Self::Of(match self {
            Self::ForEach => Arc::new(Semaphore::new(READING_KIB_MAX as usize)),
            Self::Of(room) => Arc::clone(room),
        })
    }
}

impl Room {
    /// Waits for room for a body, unless it is small: those go before whatever large ones wait for.
    async fn take(&self, length: u32) -> Option<OwnedSemaphorePermit> {
        let kib = length.div_ceil(1024);
        match self {
            Self::Of(room) if kib > READ_AT_ONCE_KIB_MAX => {
                Arc::clone(room).acquire_many_owned(kib.min(READING_KIB_MAX)).await.ok()
            }
            _ => None,
        }
    }
}

impl request_response::Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_body(io, self.request_bytes_max, &self.room).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut status = [0];
        io.read_exact(&mut status).await?;
        match status[0] {
            // What we asked for ourselves needs no room of whoever answers.
            ANSWERED => {
                Ok(Answer::Bytes(read_body(io, self.answer_bytes_max, &Room::ForEach).await?))
            }
            REFUSED => Ok(Answer::Refused),
            BUSY => Ok(Answer::Busy),
            _ => Err(invalid("an answer of unknown status")),
        }
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_body(io, &request, self.request_bytes_max).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        answer: Answer,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match answer {
            Answer::Bytes(bytes) => {
                io.write_all(&[ANSWERED]).await?;
                write_body(io, &bytes, self.answer_bytes_max).await
            }
            Answer::Refused => io.write_all(&[REFUSED]).await,
            Answer::Busy => io.write_all(&[BUSY]).await,
        }
    }
}

/// Reads one body. Memory grows with what has arrived, not with what the length promises.
async fn read_body<T: AsyncRead + Unpin + Send>(
    io: &mut T,
    bytes_max: usize,
    room: &Room,
) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length);
    if length as usize > bytes_max {
        return Err(invalid("a body above the protocol's cap"));
    }
    let _room = room.take(length).await;
    let mut body = Vec::new();
    io.take(u64::from(length)).read_to_end(&mut body).await?;
    if body.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

async fn write_body<T: AsyncWrite + Unpin + Send>(
    io: &mut T,
    body: &[u8],
    bytes_max: usize,
) -> io::Result<()> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= bytes_max);
    let length = length.ok_or_else(|| invalid("a body above the protocol's cap"))?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(body).await
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::io::Cursor;
    use futures::{FutureExt as _, TryStreamExt as _};
    use proptest::prelude::*;
    use request_response::Codec as _;

    const PROTOCOL: StreamProtocol = StreamProtocol::new("/test");

    fn frames() -> Frames {
        Frames { request_bytes_max: 100, answer_bytes_max: 200, room: Room::ForEach }
    }

    fn written(answer: &Answer) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        block_on(frames().write_response(&PROTOCOL, &mut out, answer.clone())).unwrap();
        out.into_inner()
    }

    fn read(bytes: &[u8]) -> io::Result<Answer> {
        block_on(frames().read_response(&PROTOCOL, &mut Cursor::new(bytes)))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(body in proptest::collection::vec(any::<u8>(), 0..=200)) {
            let answer = Answer::Bytes(body);
            prop_assert_eq!(read(&written(&answer)).unwrap(), answer);
        }

        #[test]
        fn a_truncated_answer_is_an_error(body in proptest::collection::vec(any::<u8>(), 0..=200), cut in any::<prop::sample::Index>()) {
            let bytes = written(&Answer::Bytes(body));
            prop_assert!(read(&bytes[..cut.index(bytes.len())]).is_err());
        }
    }

    #[test]
    fn refused_and_busy_are_told_apart() {
        for answer in [Answer::Refused, Answer::Busy] {
            assert_eq!(read(&written(&answer)).unwrap(), answer);
        }
        assert_eq!(read(&[3]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_length_above_the_cap_is_refused_before_the_body() {
        let mut bytes = Cursor::new([0, 0, 0, 101, 1, 2, 3]);
        let error = block_on(frames().read_request(&PROTOCOL, &mut bytes)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(bytes.position(), 4);
    }

    /// [NET-3]: requests whose last byte never comes.
    #[test]
    fn of_one_connection_a_few_large_requests_are_read_at_a_time_and_small_ones_all() {
        /// All but the last byte of a request of this length, and then silence.
        fn unfinished(length: u32) -> impl AsyncRead + Unpin + Send {
            let begun = [&length.to_be_bytes()[..], &vec![7; length as usize - 1]].concat();
            Cursor::new(begun)
                .chain(futures::stream::pending::<io::Result<Vec<u8>>>().into_async_read())
        }
        fn finished(length: u32) -> Cursor<Vec<u8>> {
            Cursor::new([&length.to_be_bytes()[..], &vec![7; length as usize]].concat())
        }
        let (protocol, mebibyte) = (PROTOCOL, 1 << 20);
        let of_all =
            Frames { request_bytes_max: mebibyte, answer_bytes_max: 1, room: Room::ForEach };
        let (connection, other) = (of_all.clone(), of_all.clone());
        let large = u32::try_from(mebibyte).unwrap();
        let mut streams: Vec<_> =
            (0..READING_KIB_MAX / 1024).map(|_| (connection.clone(), unfinished(large))).collect();
        let mut reading: Vec<_> = streams
            .iter_mut()
            .map(|(frames, io)| Box::pin(frames.read_request(&protocol, io)))
            .collect();
        for read in &mut reading {
            assert!(read.as_mut().now_or_never().is_none());
        }
        let (mut frames, mut one_more) = (connection.clone(), finished(large));
        let mut waits = Box::pin(frames.read_request(&protocol, &mut one_more));
        assert!(waits.as_mut().now_or_never().is_none(), "there is no room for it");
        let small = READ_AT_ONCE_KIB_MAX * 1024;
        let read = connection.clone().read_request(&protocol, &mut finished(small)).now_or_never();
        assert!(read.is_some_and(|read| read.is_ok()), "a small one is read all the same");
        let read = other.clone().read_request(&protocol, &mut finished(large)).now_or_never();
        assert!(
            read.is_some_and(|read| read.is_ok()),
            "and so is what comes by another connection"
        );
        reading.pop();
        assert!(waits.as_mut().now_or_never().is_some_and(|read| read.is_ok()));
    }

    #[test]
    fn a_body_above_the_cap_is_not_written() {
        let mut out = Cursor::new(Vec::new());
        let written = block_on(frames().write_request(&PROTOCOL, &mut out, vec![0; 101]));
        assert!(written.is_err());
        assert!(out.into_inner().is_empty());
    }
}
