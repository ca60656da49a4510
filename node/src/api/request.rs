//! What many requests need: what a path names, names, a thread that may block.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::{Outcome, Problem};
use super::reasons::Reason;

/// What the path names, read; refused like all else when it is no such thing.
#[derive(Debug)]
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Outcome<Self> {
        let at = Path::from_request_parts(parts, state).await;
        at.map(|Path(at)| Self(at)).map_err(|error| Reason::NoId { why: error.body_text() }.into())
    }
}

/// What stands behind the path, by names.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Outcome<Self> {
        let named = Query::from_request_parts(parts, state).await;
        named
            .map(|Query(named)| Self(named))
            .map_err(|error| Reason::NoId { why: error.body_text() }.into())
    }
}

/// Runs on a thread that may block.
pub(super) async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Outcome<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::given_up())
}

/// Random bytes that name something here, in hexadecimal.
pub(super) fn fresh_name() -> String {
    use rand_core::Rng as _;
    let mut bytes = [0; 16];
    crate::random::system().fill_bytes(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

/// Bytes as they stand in JSON.
pub(super) fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}
