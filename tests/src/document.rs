//! The document of the local API (`node/openapi.json`), held against what is said to a node and what it answers.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, Mutex};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;

/// Where the validator finds the document.
const PLACE: &str = "file:///openapi.json";

/// As it is checked in.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../node/openapi.json")).expect("the document is JSON")
});

/// Operations that were answered, and not refused, in this process.
static ANSWERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

thread_local! {
    static COMPILED: RefCell<Compiled> = RefCell::default();
}

/// Schemas by their places in the document.
#[derive(Default)]
struct Compiled {
    schemas: Schemas,
    known: HashMap<String, SchemaIndex>,
}

/// Checks one exchange: a body that the node took, and what it answered, are as the document says; what the document does
/// not know is refused.
///
/// # Panics
/// When one is not.
pub(crate) fn check(method: &str, path: &str, said: Option<&Value>, status: u16, answer: &Value) {
    let method = method.to_lowercase();
    let Some((name, operation)) = operation(&method, path) else {
        assert!(status >= 400, "{method} {path} is answered and not in node/openapi.json");
        return;
    };
    let at = format!("#/paths/{}/{method}", name.replace('~', "~0").replace('/', "~1"));
    let of = if status < 400 { status.to_string() } else { of_refusal(status).to_owned() };
    let response = &operation["responses"][&of];
    // How a door says no is said once, for all.
    let (response, at_response) = match response["$ref"].as_str() {
        Some(path) => (DOCUMENT.pointer(&path[1..]).expect("a response"), path.to_owned()),
        None => (response, format!("{at}/responses/{of}")),
    };
    assert!(response.is_object(), "{name}: nothing is said of an answer {status}: {answer}");
    if response["content"]["application/json"] != Value::Null {
        let schema = format!("{at_response}/content/application~1json/schema");
        validate(&schema, answer, &format!("the answer of {method} {path}"));
    }
    if status >= 400 {
        return;
    }
    if operation["requestBody"]["content"]["application/json"] != Value::Null {
        let schema = format!("{at}/requestBody/content/application~1json/schema");
        let nothing = Value::Object(serde_json::Map::new());
        validate(&schema, said.unwrap_or(&nothing), &format!("what was said to {method} {path}"));
    }
    let id = operation["operationId"].as_str().expect("an id").to_owned();
    ANSWERED.lock().expect("no panic").insert(id);
}

/// All operations, by their ids.
///
/// # Panics
/// When the document is none.
#[must_use]
pub fn operations() -> BTreeSet<String> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let all = paths.values().filter_map(Value::as_object).flat_map(|path| path.values());
    all.map(|operation| operation["operationId"].as_str().expect("an id").to_owned()).collect()
}

/// Operations that some node answered in this process, and did not refuse.
///
/// # Panics
/// When a thread did.
#[must_use]
pub fn answered() -> BTreeSet<String> {
    ANSWERED.lock().expect("no panic").clone()
}

fn of_refusal(status: u16) -> &'static str {
    match status {
        501 => "501",
        500.. => "5XX",
        _ => "4XX",
    }
}

/// The operation that a request is for, with the path under which the document has it.
fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<_> = path.split('/').collect();
    let is_it = |name: &str| {
        let names: Vec<_> = name.split('/').collect();
        names.len() == parts.len()
            && names.iter().zip(&parts).all(|(name, part)| name.starts_with('{') || name == part)
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let (name, operations) = paths.iter().find(|(name, _)| is_it(name))?;
    Some((name.as_str(), operations.get(method)?))
}

fn validate(schema: &str, value: &Value, what: &str) {
    COMPILED.with_borrow_mut(|compiled| {
        let Compiled { schemas, known } = compiled;
        let index = *known.entry(schema.to_owned()).or_insert_with(|| {
            let mut compiler = Compiler::new();
            compiler.set_default_draft(Draft::V2020_12);
            compiler.add_resource(PLACE, strict(&DOCUMENT)).expect("the document is JSON");
            let compiled = compiler.compile(&format!("{PLACE}{schema}"), schemas);
            compiled.unwrap_or_else(|error| panic!("{schema}: {error:#}"))
        });
        if let Err(error) = schemas.validate(value, index) {
            panic!("{what} is not as node/openapi.json says: {error:#}\n{value:#}");
        }
    });
}

/// The document with types that have nothing besides what it says: an answer may grow, and then the document grows
/// with it.
fn strict(document: &Value) -> Value {
    let mut document = document.clone();
    let types = document["components"]["schemas"].as_object_mut().expect("types");
    for schema in types.values_mut().filter_map(Value::as_object_mut) {
        if schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
            schema.insert("unevaluatedProperties".into(), false.into());
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[should_panic(expected = "not as node/openapi.json says")]
    fn an_answer_with_more_than_the_document_says_is_found() {
        check("POST", "/v1/shutdown", None, 200, &json!({"done": true, "why": "asked"}));
    }

    #[test]
    #[should_panic(expected = "not as node/openapi.json says")]
    fn an_answer_of_another_type_is_found() {
        check("POST", "/v1/query/status", None, 200, &json!([]));
    }

    #[test]
    #[should_panic(expected = "not in node/openapi.json")]
    fn an_answer_from_a_door_that_the_document_does_not_know_is_found() {
        check("POST", "/v1/backdoor", None, 200, &json!({}));
    }
}
