//! What stands in a file, each value with its place.

use super::problem::At;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) item: Item,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Table(BTreeMap<String, (At, Node)>),
    List(Vec<Node>),
    Plain(toml::Value),
}

impl Node {
    fn of(value: &Spanned<DeValue<'_>>) -> Self {
        let item = match value.get_ref() {
            DeValue::Table(table) => Item::of_table(table),
            DeValue::Array(list) => Item::List(list.iter().map(Self::of).collect()),
            DeValue::String(text) => Item::Plain(toml::Value::String(text.to_string())),
            DeValue::Boolean(yes) => Item::Plain(toml::Value::Boolean(*yes)),
            DeValue::Datetime(time) => Item::Plain(toml::Value::Datetime(*time)),
            DeValue::Integer(number) => {
                let whole = i64::from_str_radix(number.as_str(), number.radix());
                // Beyond 64 bits: larger than anything allowed, which the next step says.
                Item::Plain(toml::Value::Integer(whole.unwrap_or(i64::MAX)))
            }
            DeValue::Float(number) => {
                Item::Plain(toml::Value::Float(number.as_str().parse().unwrap_or(f64::NAN)))
            }
        };
        Self { at: At::Text(value.span().start), item }
    }

    /// A value that was not written in the file.
    pub(super) fn made(value: toml::Value, at: At) -> Self {
        let item = match value {
            toml::Value::Table(table) => Item::Table(
                table.into_iter().map(|(key, value)| (key, (at, Self::made(value, at)))).collect(),
            ),
            toml::Value::Array(list) => {
                Item::List(list.into_iter().map(|value| Self::made(value, at)).collect())
            }
            plain => Item::Plain(plain),
        };
        Self { at, item }
    }

    /// The value without its places.
    pub(super) fn value(&self) -> toml::Value {
        match &self.item {
            Item::Plain(plain) => plain.clone(),
            Item::List(list) => toml::Value::Array(list.iter().map(Self::value).collect()),
            Item::Table(entries) => {
                let entries = entries.iter().map(|(key, (_, node))| (key.clone(), node.value()));
                toml::Value::Table(entries.collect())
            }
        }
    }

    /// The value at a key, if it is a table and has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.item {
            Item::Table(entries) => entries.get(key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text at a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.item {
            Item::Plain(toml::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The place of what a path leads to; where the path breaks off, of what should have had it.
    pub(super) fn at(&self, path: &[Step<'_>]) -> At {
        self.follow(path).0.at
    }

    /// Whether a path leads to something.
    pub(super) fn has(&self, path: &[Step<'_>]) -> bool {
        self.follow(path).1
    }

    /// As far as a path leads, and whether that is its end.
    fn follow(&self, path: &[Step<'_>]) -> (&Self, bool) {
        let mut node = self;
        for step in path {
            let next = match (step, &node.item) {
                (Step::Key(key), _) => node.get(key),
                (Step::Index(index), Item::List(list)) => list.get(*index),
                _ => None,
            };
            let Some(next) = next else { return (node, false) };
            node = next;
        }
        (node, true)
    }
}

impl Item {
    pub(super) fn of_table(table: &DeTable<'_>) -> Self {
        let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            (key.get_ref().to_string(), (At::Text(key.span().start), Node::of(value)))
        };
        Self::Table(table.iter().map(entry).collect())
    }
}

/// A step from a value to one within it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// A path as people write it: `event.2.at`, counted from 1.
pub(super) struct Shown<'a>(pub(super) &'a [Step<'a>]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(".")?;
            }
            match step {
                Step::Key(key) => f.write_str(key)?,
                Step::Index(index) => write!(f, "{}", index + 1)?,
            }
        }
        Ok(())
    }
}

/// A file's bytes, or why not.
pub(super) fn read_bounded(path: &Path, bound: u64) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    file.take(bound + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > bound { Err(too_large(bound)) } else { Ok(bytes) }
}

pub(super) fn too_large(bound: u64) -> String {
    format!("is larger than {} MiB", bound >> 20)
}
