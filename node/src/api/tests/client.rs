//! A client as small as a client can be.

use std::path::{Path, PathBuf};

use axum::http::{Method, Request, StatusCode};
use chartmesh_protocol::peer::words::Told;
use chartmesh_protocol::refusal::RefusalCode;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::PATIENCE;

/// Asks at a socket, each time anew.
pub(super) struct Client(PathBuf);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) media_type: String,
    /// The body, or that it broke off.
    pub(super) body: Result<Bytes, hyper::Error>,
}

/// A stream of changes.
#[derive(Debug)]
pub(super) struct Events {
    body: Incoming,
    text: String,
}

impl Client {
    pub(super) fn new(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.send(Method::POST, path, serde_json::to_vec(body).unwrap()).await
    }

    pub(super) async fn put(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        let asking = async {
            let response = match self.begin(method, path, &[], body.into()).await {
                Ok(response) => response,
                // An answer that breaks off early takes its head along, when that was not sent yet.
                Err(error) => {
                    let status = StatusCode::BAD_GATEWAY;
                    return Answer { status, media_type: String::new(), body: Err(error) };
                }
            };
            let status = response.status();
            let media_type = media_type(&response);
            let body = response.into_body().collect().await.map(|body| body.to_bytes());
            Answer { status, media_type, body }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the node answers in time")
    }

    /// Listens to changes, after the event with this id.
    pub(super) async fn listen(&self, after: Option<&str>) -> Result<Events, StatusCode> {
        let headers = after.map(|id| ("last-event-id", id));
        let asking = self.begin(Method::GET, "/v1/changes", headers.as_slice(), Bytes::new());
        let response = tokio::time::timeout(PATIENCE, asking).await.expect("an answer").unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        assert_eq!(media_type(&response), "text/event-stream");
        Ok(Events { body: response.into_body(), text: String::new() })
    }

    async fn begin(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> hyper::Result<hyper::Response<Incoming>> {
        let stream = UnixStream::connect(&self.0).await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender.send_request(request.body(Full::new(body)).unwrap()).await
    }
}

fn media_type(response: &hyper::Response<Incoming>) -> String {
    let media_type = response.headers().get("content-type");
    media_type.map(|text| text.to_str().unwrap().to_owned()).unwrap_or_default()
}

impl Events {
    /// The next event, as it came; none when the stream has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        let reading = async {
            loop {
                if let Some((event, rest)) = self.text.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.text = rest;
                    return Some(event);
                }
                let frame = self.body.frame().await?.unwrap();
                self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("an event, or the end")
    }
}

impl Answer {
    /// What was asked for.
    pub(super) fn get<T: DeserializeOwned>(self) -> T {
        let bytes = self.bytes();
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
    }

    /// The bytes that were asked for.
    pub(super) fn bytes(self) -> Bytes {
        let body = self.body.unwrap();
        assert_eq!(self.status, StatusCode::OK, "{body:?}");
        body
    }

    /// Checks that it was refused, and returns the reason.
    pub(super) fn refused(self, status: u16, code: RefusalCode) -> String {
        let body = self.body.unwrap();
        assert_eq!(self.status.as_u16(), status, "{body:?}");
        let told: Told = serde_json::from_slice(&body).unwrap();
        assert_eq!(told.code, code, "{told:?}");
        // Whoever refuses says which of the reasons listed it is for.
        assert!(told.reason > 0 && !told.name.starts_with("reason-"), "{told:?}");
        told.text
    }
}
