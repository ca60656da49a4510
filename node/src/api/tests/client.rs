//! A client as small as a client can be.

use std::path::{Path, PathBuf};

use axum::http::{Method, Request, StatusCode};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
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
            let stream = UnixStream::connect(&self.0).await.unwrap();
            let io = TokioIo::new(stream);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "localhost")
                .body(Full::new(body.into()))
                .unwrap();
            let response: hyper::Response<Incoming> = match sender.send_request(request).await {
                Ok(response) => response,
                // An answer that breaks off early takes its head along, when that was not sent yet.
                Err(error) => {
                    let status = StatusCode::BAD_GATEWAY;
                    return Answer { status, media_type: String::new(), body: Err(error) };
                }
            };
            let status = response.status();
            let media_type = response.headers().get("content-type");
            let media_type = media_type.map(|text| text.to_str().unwrap().to_owned());
            let body = response.into_body().collect().await.map(|body| body.to_bytes());
            Answer { status, media_type: media_type.unwrap_or_default(), body }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the node answers in time")
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
        let refusal: Refusal = serde_json::from_slice(&body).unwrap();
        assert_eq!(refusal.code, code, "{refusal}");
        refusal.to_string()
    }
}
