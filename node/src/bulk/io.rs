//! Reading and writing that give up on a peer who stalls.

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Reads on from `filled` until `buf` is full. When it fails, `filled` tells how far it came.
pub(super) async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    buf: &mut [u8],
    filled: &mut usize,
    stall: Duration,
) -> io::Result<()> {
    while *filled < buf.len() {
        match timeout(stall, stream.read(&mut buf[*filled..])).await.map_err(|_| stalled())?? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => *filled += n,
        }
    }
    Ok(())
}

/// Reads exactly `N` bytes.
pub(super) async fn read<const N: usize>(
    stream: &mut (impl AsyncRead + Unpin),
    stall: Duration,
) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(stream, &mut bytes, &mut 0, stall).await?;
    Ok(bytes)
}

/// Writes all of `bytes`.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    stall: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match timeout(stall, stream.write(bytes)).await.map_err(|_| stalled())?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => bytes = &bytes[n..],
        }
    }
    Ok(())
}

/// Pushes out what was written.
pub(super) async fn flush(
    stream: &mut (impl AsyncWrite + Unpin),
    stall: Duration,
) -> io::Result<()> {
    timeout(stall, stream.flush()).await.map_err(|_| stalled())?
}

fn stalled() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the peer stalled")
}
