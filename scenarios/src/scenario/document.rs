//! A scenario file as it was written: every key and value with its place, so that whatever is wrong with it
//! can be pointed at.
//!
//! Reading goes in steps, and stops after the first that finds something wrong: TOML; then keys and
//! values against the schema that editors use, too ([`super::words`]); then CSV files
//! ([`super::tables`]); then sense ([`super::sense`]).

use super::problem::{At, LoadError, Problems};
use super::{Change, Link, Scenario, bounds, change, schema, sense, tables, words};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A scenario file that was read, and can be changed before it becomes a scenario.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    text: String,
    base_dir: PathBuf,
    root: Node,
    changes: Vec<Change>,
}

impl Document {
    /// Reads a file, and no CSV file yet.
    ///
    /// # Errors
    /// [`LoadError`]: it cannot be read, is too large or is not TOML.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        let bytes =
            read_bounded(path, bounds::FILE_BYTES).map_err(|what| LoadError::one(&name, what))?;
        let text =
            String::from_utf8(bytes).map_err(|_| LoadError::one(&name, "is not UTF-8 text"))?;
        Self::parse(&text, &name, path.parent().unwrap_or(Path::new("")))
    }

    /// Takes text for a file called `name`, whose CSV files are in `base_dir`.
    ///
    /// # Errors
    /// [`LoadError`]: it is too large or not TOML.
    pub fn parse(text: &str, name: &str, base_dir: &Path) -> Result<Self, LoadError> {
        if text.len() as u64 > bounds::FILE_BYTES {
            return Err(LoadError::one(name, too_large(bounds::FILE_BYTES)));
        }
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            LoadError::one(in_text(name, text, at), error.message().trim())
        })?;
        let at = At::Text(table.span().start);
        let root = Node { at, item: Item::of_table(table.get_ref()) };
        let (name, text, base_dir) = (name.to_owned(), text.to_owned(), base_dir.to_owned());
        Ok(Self { name, text, base_dir, root, changes: Vec::new() })
    }

    /// A scenario that is there already, as if it had been written.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let value = toml::Value::try_from(scenario).expect("a scenario has a form in TOML");
        let root = Node::made(value, At::Made);
        let name = scenario.name.clone();
        Self { name, text: String::new(), base_dir: PathBuf::new(), root, changes: Vec::new() }
    }

    /// The scenario that it says, self-contained: what CSV files hold is in it.
    ///
    /// # Errors
    /// [`LoadError`] with all that is wrong.
    pub fn scenario(&self) -> Result<Scenario, LoadError> {
        let mut scenario = self.judged(true)?;
        let mut problems = Problems::default();
        sense::sweep(&scenario, &self.root, &mut problems, &|change| {
            self.changed(std::slice::from_ref(change))
                .and_then(|changed| changed.judged(false))
                .map(drop)
        });
        self.result(problems)?;
        fill_links(&mut scenario);
        Ok(scenario)
    }

    /// The scenario with some values changed, such as `hospitals.clinic.patients` or `event.2.at`, and without
    /// its sweep.
    ///
    /// # Errors
    /// [`LoadError`]: a key leads nowhere, or the changed scenario is refused.
    pub fn with(&self, changes: &[Change]) -> Result<Scenario, LoadError> {
        self.changed(changes)?.scenario()
    }

    /// With changes, and without its sweep: what varies is settled by then.
    fn changed(&self, changes: &[Change]) -> Result<Self, LoadError> {
        let mut changed = self.clone();
        if let Item::Table(entries) = &mut changed.root.item {
            entries.remove("sweep");
        }
        for change in changes {
            let number = changed.changes.len();
            changed.changes.push(change.clone());
            let applied = change::apply(&mut changed.root, change, At::Change(number));
            applied.map_err(|what| LoadError::one(changed.place(At::Change(number), ""), what))?;
        }
        Ok(changed)
    }

    /// Judges all but the sweep. Without `files`, CSV files are left alone.
    fn judged(&self, files: bool) -> Result<Scenario, LoadError> {
        let mut problems = Problems::default();
        words::check(&self.root, schema::value(), &mut problems);
        self.result(std::mem::take(&mut problems))?;
        let mut scenario = Scenario::deserialize(self.root.value())
            .map_err(|error| LoadError::one(self.name.as_str(), error.message().trim()))?;
        if files {
            tables::fill(&mut scenario, &self.root, &self.base_dir, &mut problems)?;
        }
        sense::check(&scenario, &self.root, &mut problems);
        self.result(problems)?;
        Ok(scenario)
    }

    fn result(&self, problems: Problems) -> Result<(), LoadError> {
        problems.into_result(|at, key| self.place(at, key))
    }

    fn place(&self, at: At, key: &str) -> String {
        match at {
            At::Text(byte) => in_text(&self.name, &self.text, byte),
            At::Change(number) => format!("{} with {}", self.name, self.changes[number]),
            At::Made => format!("{}: {key}", self.name),
        }
    }
}

/// Every pair of regions has a link, so that a manifest says how all messages travelled.
fn fill_links(scenario: &mut Scenario) {
    for (number, one) in scenario.regions.iter().enumerate() {
        for other in &scenario.regions[number..] {
            if !scenario.links.iter().any(|link| link.is_between(&one.id, &other.id)) {
                scenario.links.push(Link::unsaid(&one.id, &other.id));
            }
        }
    }
}

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
    fn of_table(table: &DeTable<'_>) -> Self {
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

/// `name:line:column`, counted from 1, columns in characters.
fn in_text(name: &str, text: &str, byte: usize) -> String {
    let before = &text[..text.floor_char_boundary(byte)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{name}:{line}:{column}")
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

fn too_large(bound: u64) -> String {
    format!("is larger than {} MiB", bound >> 20)
}
