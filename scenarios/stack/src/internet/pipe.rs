//! One end of a simulated connection, to be read and written like a socket.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Internet;
use crate::link::{End, Found, Lane};

/// A lane and who waits for it.
#[derive(Debug)]
pub(crate) struct Pipe(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    lane: Lane,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    pub(crate) fn new(lane: Lane) -> Self {
        Self(Mutex::new(Inner { lane, reader: None, writer: None }))
    }

    /// Opens or cuts it.
    pub(crate) fn open(&self, open: bool, now: Instant) {
        let mut inner = self.lock();
        if open {
            inner.lane.heal(now);
        } else {
            inner.lane.cut(now);
        }
        inner.wake();
    }

    fn finish(&self, end: End, now: Instant) {
        let mut inner = self.lock();
        inner.lane.finish(end, now);
        inner.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

/// One end of a connection. Dropped, it ends as a program's sockets do when the program ends.
pub(crate) struct Socket {
    internet: Internet,
    /// Ours and theirs.
    hosts: (usize, usize),
    inward: Arc<Pipe>,
    outward: Arc<Pipe>,
    arrival: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(crate) fn new(
        internet: Internet,
        hosts: (usize, usize),
        inward: Arc<Pipe>,
        outward: Arc<Pipe>,
    ) -> Self {
        Self { internet, hosts, inward, outward, arrival: None }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let wait = {
                let mut inner = self.inward.lock();
                match inner.lane.read(out, Instant::now()) {
                    Found::Bytes(n) => {
                        inner.writer.take().into_iter().for_each(Waker::wake);
                        return Poll::Ready(Ok(n));
                    }
                    Found::End(End::Closed) => return Poll::Ready(Ok(0)),
                    Found::End(End::Broken) => {
                        return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                    }
                    Found::Wait(wait) => {
                        inner.reader = Some(cx.waker().clone());
                        wait
                    }
                }
            };
            let Some(at) = wait else { return Poll::Pending };
            let arrival = self.arrival.get_or_insert_with(|| Box::pin(sleep_until(at)));
            arrival.as_mut().reset(at);
            if arrival.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.outward.lock();
        if inner.lane.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if !inner.lane.has_room() {
            inner.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let now = Instant::now();
        inner.lane.write(bytes, now);
        inner.reader.take().into_iter().for_each(Waker::wake);
        drop(inner);
        self.internet.wrote(self.hosts, bytes, now);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outward.finish(End::Closed, Instant::now());
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let now = Instant::now();
        self.outward.finish(End::Closed, now);
        // Whoever writes to us from now on is told so, at the earliest a moment later.
        self.inward.finish(End::Broken, now);
    }
}
