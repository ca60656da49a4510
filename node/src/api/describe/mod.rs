//! `openapi.json`: what each door takes and gives, as its handler's signature says, and the types as serde writes and
//! reads them (docs/decisions/0017-openapi.md).

mod schemas;
mod signature;

use std::collections::BTreeMap;

use chartmesh_protocol::peer::Command;
use chartmesh_protocol::refusal::Refusal;
use schemars::{JsonSchema as _, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::door::Door;

pub(super) use schemas::Schemas;
use signature::parameter;
pub(super) use signature::{Signature, Tells};

/// What stands at its top.
const ABOUT: &str = "\
HTTP/1.1 on a Unix socket: `api.sock` in the data directory, unless configured. The socket's mode is 0600, and that is \
all of its access control: whoever may open it may do all of this.\n\n\
Ids are lower-case hexadecimal, times UTC milliseconds since 1970. What a request has besides what stands here \
is refused. An answer may have more than stands here, and later versions add to it: read over what \
you do not know.\n\n\
A question or a command is at a path of its own, with an answer of its own. `patient` names whose keys it is to use, \
`passphrase` opens them for this once; without it those are used that `unlock` keeps.";

/// Statuses of those that are no answers, their names, and what they say.
const REFUSALS: [(&str, &str, &str); 3] = [
    ("4XX", "Refused", "Refused, and nothing was done: `code` says why, `text` what to do next."),
    ("501", "Unsupported", "Refused: this version does not do it."),
    (
        "5XX",
        "Trouble",
        "The node's own trouble: nobody knows whether it was done, and `code` says nothing.",
    ),
];

/// The whole document.
pub(super) fn document(doors: Vec<Door>) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for door in doors {
        let mut signature = (door.tells)(&mut schemas);
        let what = match door.command {
            Some(names) => command(&mut signature, &mut schemas, names),
            None => door.what.to_owned(),
        };
        let operation = operation(&door, &what, signature);
        let known = paths.entry(door.path).or_default().insert(door.method.into(), operation);
        assert!(known.is_none(), "two doors are one");
    }
    let mut paths = json!(paths);
    let mut responses = refusals(&mut schemas);
    let types = schemas.settle(&mut [&mut paths, &mut responses]);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The local API of a Chartmesh node",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": ABOUT,
        },
        "servers": [{"url": "http://node", "description": "Any name: it is a Unix socket"}],
        "security": [],
        "paths": paths,
        "components": {"schemas": types, "responses": responses},
    })
}

/// How a door says no, the same at all.
fn refusals(schemas: &mut Schemas) -> Value {
    let refusal = schemas.given.subschema_for::<Refusal>();
    let said = |(_, name, text): (_, &str, _)| {
        let content = json!({"application/json": {"schema": refusal}});
        (name.to_owned(), json!({"description": text, "content": content}))
    };
    REFUSALS.map(said).into_iter().collect::<Map<_, _>>().into()
}

/// Puts what a command is in the place of what stands for any, and gives what it does. The protocol reads a command under
/// its names: its schema is that of the variant.
fn command(signature: &mut Signature, schemas: &mut Schemas, names: (&str, &str)) -> String {
    let all = Command::json_schema(&mut schemas.taken).to_value();
    let feature = &variant(&all, names.0)["properties"][names.0]["$ref"];
    let feature = feature.as_str().and_then(|path| path.rsplit('/').next()).expect("a named type");
    let command = variant(&schemas.taken.definitions()[feature], names.1);
    let body = signature.body.as_mut().expect("a command has a body");
    let schema = &mut body["content"]["application/json"]["schema"];
    match command["properties"].get(names.1) {
        Some(taken) => {
            schema["properties"]["command"] = taken.clone();
            schema["required"] = json!(["command"]);
            body["required"] = true.into();
        }
        // Of some there is nothing more to say.
        None => drop(schema["properties"].as_object_mut().and_then(|all| all.remove("command"))),
    }
    command["description"].as_str().unwrap_or_default().to_owned()
}

/// The variant of an enum that serde calls so.
fn variant(of: &Value, name: &str) -> Value {
    let is_it = |one: &&Value| one["const"] == name || one["properties"].get(name).is_some();
    let found = of["oneOf"].as_array().and_then(|all| all.iter().find(is_it));
    found.unwrap_or_else(|| panic!("no {name} in {of:#}")).clone()
}
fn operation(door: &Door, what: &str, signature: Signature) -> Value {
    let named = door.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let names: Vec<_> = named.collect();
    assert_eq!(
        names.len(),
        signature.places.len(),
        "{}: a handler takes what its path names",
        door.path
    );
    let places = names.iter().zip(&signature.places);
    let mut parameters: Vec<_> =
        places.map(|(name, schema)| parameter(name, "path", true, schema)).collect();
    parameters.extend(signature.parameters);
    let (media_type, schema) = signature.answer;
    let content = schema.map_or_else(|| json!({}), |schema| json!({"schema": schema}));
    let mut responses = json!({"200": {"description": "Done.", "content": {media_type: content}}});
    if signature.refuses {
        for (status, name, _) in REFUSALS {
            responses[status] = json!({"$ref": format!("#/components/responses/{name}")});
        }
    }
    let mut operation = json!({
        "operationId": id(door),
        "summary": what.replace('\n', " ").trim_end_matches('.'),
        "tags": [door.path.split('/').nth(2).unwrap_or_default()],
        "responses": responses,
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = signature.body {
        operation["requestBody"] = body;
    }
    operation
}

/// Method and path as one name, such as `post_imports_commit`; what is asked by its name alone has `query_find`.
fn id(door: &Door) -> String {
    let parts = door.path.split('/').skip(2).filter(|part| !part.starts_with('{'));
    let parts: Vec<_> = parts.map(|part| part.replace(['-', '.'], "_")).collect();
    match parts[0].as_str() {
        "query" | "command" => parts.join("_"),
        _ => format!("{}_{}", door.method, parts.join("_")),
    }
}

/// What is secret: a person types it unseen, and no answer has it.
pub(super) fn secret(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "string", "format": "password", "writeOnly": true})
}
