//! From sources to modules: what each defines, imports and mentions. What `#[cfg(test)]` keeps for tests is left
//! out.

use super::tokens::{self, defined, paths};
use super::{Import, Mention, ModulePath, Modules};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Meta, Path, TraitItem, UseTree, Visibility};

/// Reads a crate from its root file on; `read` gives a file's text by its path from the crate's sources.
///
/// # Panics
/// When a file is missing or is not Rust.
pub(crate) fn gather(root: &str, read: &dyn Fn(&str) -> Option<String>) -> Modules {
    let mut gather = Gather { modules: Modules::new(), here: ModulePath::new(), read };
    let text = read(root).unwrap_or_else(|| panic!("{root} is missing"));
    gather.file(root, "", &text);
    gather.modules
}

struct Gather<'a> {
    modules: Modules,
    here: ModulePath,
    read: &'a dyn Fn(&str) -> Option<String>,
}

impl Gather<'_> {
    /// A file of a module whose own modules stand in a folder.
    fn file(&mut self, file: &str, folder: &str, text: &str) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.module(file, folder, &parsed.items);
    }

    fn module(&mut self, file: &str, folder: &str, items: &[Item]) {
        file.clone_into(&mut self.modules.entry(self.here.clone()).or_default().file);
        for item in items {
            match item {
                Item::Mod(child) if !for_tests(&child.attrs) => self.child(file, folder, child),
                _ => self.visit_item(item),
            }
        }
    }

    fn child(&mut self, file: &str, folder: &str, child: &syn::ItemMod) {
        let name = child.ident.to_string();
        let below = format!("{folder}{name}/");
        self.module_here().children.insert(name.clone());
        self.here.push(name.clone());
        if let Some((_, items)) = &child.content {
            self.module(file, &below, items);
        } else {
            let (flat, nested) = (format!("{folder}{name}.rs"), format!("{below}mod.rs"));
            let found = [flat, nested].into_iter().find_map(|path| {
                let text = (self.read)(&path)?;
                Some((path, text))
            });
            let (path, text) = found.unwrap_or_else(|| panic!("{file}: no file of `mod {name}`"));
            self.file(&path, &below, &text);
        }
        self.here.pop();
    }

    fn module_here(&mut self) -> &mut super::Module {
        self.modules.entry(self.here.clone()).or_default()
    }

    fn define(&mut self, name: &syn::Ident) {
        self.module_here().items.insert(name.to_string());
    }

    fn mention(&mut self, mention: Mention) {
        self.module_here().mentions.push(mention);
    }

    /// The names that a `use` brings.
    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let (line, name, alias) = match tree {
            UseTree::Path(path) => {
                let path_so_far = [before, &[path.ident.to_string()]].concat();
                return self.import(&path.tree, &path_so_far);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before));
            }
            UseTree::Name(name) => (&name.ident, Some(&name.ident), None),
            UseTree::Rename(name) => (&name.ident, Some(&name.ident), Some(&name.rename)),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                let mention = Mention { path: before.to_vec(), line };
                return self.module_here().imports.push(Import { mention, alias: None });
            }
        };
        let line = line.span().start().line;
        let itself = name.is_some_and(|name| name == "self");
        let path = if itself {
            before.to_vec()
        } else {
            [before, &name.map(ToString::to_string).into_iter().collect::<Vec<_>>()].concat()
        };
        let alias = alias.map(ToString::to_string).or_else(|| path.last().cloned());
        self.module_here().imports.push(Import { mention: Mention { path, line }, alias });
    }
}

impl<'ast> Visit<'ast> for Gather<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let Some((attributes, name)) = head(item) else { return };
        if for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.define(name);
        }
        match item {
            Item::Use(item) if item.leading_colon.is_none() => self.import(&item.tree, &[]),
            Item::Macro(item) => {
                for name in defined(&item.mac.tokens) {
                    self.module_here().items.insert(name);
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        match item {
            TraitItem::Fn(item) if for_tests(&item.attrs) => {}
            _ => visit::visit_trait_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none()
            && let Some(first) = path.segments.first()
        {
            let line = first.ident.span().start().line;
            let path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.mention(Mention { path, line });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        paths(&node.tokens).into_iter().for_each(|mention| self.mention(mention));
        visit::visit_macro(self, node);
    }

    /// Paths stand in texts, too: `#[serde(with = "crate::text")]`.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            paths(&list.tokens).into_iter().for_each(|mention| self.mention(mention));
            tokens::texts(&list.tokens).into_iter().for_each(|mention| self.mention(mention));
        }
    }

    /// Who may see something takes nothing from anywhere: `pub(in crate::record)`.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// An item's attributes and its name, where it has one.
fn head(item: &Item) -> Option<(&[Attribute], Option<&syn::Ident>)> {
    Some(match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Use(item) => (&item.attrs, None),
        // Modules are read from their parents; a function has none.
        _ => return None,
    })
}

/// Whether something is there in tests alone.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args::<Meta>().is_ok_and(|condition| needs_test(&condition))
        }
        _ => false,
    })
}

/// Whether a condition holds in tests alone: `test`, or `all` with it among others.
fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => {
            let parser = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
            let parts = list.parse_args_with(parser).unwrap_or_default();
            if list.path.is_ident("all") {
                parts.iter().any(needs_test)
            } else {
                list.path.is_ident("any") && parts.iter().all(needs_test)
            }
        }
        Meta::NameValue(_) => false,
    }
}
