//! From a path to the module that defines what it names, re-exports followed to their end.

use super::{Mention, ModulePath, Modules};

/// The module in which what is mentioned is defined; none for what comes from other crates.
///
/// A single name was imported by a line of its own, unless it comes by a glob.
pub(crate) fn definer(
    modules: &Modules,
    from: &ModulePath,
    mention: &Mention,
) -> Option<ModulePath> {
    Search { modules, steps: 0 }.path(from, &mention.path)
}

struct Search<'a> {
    modules: &'a Modules,
    /// Re-exports followed so far: globs of each other go round for ever.
    steps: usize,
}

const STEPS_MAX: usize = 64;

impl Search<'_> {
    fn path(&mut self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (ModulePath::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => {
                let supers = path.iter().take_while(|name| *name == "super").count();
                (from[..from.len().checked_sub(supers)?].to_vec(), &path[supers..])
            }
            name => {
                let child = self.modules[from].children.contains(name);
                if child && path.len() == 1 {
                    // A variable that is called like a module, as far as can be told.
                    return None;
                }
                return self.name(from, path).or_else(|| child.then(|| self.reach(from, path)));
            }
        };
        // What no name stands for was made by a macro, there where the path leads.
        Some(self.name(&base, rest).unwrap_or_else(|| self.reach(&base, rest)))
    }

    /// What `path` means in the scope of a module.
    fn name(&mut self, at: &ModulePath, path: &[String]) -> Option<ModulePath> {
        self.steps += 1;
        let Some(name) = path.first() else { return Some(at.clone()) };
        if self.steps > STEPS_MAX {
            return None;
        }
        let (modules, rest) = (self.modules, &path[1..]);
        let module = &modules[at];
        let child = module.children.contains(name).then(|| below(at, name));
        if let Some(child) = child.as_ref().filter(|_| !rest.is_empty()) {
            return self.name(child, rest);
        }
        if module.items.contains(name) {
            return Some(at.clone());
        }
        // `use name;` says nothing of where that is.
        let imported = module.imports.iter().find(|import| {
            import.alias.as_ref() == Some(name) && import.mention.path != [name.clone()]
        });
        if let Some(import) = imported {
            let path = [&import.mention.path[..], rest].concat();
            // A name of another crate that is passed on from here.
            return Some(self.path(at, &path).unwrap_or_else(|| at.clone()));
        }
        if child.is_some() {
            return child;
        }
        let globs = module.imports.iter().filter(|import| import.alias.is_none());
        for glob in globs {
            let base = self.path(at, &glob.mention.path);
            let found = base.filter(|base| base != at).and_then(|base| self.name(&base, path));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The deepest module on a path.
    fn reach(&self, base: &ModulePath, path: &[String]) -> ModulePath {
        let mut at = base.clone();
        for name in path {
            if !self.modules[&at].children.contains(name) {
                break;
            }
            at.push(name.clone());
        }
        at
    }
}

fn below(module: &ModulePath, name: &str) -> ModulePath {
    [&module[..], &[name.to_owned()]].concat()
}
