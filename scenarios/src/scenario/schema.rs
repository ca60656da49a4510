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
