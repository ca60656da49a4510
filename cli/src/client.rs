//! The local API of a running node: HTTP over its Unix socket, one connection a request.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use chartmesh_protocol::refusal::RefusalCode;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use indicatif::ProgressBar;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::exit::{Exit, Failure, Outcome};

/// Bytes of one piece of a file on its way.
const PIECE: usize = 256 * 1024;
/// Bytes that an answer in JSON may have: the longest listings are far below.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Speaks with one node.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    socket: PathBuf,
}

impl Client {
    /// For the node whose socket this is; nothing is sent yet.
    pub(crate) fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Asks for JSON.
    pub(crate) async fn get(&self, path: &str) -> Outcome<Value> {
        let body = Either::Left(Full::new(Bytes::new()));
        self.json(self.send(Method::GET, path, "application/json", body).await?).await
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        let body = Either::Left(Full::new(Bytes::from(body.to_string())));
        self.json(self.send(Method::POST, path, "application/json", body).await?).await
    }

    /// Gives up what the path names.
    pub(crate) async fn delete(&self, path: &str) -> Outcome<Value> {
        let body = Either::Left(Full::new(Bytes::new()));
        self.json(self.send(Method::DELETE, path, "application/json", body).await?).await
    }

    /// Sends a file as it is.
    pub(crate) async fn put_file(
        &self,
        path: &str,
        file: &Path,
        progress: &ProgressBar,
    ) -> Outcome<Value> {
        let body = FileBody::open(file, progress.clone())
            .map_err(|error| Failure::file("read", file, &error))?;
        let sent = self.send(Method::PUT, path, "application/octet-stream", Either::Right(body));
        self.json(sent.await?).await
    }

    /// Writes an answer as it comes.
    pub(crate) async fn download(
        &self,
        path: &str,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
        to: &Path,
    ) -> Outcome<u64> {
        let body = Either::Left(Full::new(Bytes::new()));
        let response = self.send(Method::GET, path, "application/octet-stream", body).await?;
        let mut incoming = response.into_body();
        let mut count = 0;
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.broken(&error))?;
            if let Some(data) = frame.data_ref() {
                write(data).map_err(|error| Failure::file("write", to, &error))?;
                count += data.len() as u64;
            }
        }
        Ok(count)
    }

    /// An answer with a status that says yes; otherwise the refusal in it.
    async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Either<Full<Bytes>, FileBody>,
    ) -> Outcome<Response<Incoming>> {
        let stream =
            UnixStream::connect(&self.socket).await.map_err(|error| self.absent(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "chartmesh")
            .header("content-type", media_type)
            .body(body)
            .map_err(|error| {
                Failure::new(Exit::Failed, format!("cannot ask for {path}: {error}"))
            })?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        if response.status().as_u16() < 400 {
            return Ok(response);
        }
        let status = response.status();
        let body = self.collect(response).await?;
        Err(refused(status, path, &body))
    }

    async fn json(&self, response: Response<Incoming>) -> Outcome<Value> {
        let body = self.collect(response).await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))
    }

    async fn collect(&self, response: Response<Incoming>) -> Outcome<Vec<u8>> {
        let limited = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        match limited.collect().await {
            Ok(collected) => Ok(collected.to_bytes().to_vec()),
            Err(error) => Err(Failure::new(
                Exit::Failed,
                format!("the node at {} broke off: {error}", self.socket.display()),
            )),
        }
    }

    fn absent(&self, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::new(
                Exit::NotRunning,
                format!("no node runs here (nothing listens at {})", self.socket.display()),
            )
            .next("start it with `chartmesh run`, or name another node with --dir"),
            io::ErrorKind::PermissionDenied => Failure::new(
                Exit::NotPermitted,
                format!("the node's socket {} is another user's", self.socket.display()),
            )
            .next("run the command as the user whose node it is"),
            _ => Failure::new(
                Exit::NotRunning,
                format!("cannot reach the node at {}: {error}", self.socket.display()),
            ),
        }
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        Failure::new(
            Exit::Failed,
            format!("the node at {} broke off: {error}", self.socket.display()),
        )
        .next("see `chartmesh status`; whether it was done is not known, so look before you repeat it")
    }
}

/// What the node says when it does not do it.
#[derive(serde::Deserialize)]
struct Refused {
    code: Value,
    text: String,
}

fn refused(status: StatusCode, path: &str, body: &[u8]) -> Failure {
    let by_status = match status.as_u16() {
        400 | 413 | 422 => Exit::Usage,
        401 | 403 => Exit::NotPermitted,
        404 => Exit::NotFound,
        409 | 410 => Exit::State,
        423 => Exit::Locked,
        _ => Exit::Failed,
    };
    match serde_json::from_slice::<Refused>(body) {
        // The node's own trouble: its code says nothing (501 is a refusal that says it all).
        Ok(refused) if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
            Failure::new(Exit::Failed, refused.text)
                .next("whether it was done is not known: look with a listing before you repeat it")
        }
        Ok(refused) => {
            let code = serde_json::from_value::<RefusalCode>(refused.code);
            Failure::new(code.map_or(by_status, Exit::from), refused.text)
        }
        Err(_) => Failure::new(by_status, format!("the node answered {status} to {path}")),
    }
}

/// An answer that this program does not understand.
pub(crate) fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the node's answer cannot be read: {error}"))
        .next("use the same version of `chartmesh` for the node and for this command")
}

/// A file as a request's body. Read piece by piece, so that its size does not matter.
struct FileBody {
    file: File,
    left: u64,
    progress: ProgressBar,
}

impl FileBody {
    fn open(path: &Path, progress: ProgressBar) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        Ok(Self { file, left, progress })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let want = PIECE.min(usize::try_from(self.left).unwrap_or(PIECE));
        let mut piece = vec![0; want];
        match self.file.read(&mut piece) {
            Ok(0) => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the file became shorter while it was read",
            )))),
            Ok(read) => {
                piece.truncate(read);
                self.left -= read as u64;
                self.progress.inc(read as u64);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A file that is being written, readable by its owner only: it holds what was sealed.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.flush()?;
    Ok(file)
}

/// Text for one segment of a path or a value of a query (RFC 3986, section 2.1).
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_ends_with_the_exit_code_of_its_cause() {
        let body = br#"{"code":"locked","text":"the keys are locked"}"#;
        let failure = refused(StatusCode::CONFLICT, "/v1/command", body);
        assert_eq!(failure, Failure::new(Exit::Locked, "the keys are locked"));
        let failure = refused(StatusCode::NOT_FOUND, "/v1/open", b"<html>");
        assert_eq!(failure.exit, Exit::NotFound);
        let failure = refused(StatusCode::FORBIDDEN, "/", br#"{"code":"new-one","text":"no"}"#);
        assert_eq!(failure, Failure::new(Exit::NotPermitted, "no"));
        let body = br#"{"code":"wrong-state","text":"stopping"}"#;
        let failure = refused(StatusCode::SERVICE_UNAVAILABLE, "/", body);
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.next.is_some_and(|next| next.contains("not known")));
    }

    #[test]
    fn names_of_files_survive_a_query() {
        assert_eq!(escape("Röntgen 1&2/α.dcm"), "R%C3%B6ntgen%201%262%2F%CE%B1.dcm");
    }
}
