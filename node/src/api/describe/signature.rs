//! What a handler takes and gives, read off its own signature.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Sse;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::super::changes::LastEventId;
use super::super::document::Document;
use super::super::json::In;
use super::super::problem::Outcome;
use super::super::request::{At, Named};
use super::schemas::Schemas;

/// What a handler takes and gives.
#[derive(Default)]
pub(in super::super) struct Signature {
    /// Of the path, in its order.
    pub(super) places: Vec<Value>,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    /// The media type of the answer, and its schema where it has one.
    pub(super) answer: (&'static str, Option<Value>),
    pub(super) refuses: bool,
}

/// A handler whose signature is told; `T` is axum's name for its arguments.
pub(in super::super) trait Tells<T> {
    fn tell(schemas: &mut Schemas) -> Signature;
}

macro_rules! tells {
    ($($argument:ident),+) => {
        impl<H, Answering, Answer, M, $($argument),+> Tells<(M, $($argument,)+)> for H
        where
            H: FnOnce($($argument),+) -> Answering,
            Answering: Future<Output = Answer>,
            Answer: Gives,
            $($argument: Takes,)+
        {
            fn tell(schemas: &mut Schemas) -> Signature {
                let mut signature = Signature::default();
                $($argument::take(&mut signature, schemas);)+
                Answer::give(&mut signature, schemas);
                signature
            }
        }
    };
}
tells!(A);
tells!(A, B);
tells!(A, B, C);
tells!(A, B, C, D);

/// An argument of a handler.
pub(in super::super) trait Takes {
    fn take(signature: &mut Signature, schemas: &mut Schemas);
}

impl<S> Takes for State<S> {
    fn take(_: &mut Signature, _: &mut Schemas) {}
}

impl<T: JsonSchema> Takes for In<T> {
    fn take(signature: &mut Signature, schemas: &mut Schemas) {
        let schema = schemas.taken.subschema_for::<T>();
        let full = T::json_schema(&mut schemas.taken);
        // An empty body reads as `{}`.
        let required = full.get("required").is_some();
        signature.body = Some(
            json!({"required": required, "content": {"application/json": {"schema": schema}}}),
        );
    }
}

impl<T: JsonSchema> Takes for At<T> {
    fn take(signature: &mut Signature, schemas: &mut Schemas) {
        let schema = schemas.taken.subschema_for::<T>().to_value();
        signature.places = match schema.get("prefixItems") {
            Some(Value::Array(several)) => several.clone(),
            _ => vec![schema],
        };
    }
}

impl<T: JsonSchema> Takes for Named<T> {
    fn take(signature: &mut Signature, schemas: &mut Schemas) {
        let schema = T::json_schema(&mut schemas.taken).to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let required = required.iter().any(|one| one == name);
            signature.parameters.push(parameter(name, "query", required, schema));
        }
    }
}

impl Takes for LastEventId {
    fn take(signature: &mut Signature, _: &mut Schemas) {
        let schema =
            json!({"type": "string", "description": "The id of the last event that was read."});
        signature.parameters.push(parameter("last-event-id", "header", false, &schema));
    }
}

impl Takes for Body {
    fn take(signature: &mut Signature, _: &mut Schemas) {
        signature.body =
            Some(json!({"required": true, "content": {"application/octet-stream": {}}}));
    }
}

/// An answer of a handler.
pub(in super::super) trait Gives {
    fn give(signature: &mut Signature, schemas: &mut Schemas);
}

impl<T: JsonSchema> Gives for Json<T> {
    fn give(signature: &mut Signature, schemas: &mut Schemas) {
        let schema = schemas.given.subschema_for::<T>();
        signature.answer = ("application/json", Some(schema.to_value()));
    }
}

impl<T: Gives> Gives for Outcome<T> {
    fn give(signature: &mut Signature, schemas: &mut Schemas) {
        T::give(signature, schemas);
        signature.refuses = true;
    }
}

impl Gives for Document {
    fn give(signature: &mut Signature, _: &mut Schemas) {
        signature.answer = ("application/json", Some(json!({"type": "object"})));
    }
}

/// A content in the clear, of whatever type it is.
impl Gives for Response {
    fn give(signature: &mut Signature, _: &mut Schemas) {
        signature.answer = ("*/*", None);
    }
}

impl<S> Gives for Sse<S> {
    fn give(signature: &mut Signature, _: &mut Schemas) {
        signature.answer = ("text/event-stream", Some(json!({"type": "string"})));
    }
}

pub(super) fn parameter(name: &str, place: &str, required: bool, schema: &Value) -> Value {
    let mut schema = schema.clone();
    let said = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let mut parameter = json!({"name": name, "in": place, "required": required, "schema": schema});
    if let Some(said) = said {
        parameter["description"] = said;
    }
    parameter
}
