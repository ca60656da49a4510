//! The local API from the other side: HTTP over a node's Unix socket, one connection a request.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::{Asked, Command, Listing, Question};
use chartmesh_protocol::refusal::RefusalCode;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use crate::limits::ANSWER_BYTES_MAX;

/// The route of the stream of changes.
const CHANGES: &str = "/v1/changes";
/// Bytes of one piece of a file on its way.
const PIECE: usize = 256 * 1024;

/// Why a node gave no answer, or what it refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens at the socket.
    #[error("no node runs here (nothing listens at {})", .0.display())]
    NotRunning(PathBuf),
    /// The socket is another user's.
    #[error("the node's socket {} is another user's", .0.display())]
    NotPermitted(PathBuf),
    /// The socket cannot be reached for another reason.
    #[error("cannot reach the node at {}: {error}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The conversation broke off: whether it was done is not known.
    #[error("the node at {} broke off: {error}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// How.
        error: Box<dyn Error + Send + Sync>,
    },
    /// The node had trouble of its own: whether it was done is not known.
    #[error("{0}")]
    Trouble(String),
    /// The node said no, and nothing was done.
    #[error("{text}")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// Why, where the node names a reason that this version knows.
        code: Option<RefusalCode>,
        /// In the node's words.
        text: String,
    },
    /// What was asked for is no path.
    #[error("cannot ask for {path}: {error}")]
    Path {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        error: hyper::http::Error,
    },
    /// The answer is not what this version understands.
    #[error("the node's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A file on this side cannot be read or written.
    #[error("cannot {doing} {}: {error}", path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl ClientError {
    /// Whether the node wants keys that are locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(
            self,
            Self::Refused { code: Some(RefusalCode::Locked), .. }
                | Self::Refused { status: 423, .. }
        )
    }
}

/// Whose keys an asker brings along.
#[derive(Clone, Copy, Default)]
pub struct By<'a> {
    /// The patient, at whose relay it is asked.
    pub patient: Option<PartyId>,
    /// What opens the patient's keys; those that were unlocked before count when it is absent.
    pub passphrase: Option<&'a str>,
}

impl fmt::Debug for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By").field("patient", &self.patient).finish_non_exhaustive()
    }
}

impl By<'_> {
    /// Adds them to what is asked.
    fn brings(self, mut asking: Asking) -> Asking {
        if let Some(patient) = self.patient {
            asking.body["patient"] = json!(patient);
        }
        if let Some(passphrase) = self.passphrase {
            asking.open_with(passphrase);
        }
        asking
    }
}

/// Speaks with one node.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// For the node whose socket this is; nothing is sent yet.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json(self.send(Method::GET, path, "application/json", nothing()).await?).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let body = Full::new(Bytes::from(body.to_string()));
        self.json(self.send(Method::POST, path, "application/json", body).await?).await
    }

    /// Asks the protocol to show something.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query<Q>(&self, query: Q, by: By<'_>) -> Result<Q::Answer, ClientError>
    where
        Q: Question<Answer: DeserializeOwned> + Serialize,
    {
        let asking = by.brings(Asking::query(&json!({ (Q::NAME): query }), None));
        Ok(serde_json::from_value(self.ask(&asking).await?)?)
    }

    /// Asks the protocol for something to be done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn command<A>(&self, act: A, by: By<'_>) -> Result<A::Answer, ClientError>
    where
        A: Asked<Answer: DeserializeOwned>,
    {
        let command: Command = act.into();
        let asking = by.brings(Asking::command(&json!(command), None));
        Ok(serde_json::from_value(self.ask(&asking).await?)?)
    }

    /// Asks for all of a listing: `each` is given one page after another.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pages<L>(
        &self,
        listing: L,
        by: By<'_>,
        mut each: impl FnMut(Vec<L::Item>),
    ) -> Result<(), ClientError>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        let mut next = Some(listing.at_most());
        while let Some(listing) = next {
            let page = self.query(listing.clone(), by).await?;
            next = listing.behind(&page);
            each(page.items);
        }
        Ok(())
    }

    /// All of a listing at once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn all<L>(&self, listing: L, by: By<'_>) -> Result<Vec<L::Item>, ClientError>
    where
        L: Listing<Item: DeserializeOwned> + Serialize,
    {
        let mut all = Vec::new();
        self.pages(listing, by, |items| all.extend(items)).await?;
        Ok(all)
    }

    /// Puts a question or has a command done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ask(&self, asking: &Asking) -> Result<Value, ClientError> {
        self.post(&asking.path, &asking.body).await
    }

    /// Gives up what the path names.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.json(self.send(Method::DELETE, path, "application/json", nothing()).await?).await
    }

    /// Sends a file as it is; `sent` hears how many bytes are on their way, piece by piece.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_file(
        &self,
        path: &str,
        file: &Path,
        sent: impl FnMut(u64) + Send + Unpin + 'static,
    ) -> Result<Value, ClientError> {
        let body = FileBody::open(file, sent).map_err(|error| cannot("read", file, error))?;
        self.json(self.send(Method::PUT, path, "application/octet-stream", body).await?).await
    }

    /// Hands an answer on as it comes; `to` is what `write` writes, for errors. Gives its bytes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn download(
        &self,
        path: &str,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
        to: &Path,
    ) -> Result<u64, ClientError> {
        let response = self.send(Method::GET, path, "application/octet-stream", nothing()).await?;
        let mut incoming = response.into_body();
        let mut count = 0;
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.broken(error))?;
            if let Some(data) = frame.data_ref() {
                write(data).map_err(|error| cannot("write", to, error))?;
                count += data.len() as u64;
            }
        }
        Ok(count)
    }

    /// The stream of changes after the event with this id, or from where it stands.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn listen(&self, after: Option<&str>) -> Result<Changes, ClientError> {
        let mut request = Self::request(Method::GET, CHANGES);
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        Ok(Changes(self.said_yes(request, CHANGES, nothing()).await?.into_body()))
    }

    fn request(method: Method, path: &str) -> request::Builder {
        Request::builder().method(method).uri(path).header("host", "chartmesh")
    }

    async fn send<B>(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: B,
    ) -> Result<Response<Incoming>, ClientError>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let request = Self::request(method, path).header("content-type", media_type);
        self.said_yes(request, path, body).await
    }

    /// An answer with a status that says yes; otherwise the refusal in it.
    async fn said_yes<B>(
        &self,
        request: request::Builder,
        path: &str,
        body: B,
    ) -> Result<Response<Incoming>, ClientError>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.absent(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        tokio::spawn(connection);
        let request = request
            .body(body)
            .map_err(|error| ClientError::Path { path: path.to_owned(), error })?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        if response.status().as_u16() < 400 {
            return Ok(response);
        }
        let status = response.status();
        let body = self.collect(response).await?;
        Err(refused(status, path, &body))
    }

    async fn json(&self, response: Response<Incoming>) -> Result<Value, ClientError> {
        let body = self.collect(response).await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&body)?)
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<Vec<u8>, ClientError> {
        let limited = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let collected = limited.collect().await.map_err(|error| self.broken(error))?;
        Ok(collected.to_bytes().to_vec())
    }

    fn absent(&self, error: io::Error) -> ClientError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning(socket)
            }
            io::ErrorKind::PermissionDenied => ClientError::NotPermitted(socket),
            _ => ClientError::Unreachable { socket, error },
        }
    }

    fn broken(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> ClientError {
        ClientError::Broken { socket: self.socket.clone(), error: error.into() }
    }
}

/// A question, under its name, or a command, as serde writes the protocol's `Command`, as the local API takes it: what
/// stands under a name is put to the door of that name.
///
/// ```
/// use chartmesh_node::client::Asking;
/// let asking = Asking::query(&serde_json::json!({"kept": {"patient": null}}), None);
/// assert_eq!(asking.path, "/v1/query/kept");
/// assert_eq!(asking.body["query"], serde_json::json!({"patient": null}));
/// ```
#[derive(Debug, Clone)]
pub struct Asking {
    /// Where it is put.
    pub path: String,
    /// What is said there.
    pub body: Value,
}

impl Asking {
    /// A question; `patient` names whose keys it is to use.
    #[must_use]
    pub fn query(query: &Value, patient: Option<&str>) -> Self {
        Self::under("query", 1, query, patient)
    }

    /// A command, under its feature's name and its own.
    #[must_use]
    pub fn command(command: &Value, patient: Option<&str>) -> Self {
        Self::under("command", 2, command, patient)
    }

    /// Opens the keys for this once.
    pub fn open_with(&mut self, passphrase: &str) {
        self.body["passphrase"] = passphrase.into();
    }

    fn under(kind: &str, names: usize, mut said: &Value, patient: Option<&str>) -> Self {
        let mut path = format!("/v1/{kind}");
        for _ in 0..names {
            let Some((name, inner)) = said.as_object().and_then(|names| names.iter().next()) else {
                let path = format!("{path}/{}", said.as_str().unwrap_or_default());
                return Self { path, body: json!({}) };
            };
            path.push('/');
            path.push_str(name);
            said = inner;
        }
        // A name with nothing below it is all that there is to say.
        let body =
            if said.is_null() { json!({}) } else { json!({ kind: said, "patient": patient }) };
        Self { path, body }
    }
}

/// The stream of changes, in pieces as they come.
#[derive(Debug)]
pub struct Changes(Incoming);

impl Changes {
    /// The next piece; none when the stream has ended or broke.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.0.frame().await?.ok()?.into_data() {
                Ok(data) => return Some(data.to_vec()),
                Err(_) => continue,
            }
        }
    }
}

fn nothing() -> Full<Bytes> {
    Full::new(Bytes::new())
}

fn cannot(doing: &'static str, path: &Path, error: io::Error) -> ClientError {
    ClientError::File { doing, path: path.to_owned(), error }
}

/// What the node says when it does not do it.
#[derive(serde::Deserialize)]
struct Refused {
    code: Value,
    text: String,
}

fn refused(status: StatusCode, path: &str, body: &[u8]) -> ClientError {
    let (code, text) = match serde_json::from_slice::<Refused>(body) {
        // The node's own trouble: its code says nothing (501 is a refusal that says it all).
        Ok(refused) if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
            return ClientError::Trouble(refused.text);
        }
        Ok(refused) => (serde_json::from_value(refused.code).ok(), refused.text),
        Err(_) => (None, format!("the node answered {status} to {path}")),
    };
    ClientError::Refused { status: status.as_u16(), code, text }
}

/// A file as a request's body. Read piece by piece, so that its size does not matter.
struct FileBody<F> {
    file: File,
    left: u64,
    sent: F,
}

impl<F> FileBody<F> {
    fn open(path: &Path, sent: F) -> io::Result<Self> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        Ok(Self { file, left, sent })
    }
}

impl<F: FnMut(u64) + Unpin> Body for FileBody<F> {
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
                (self.sent)(read as u64);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Text for one segment of a path or a value of a query (RFC 3986, section 2.1).
#[must_use]
pub fn escape(text: &str) -> String {
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
    fn a_refusal_tells_its_reason_and_whether_it_is_known_that_nothing_was_done() {
        let body = br#"{"code":"locked","text":"the keys are locked"}"#;
        let ClientError::Refused { code, text, .. } = refused(StatusCode::CONFLICT, "/", body)
        else {
            panic!("it was refused")
        };
        assert_eq!((code, text.as_str()), (Some(RefusalCode::Locked), "the keys are locked"));
        for (body, told) in [
            (&b"<html>"[..], "the node answered 404 Not Found to /v1/open"),
            (br#"{"code":"new-one","text":"no"}"#, "no"),
        ] {
            let error = refused(StatusCode::NOT_FOUND, "/v1/open", body);
            assert!(matches!(error, ClientError::Refused { status: 404, code: None, .. }));
            assert_eq!(error.to_string(), told);
        }
        let body = br#"{"code":"wrong-state","text":"stopping"}"#;
        let error = refused(StatusCode::SERVICE_UNAVAILABLE, "/", body);
        assert!(matches!(error, ClientError::Trouble(text) if text == "stopping"));
    }

    #[test]
    fn names_of_files_survive_a_query() {
        assert_eq!(escape("Röntgen 1&2/α.dcm"), "R%C3%B6ntgen%201%262%2F%CE%B1.dcm");
    }
}
