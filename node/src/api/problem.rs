//! How a request ends when it does not end well.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chartmesh_protocol::peer::words::Told;
use chartmesh_protocol::reason::ENGLISH;
use chartmesh_protocol::refusal::{Failure, Refusal, RefusalCode};
use chartmesh_protocol::store::StoreError;

use super::reasons::Reason;
use crate::object_store::ObjectError;

/// A refusal with its HTTP status: the protocol's or the door's own, by one path. A body is always [`Told`], its
/// words made here, in English; with a status of 500 or above the code says nothing, and it is unknown whether
/// the thing was done.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    told: Told,
}

/// What a handler returns.
pub(super) type Outcome<T> = Result<T, Problem>;

impl Problem {
    /// The node's own trouble, not the asker's.
    pub(super) fn trouble(reason: Reason) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, told: Told::of(reason, &ENGLISH) }
    }

    /// The same, where the node is asked by too many at once: it is no fault of what was asked.
    pub(super) fn busy(self) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..self }
    }

    /// Work on another thread was given up: the node is stopping, or the thread panicked.
    pub(super) fn given_up() -> Self {
        Self::trouble(Reason::GivenUp)
    }

    /// Whether it is a refusal of this class, and nothing was done.
    pub(super) fn is_refusal(&self, code: RefusalCode) -> bool {
        self.told.code == code && !self.status.is_server_error()
    }
}

impl From<Told> for Problem {
    fn from(told: Told) -> Self {
        let status = match told.code {
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
        Self { status, told }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refusal.told(&ENGLISH).into()
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Told::of(reason, &ENGLISH).into()
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
        Self::trouble(Reason::Trouble { what: error.to_string() })
    }
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Missing(_) => Reason::Missing { what: error.to_string() }.into(),
            _ => Self::trouble(Reason::Trouble { what: error.to_string() }),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self.told)).into_response()
    }
}
