//! The document of the local API is what the code says.

use std::collections::BTreeSet;
use std::{env, fs, path::Path};

use chartmesh_protocol::peer::Command;
use serde_json::Value;

use super::super::{describe, doors};

/// Checked in, and given out by the node.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_openapi_document_is_what_the_handlers_and_their_types_say() {
    let document = describe::document(doors());
    let made = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(Path::new(PATH), &made).unwrap();
    }
    let kept = fs::read_to_string(PATH).unwrap();
    let help = "run UPDATE_OPENAPI=1 cargo test -p chartmesh-node openapi";
    assert!(kept == made, "node/openapi.json is not what the code says; {help}");
}

/// Names of an enum's variants, as serde reads them, each with its schema.
fn variants(schema: &Value) -> Vec<(String, &Value)> {
    let all = schema["oneOf"].as_array().expect("an enum").iter();
    all.map(|variant| match variant["properties"].as_object() {
        Some(named) => named.iter().next().map(|(name, of)| (name.clone(), of)).expect("a name"),
        None => (variant["const"].as_str().expect("a name").to_owned(), variant),
    })
    .collect()
}

#[test]
fn every_command_that_serde_reads_has_its_door_but_those_that_another_door_is_for() {
    let schema = schemars::schema_for!(Command).to_value();
    let mut without = BTreeSet::new();
    for (feature, of) in variants(&schema) {
        let path = of["$ref"].as_str().expect("a type of the feature's");
        let of = schema.pointer(path.trim_start_matches('#')).expect("the feature's type");
        without.extend(variants(of).into_iter().map(|(name, _)| format!("{feature}/{name}")));
    }
    for door in doors() {
        without.remove(door.path.trim_start_matches("/v1/command/"));
    }
    let of_others = ["record/open", "record/undo"].map(str::to_owned);
    assert_eq!(without, BTreeSet::from(of_others));
}
