//! The file's shape for editors, made from the types. The loader checks by the same schema.

use super::Scenario;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::sync::OnceLock;

/// The JSON Schema (draft 7, which editors of TOML know) of a scenario file.
#[must_use]
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(value()).expect("a schema is JSON");
    text.push('\n');
    text
}

/// The schema as a value.
pub(super) fn value() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let generator = SchemaSettings::draft07().into_generator();
        let mut schema = generator.into_root_schema_for::<Scenario>().to_value();
        close(&mut schema);
        schema
    })
}

/// Closes every table that lists its keys: what flattening leaves open would let typing errors pass.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            object.remove("unevaluatedProperties");
            without_null(object);
            if object.get("properties").is_some_and(Value::is_object)
                && object.get("type").is_some_and(|kind| kind == "object")
            {
                object.insert("additionalProperties".into(), false.into());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// What TOML does not have, editors should not offer.
fn without_null(object: &mut serde_json::Map<String, Value>) {
    if let Some(ways) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        ways.retain(|way| way["type"] != "null");
    }
    if let Some(kinds) = object.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
    }
    object.retain(|key, value| key != "default" || !value.is_null());
}
