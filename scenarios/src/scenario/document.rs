//! A scenario file as it was written: every key and value with its place, so that whatever is wrong with it
//! can be pointed at.
//!
//! Reading goes in steps, and stops after the first that finds something wrong: TOML; then keys and
//! values against the schema that editors use, too ([`super::words`]); then CSV files
//! ([`super::tables`]); then sense ([`super::sense`]).

use super::file::Scenario;
use super::node::{Item, Node, read_bounded, too_large};
use super::problem::{At, LoadError, Problems};
use super::{Change, Link, change, limits, schema, sense, tables, words};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

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
            read_bounded(path, limits::FILE_BYTES).map_err(|what| LoadError::one(&name, what))?;
        let text =
            String::from_utf8(bytes).map_err(|_| LoadError::one(&name, "is not UTF-8 text"))?;
        Self::parse(&text, &name, path.parent().unwrap_or(Path::new("")))
    }

    /// Takes text for a file called `name`, whose CSV files are in `base_dir`.
    ///
    /// # Errors
    /// [`LoadError`]: it is too large or not TOML.
    pub fn parse(text: &str, name: &str, base_dir: &Path) -> Result<Self, LoadError> {
        if text.len() as u64 > limits::FILE_BYTES {
            return Err(LoadError::one(name, too_large(limits::FILE_BYTES)));
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

/// Reads a scenario file, with the CSV files that it names.
///
/// # Errors
/// [`LoadError`]: the file cannot be read, or what is wrong in it, with line and column.
pub fn load(path: &Path) -> Result<Scenario, LoadError> {
    Document::read(path)?.scenario()
}

/// Reads a scenario from text. `name` is what refusals call it, CSV files are sought in `base_dir`.
///
/// # Errors
/// [`LoadError`].
pub fn parse(text: &str, name: &str, base_dir: &Path) -> Result<Scenario, LoadError> {
    Document::parse(text, name, base_dir)?.scenario()
}

impl Scenario {
    /// Judges a scenario that was made by a program or read from a manifest.
    ///
    /// # Errors
    /// [`LoadError`], with keys such as `event.2.target` in place of lines.
    pub fn check(&self) -> Result<(), LoadError> {
        Document::of(self).scenario().map(drop)
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

/// `name:line:column`, counted from 1, columns in characters.
fn in_text(name: &str, text: &str, byte: usize) -> String {
    let before = &text[..text.floor_char_boundary(byte)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{name}:{line}:{column}")
}
