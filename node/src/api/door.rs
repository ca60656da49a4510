//! A door: a route with its handler.
//!
//! In the build of the tests a door tells what its handler takes and gives, too, read off the handler's own signature;
//! `openapi.json` is made of that, so that no list beside the code can say otherwise.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};

#[cfg(test)]
use super::describe::{Schemas, Signature, Tells};
use super::problem::Problem;
use super::reasons::Reason;
use super::state::ApiState;

/// A route with its handler.
pub(super) struct Door {
    #[cfg(test)]
    pub(super) method: &'static str,
    pub(super) path: String,
    #[cfg(test)]
    pub(super) what: &'static str,
    /// The names under which the protocol reads the command, where it is one.
    #[cfg(test)]
    pub(super) command: Option<(&'static str, &'static str)>,
    #[cfg(test)]
    pub(super) tells: fn(&mut Schemas) -> Signature,
    serves: MethodRouter<Arc<ApiState>>,
}

/// Outside of the tests a handler tells nothing.
#[cfg(not(test))]
pub(super) trait Tells<T> {}
#[cfg(not(test))]
impl<H, T> Tells<T> for H {}

impl Door {
    /// A door that is asked with `GET`; `what` says in a line what it does.
    pub(super) fn get<H, T>(path: impl Into<String>, what: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Tells<T>,
        T: 'static,
    {
        Self::new(("get", MethodFilter::GET), path, what, handler)
    }

    /// A door that is asked with `POST`.
    pub(super) fn post<H, T>(path: impl Into<String>, what: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Tells<T>,
        T: 'static,
    {
        Self::new(("post", MethodFilter::POST), path, what, handler)
    }

    /// A door that is asked with `PUT`.
    pub(super) fn put<H, T>(path: impl Into<String>, what: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Tells<T>,
        T: 'static,
    {
        Self::new(("put", MethodFilter::PUT), path, what, handler)
    }

    /// A door that is asked with `DELETE`.
    pub(super) fn delete<H, T>(path: impl Into<String>, what: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Tells<T>,
        T: 'static,
    {
        Self::new(("delete", MethodFilter::DELETE), path, what, handler)
    }

    /// The door of a command, with the names under which the protocol reads it; the protocol says what it does.
    #[cfg_attr(
        not(test),
        expect(unused_variables, reason = "only the document says what it takes")
    )]
    pub(super) fn command<H, T>(
        path: String,
        names: (&'static str, &'static str),
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Tells<T>,
        T: 'static,
    {
        Self {
            #[cfg(test)]
            command: Some(names),
            ..Self::post(path, "", handler)
        }
    }

    #[cfg_attr(
        not(test),
        expect(unused_variables, reason = "only the document says the method and what it does")
    )]
    fn new<H, T>(
        (method, filter): (&'static str, MethodFilter),
        path: impl Into<String>,
        what: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Tells<T>,
        T: 'static,
    {
        Self {
            #[cfg(test)]
            method,
            path: path.into(),
            #[cfg(test)]
            what,
            #[cfg(test)]
            command: None,
            #[cfg(test)]
            tells: H::tell,
            serves: on(filter, handler),
        }
    }
}

/// All doors, and an answer to whoever looks for another.
pub(super) fn router(doors: Vec<Door>, api: Arc<ApiState>) -> Router {
    doors
        .into_iter()
        .fold(Router::new(), |router, door| router.route(&door.path, door.serves))
        .fallback(async || Problem::from(Reason::NoDoor))
        .method_not_allowed_fallback(async || Problem::from(Reason::NoDoor))
        .with_state(api)
}
