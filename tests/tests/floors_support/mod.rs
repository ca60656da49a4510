//! Reads a crate's sources, finds which module takes what from which, and holds that against the floors
//! (`tests/floors.toml`).
//!
//! ```text
//!  sources ──gather──> modules: names, imports, paths ──resolve──> arrows: who takes what from where
//!                                                                     │
//!  floors.toml ──plan──> rooms on floors ─────────────────────────────┴──judge──> what is wrong
//! ```

mod circles;
mod gather;
mod judge;
mod plan;
mod resolve;
mod tokens;

pub(crate) use gather::gather;
pub(crate) use judge::judge;
pub(crate) use plan::{House, houses};

use std::collections::{BTreeMap, BTreeSet};

/// A module by its names from the crate's root, which is empty.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate without its tests.
pub(crate) type Modules = BTreeMap<ModulePath, Module>;

/// What stands in a module.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Its file, from the crate's sources.
    pub(crate) file: String,
    pub(crate) children: BTreeSet<String>,
    /// Items that it defines, those inside of macros included.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// Paths in its code.
    pub(crate) mentions: Vec<Mention>,
}

/// One name that a `use` brings.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) mention: Mention,
    /// What it is called here; none for all that is there.
    pub(crate) alias: Option<String>,
}

/// A path as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// One module takes something from another.
#[derive(Debug)]
pub(crate) struct Arrow {
    pub(crate) from: ModulePath,
    /// Where it is defined.
    pub(crate) to: ModulePath,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) to_file: String,
    /// As it is written.
    pub(crate) path: String,
}

impl Module {
    /// What in this file takes what from where.
    pub(crate) fn said(&self) -> impl Iterator<Item = &Mention> {
        self.imports.iter().map(|import| &import.mention).chain(&self.mentions)
    }
}

/// The arrows between the modules of a crate.
pub(crate) fn arrows(modules: &Modules) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    for (from, module) in modules {
        let mut known = BTreeSet::new();
        for mention in module.said() {
            let Some(to) = resolve::definer(modules, from, mention) else { continue };
            if to != *from && known.insert(to.clone()) {
                let path = mention.path.join("::");
                let to_file = modules[&to].file.clone();
                let (from, file) = (from.clone(), module.file.clone());
                arrows.push(Arrow { from, to, file, line: mention.line, to_file, path });
            }
        }
    }
    arrows
}
