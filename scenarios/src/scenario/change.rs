//! Changing single values of a scenario file: what a sweep varies.
//!
//! A key is a path as in `hospitals.clinic.patients`: entries of a list are named by their id, links by their
//! two regions (`link.north-south.latency`), what people do and what happens by its `do` if there is one such
//! entry, and all of them by their number from 1 (`event.2.at`).

use super::node::{Item, Node};
use super::problem::{At, allowed};
use super::schema;
use super::words::{Choice, choose, leaves};
use serde_json::Value as Schema;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// One value to be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where: `providers.vault.count`.
    pub key: String,
    /// What it becomes.
    pub value: toml::Value,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)
    }
}

/// A key and the values that it takes in turn, as `sim sweep --vary` has it: `providers.vault.count=1,2,3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Vary {
    /// Where.
    pub key: String,
    /// What it becomes, in turn.
    pub values: Vec<toml::Value>,
}

impl Vary {
    /// Its changes, one for each value.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.values.iter().map(|value| Change { key: self.key.clone(), value: value.clone() })
    }
}

/// Not of the form `key=value,value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a key and its values, such as providers.vault.count=1,2,3")]
pub struct BadVary;

impl FromStr for Vary {
    type Err = BadVary;

    fn from_str(text: &str) -> Result<Self, BadVary> {
        let (key, values) = text.split_once('=').ok_or(BadVary)?;
        let values: Vec<_> = split(values).into_iter().map(str::trim).collect();
        if key.trim().is_empty() || values.iter().any(|value| value.is_empty()) {
            return Err(BadVary);
        }
        Ok(Self { key: key.trim().to_owned(), values: values.into_iter().map(value).collect() })
    }
}

/// A value as TOML has it; text needs no quotes.
fn value(text: &str) -> toml::Value {
    let read = toml::from_str::<BTreeMap<String, toml::Value>>(&format!("v = {text}"));
    let read = read.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("v"));
    read.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// At commas that stand outside quotes and brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut quoted) = (Vec::new(), 0, 0_u32, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Puts a value where its key leads, or says why it leads nowhere.
pub(super) fn apply(root: &mut Node, change: &Change, at: At) -> Result<(), String> {
    let steps: Vec<_> = change.key.split('.').map(str::trim).collect();
    if matches!(steps[0], "schema" | "sweep") {
        return Err(format!("`{}` cannot be varied", steps[0]));
    }
    descend(root, schema::value(), &steps, &change.value, at)
}

fn descend(
    node: &mut Node,
    shape: &Schema,
    steps: &[&str],
    value: &toml::Value,
    at: At,
) -> Result<(), String> {
    let [step, rest @ ..] = steps else {
        *node = Node::made(value.clone(), at);
        return Ok(());
    };
    let alternatives = leaves(schema::value(), shape);
    if let Item::List(list) = &mut node.item {
        let index = entry(list, step)?;
        let shape = alternatives.iter().map(|leaf| &leaf["items"]).find(|items| !items.is_null());
        return descend(&mut list[index], shape.unwrap_or(&Schema::Null), rest, value, at);
    }
    let leaf = match choose(&alternatives, node) {
        Choice::Leaf(leaf) => leaf,
        _ => return Err(format!("there is no key below this value: `{step}` leads nowhere")),
    };
    let known = leaf["properties"].as_object();
    let Some(below) = known.and_then(|known| known.get(*step)) else {
        let words = known.into_iter().flatten().map(|(key, _)| key.as_str());
        return Err(format!("unknown key `{step}`; {}", allowed(step, words)));
    };
    let Item::Table(entries) = &mut node.item else {
        return Err(format!("there is no key below this value: `{step}` leads nowhere"));
    };
    if !entries.contains_key(*step) {
        let below = leaves(schema::value(), below);
        if !rest.is_empty() && !below.iter().any(|leaf| leaf["properties"].is_object()) {
            return Err(format!("the file has no `{step}`"));
        }
        entries.insert((*step).to_owned(), (at, Node { at, item: Item::Table(BTreeMap::new()) }));
    }
    let (_, next) = entries.get_mut(*step).expect("it was there or was put there");
    descend(next, below, rest, value, at)
}

/// The entry of a list that a step names.
fn entry(list: &[Node], step: &str) -> Result<usize, String> {
    if let Some(index) = step.parse::<usize>().ok().and_then(|number| number.checked_sub(1))
        && index < list.len()
    {
        return Ok(index);
    }
    let mut named =
        list.iter().enumerate().filter(|(_, node)| names(node).iter().any(|name| name == step));
    match (named.next(), named.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => {
            Err(format!("there are several `{step}`; name it by its number, from 1"))
        }
        (None, _) => {
            let known: Vec<_> =
                list.iter().filter_map(|node| names(node).into_iter().next()).collect();
            let numbers = format!("1 to {}", list.len());
            let words = known.iter().map(String::as_str).chain([numbers.as_str()]);
            Err(format!("there is no `{step}`; {}", allowed(step, words)))
        }
    }
}

/// What an entry of a list is called.
fn names(node: &Node) -> Vec<String> {
    if let Some(Node { item: Item::List(pair), .. }) = node.get("between") {
        let id = |end: &'_ Node| match &end.item {
            Item::Plain(toml::Value::String(id)) => Some(id.clone()),
            _ => None,
        };
        let ends: Vec<_> = pair.iter().filter_map(id).collect();
        if let [one, other] = ends.as_slice() {
            return vec![format!("{one}-{other}"), format!("{other}-{one}")];
        }
    }
    ["id", "do", "party"]
        .iter()
        .find_map(|key| node.text(key))
        .map(str::to_owned)
        .into_iter()
        .collect()
}
