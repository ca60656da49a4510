//! The types, as they are read and as they are written.

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value};

/// Where the document keeps the types, and where they are meanwhile, as they are read and as they are written.
const TYPES: &str = "#/components/schemas/";
const TAKEN: &str = "#/taken/";
const GIVEN: &str = "#/given/";

/// Both sides of every type: it may be read by other rules than it is written by.
pub(in super::super) struct Schemas {
    pub(super) taken: SchemaGenerator,
    pub(super) given: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let side = |path: &str, contract: Contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = path.trim_start_matches('#').to_owned().into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            settings.into_generator()
        };
        Self { taken: side(TAKEN, Contract::Deserialize), given: side(GIVEN, Contract::Serialize) }
    }

    /// Gives the types their places, and what refers to them the way there. A type that is read by other rules than it is
    /// written by (what may be left out, say) is two, and the one that is read is called `...In`.
    pub(super) fn settle(mut self, document: &mut [&mut Value]) -> Map<String, Value> {
        let given = self.given.take_definitions(true);
        let taken = self.taken.take_definitions(true);
        let two = differing(&taken, &given);
        let placed = |path: &str| match path.strip_prefix(TAKEN) {
            Some(name) if two.contains(name) => format!("{TYPES}{name}In"),
            Some(name) => format!("{TYPES}{name}"),
            None => path.replacen(GIVEN, TYPES, 1),
        };
        let taken = taken.into_iter().map(|(name, schema)| match two.contains(&name) {
            true => (format!("{name}In"), schema),
            false => (name, schema),
        });
        let mut types: Map<_, _> = taken.chain(given).collect();
        document.iter_mut().for_each(|part| refer(part, &placed));
        types.values_mut().for_each(|schema| refer(schema, &placed));
        needed(document, &types)
    }
}

/// The types that differ between the two sides, or refer to one that does.
fn differing(taken: &Map<String, Value>, given: &Map<String, Value>) -> BTreeSet<String> {
    let is_other = |name: &String, two: &BTreeSet<String>| {
        let (mut schema, mut written) = (taken[name].clone(), given[name].clone());
        let mut refers = BTreeSet::new();
        referred(&schema, &mut refers);
        refer(&mut schema, &|path| path.replacen(TAKEN, TYPES, 1));
        refer(&mut written, &|path| path.replacen(GIVEN, TYPES, 1));
        schema != written || !refers.is_disjoint(two)
    };
    let both: Vec<_> = taken.keys().filter(|name| given.contains_key(*name)).collect();
    let mut two = BTreeSet::new();
    loop {
        let more: Vec<_> =
            both.iter().filter(|name| !two.contains(**name) && is_other(name, &two)).collect();
        if more.is_empty() {
            return two;
        }
        two.extend(more.into_iter().map(|name| (*name).clone()));
    }
}

/// Changes where each reference in `value` leads.
fn refer(value: &mut Value, placed: &impl Fn(&str) -> String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(path) if name == "$ref" => *path = placed(path),
                    member => refer(member, placed),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, placed)),
        _ => {}
    }
}
/// The names of the types that stand in `value`.
fn referred(value: &Value, to: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let path = members.get("$ref").and_then(Value::as_str).unwrap_or_default();
            let name = [TYPES, TAKEN].into_iter().find_map(|place| path.strip_prefix(place));
            to.extend(name.map(str::to_owned));
            members.values().for_each(|member| referred(member, to));
        }
        Value::Array(items) => items.iter().for_each(|item| referred(item, to)),
        _ => {}
    }
}

/// Those of the types that something refers to, from the document's other parts on.
fn needed(document: &[&mut Value], types: &Map<String, Value>) -> Map<String, Value> {
    let (mut needed, mut new) = (BTreeSet::new(), BTreeSet::new());
    document.iter().for_each(|part| referred(part, &mut new));
    while let Some(name) = new.pop_first() {
        if needed.insert(name.clone()) {
            referred(&types[&name], &mut new);
        }
    }
    needed.into_iter().map(|name| (name.clone(), types[&name].clone())).collect()
}
