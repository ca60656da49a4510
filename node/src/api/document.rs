//! The document that describes the local API, as it is checked in and as the tests write it.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// OpenAPI 3.1. `UPDATE_OPENAPI=1 cargo test -p chartmesh-node openapi` writes it.
const OPENAPI: &str = include_str!("../../openapi.json");

/// The document.
pub(super) struct Document;

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
    }
}

/// `GET /v1/openapi.json`
pub(super) async fn document(
    _: axum::extract::State<std::sync::Arc<super::state::ApiState>>,
) -> Document {
    Document
}
