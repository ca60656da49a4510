//! JSON requests, read so that what is secret in them is wiped.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use zeroize::Zeroize as _;

use super::limits::{BODY_PAUSE_MAX, JSON_BYTES_MAX};
use super::problem::Problem;
use super::reasons::Reason;

/// The body of a request, parsed. An empty body reads as `{}`.
#[derive(Debug)]
pub(super) struct In<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for In<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request.into_body()).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let parsed = parse(text).map_err(Problem::from);
        wipe(bytes);
        parsed.map(Self)
    }
}

/// Parses an object. serde takes an array of its values for one, too; a document that describes objects does not.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Reason> {
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(Reason::NoObject);
    }
    // The error names a place and a type; of the values it repeats one of a wrong type, to whoever sent it.
    serde_json::from_slice(text).map_err(|error| Reason::Unreadable { why: error.to_string() })
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    let whole = tokio::time::timeout(BODY_PAUSE_MAX, to_bytes(body, JSON_BYTES_MAX)).await;
    whole.ok().and_then(Result::ok).ok_or_else(|| Reason::TooLarge { most: JSON_BYTES_MAX }.into())
}

/// A passphrase or the 24 words may stand in it.
fn wipe(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}
