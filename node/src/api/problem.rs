//! How a request ends when it does not end well.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chartmesh_protocol::refusal::{Failure, Refusal, RefusalCode};
use chartmesh_protocol::store::StoreError;

use crate::objects::ObjectError;

/// A refusal with its HTTP status. A body is always `{"code": ..., "reason": ..., "name": ..., "args": [...],
/// "text": ...}`, the text in English; with a status of 500 or above the code says nothing, and it is unknown
/// whether the thing was done.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    refusal: Refusal,
}

/// What a handler returns.
pub(super) type Outcome<T> = Result<T, Problem>;

impl Problem {
    pub(super) fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Refusal::new(code, text).into()
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(RefusalCode::Invalid, text)
    }

    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(RefusalCode::NotFound, text)
    }

    /// The node's own trouble, not the asker's.
    pub(super) fn trouble(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            refusal: Refusal::new(RefusalCode::WrongState, text),
        }
    }

    /// Work on another thread was given up: the node is stopping, or the thread panicked.
    pub(super) fn given_up() -> Self {
        Self::trouble("the work was given up; is the node stopping? See its log")
    }

    /// Whether the protocol said no for this reason, and nothing was done.
    pub(super) fn is_refusal(&self, code: RefusalCode) -> bool {
        self.refusal.code == code && !self.status.is_server_error()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code {
            RefusalCode::Invalid => StatusCode::BAD_REQUEST,
            RefusalCode::NotFound => StatusCode::NOT_FOUND,
            RefusalCode::NotPermitted | RefusalCode::BadPermission => StatusCode::FORBIDDEN,
            RefusalCode::WrongRole | RefusalCode::AlreadyDone | RefusalCode::WrongState => {
                StatusCode::CONFLICT
            }
            RefusalCode::LimitReached => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalCode::Locked => StatusCode::LOCKED,
            RefusalCode::NotAuthentic => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
            RefusalCode::Expired => StatusCode::GONE,
        };
        Self { status, refusal }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::trouble(error.to_string())
    }
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Missing(_) => Self::not_found(error.to_string()),
            _ => Self::trouble(error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self.refusal)).into_response()
    }
}
