//! Keys, words and values against the schema: what is unknown or out of range is refused where it stands,
//! with what is allowed there.

use super::node::{Item, Node, Shown, Step};
use super::problem::{At, Problems, allowed};
use super::units::{Rate, Share, Size, Span};
use serde_json::Value as Schema;

/// Checks a whole document.
pub(super) fn check<'n>(root: &'n Node, schema: &'n Schema, problems: &mut Problems) {
    Validator { root: schema, problems }.node(root, schema, &mut Vec::new());
}

struct Validator<'n, 'p> {
    root: &'n Schema,
    problems: &'p mut Problems,
}

impl<'n> Validator<'n, '_> {
    fn node(&mut self, node: &'n Node, schema: &'n Schema, path: &mut Vec<Step<'n>>) {
        let leaves = leaves(self.root, schema);
        if leaves.is_empty() || leaves.iter().any(|leaf| anything(leaf)) {
            self.finite(node, path);
            return;
        }
        match &node.item {
            Item::Table(entries) => match choose(&leaves, node) {
                Choice::Leaf(leaf) => self.table(node.at, entries, leaf, path),
                Choice::Word { key, at, found, words } => {
                    path.push(Step::Key(key));
                    self.say(
                        at,
                        path,
                        format!("unknown word `{found}`; {}", allowed(found, words)),
                    );
                    path.pop();
                }
                Choice::None => self.wrong_type(node, &leaves, path),
            },
            Item::List(list) => {
                let Some(leaf) = leaves.iter().find(|leaf| is(leaf, "array")) else {
                    return self.wrong_type(node, &leaves, path);
                };
                if let (Some(least), Some(most)) =
                    (leaf["minItems"].as_u64(), leaf["maxItems"].as_u64())
                    && !(least..=most).contains(&(list.len() as u64))
                {
                    let what = format!("has {} values, and needs {least}", list.len());
                    self.say(node.at, path, what);
                }
                for (index, item) in list.iter().enumerate() {
                    path.push(Step::Index(index));
                    self.node(item, &leaf["items"], path);
                    path.pop();
                }
            }
            Item::Plain(plain) => {
                if let Err(what) = judge(plain, &leaves) {
                    self.say(node.at, path, what);
                }
            }
        }
    }

    fn table(
        &mut self,
        at: At,
        entries: &'n std::collections::BTreeMap<String, (At, Node)>,
        leaf: &'n Schema,
        path: &mut Vec<Step<'n>>,
    ) {
        let known = leaf["properties"].as_object();
        for (key, (key_at, node)) in entries {
            path.push(Step::Key(key));
            match known.and_then(|known| known.get(key)) {
                Some(schema) => self.node(node, schema, path),
                None if leaf["additionalProperties"].is_object() => {
                    self.node(node, &leaf["additionalProperties"], path);
                }
                None => {
                    let words = known.into_iter().flatten().map(|(known, _)| known.as_str());
                    self.say(
                        *key_at,
                        path,
                        format!("unknown key `{key}`; {}", allowed(key, words)),
                    );
                }
            }
            path.pop();
        }
        for key in leaf["required"].as_array().into_iter().flatten().filter_map(Schema::as_str) {
            if !entries.contains_key(key) {
                self.say(at, path, format!("the key `{key}` is missing here"));
            }
        }
    }

    /// In free values, only numbers that are none are refused.
    fn finite(&mut self, node: &'n Node, path: &mut Vec<Step<'n>>) {
        match &node.item {
            Item::Plain(toml::Value::Float(number)) if !number.is_finite() => {
                self.say(node.at, path, format!("`{number}` is not a number that can be used"));
            }
            Item::List(list) => list.iter().for_each(|item| self.finite(item, path)),
            _ => {}
        }
    }

    fn wrong_type(&mut self, node: &Node, leaves: &[&Schema], path: &[Step<'_>]) {
        self.say(node.at, path, format!("{} is not {}", kind(&node.item), expected(leaves)));
    }

    fn say(&mut self, at: At, path: &[Step<'_>], what: String) {
        self.problems.say(at, Shown(path).to_string(), what);
    }
}

/// The alternatives of a schema, references followed; `null`, which TOML does not have, is none.
pub(super) fn leaves<'a>(root: &'a Schema, schema: &'a Schema) -> Vec<&'a Schema> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return leaves(root, &root["definitions"][name]);
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        if let Some(list) = schema[several].as_array() {
            return list.iter().flat_map(|schema| leaves(root, schema)).collect();
        }
    }
    if is(schema, "null") && schema["type"].is_string() { Vec::new() } else { vec![schema] }
}

/// Which of the alternatives a table is meant to be.
pub(super) enum Choice<'s, 'n> {
    Leaf(&'s Schema),
    /// The word that tells them apart is unknown.
    Word {
        key: &'s str,
        at: At,
        found: &'n str,
        words: Vec<&'s str>,
    },
    /// No alternative is a table, or it could be any.
    None,
}

pub(super) fn choose<'s, 'n>(leaves: &[&'s Schema], node: &'n Node) -> Choice<'s, 'n> {
    let tables: Vec<_> = leaves.iter().copied().filter(|leaf| is(leaf, "object")).collect();
    let tagged: Vec<_> = tables.iter().filter_map(|leaf| Some((*leaf, tag(leaf)?))).collect();
    for (leaf, (key, word)) in &tagged {
        if node.text(key) == Some(word) {
            return Choice::Leaf(leaf);
        }
    }
    for (_, (key, _)) in &tagged {
        if let (Some(found), Some(value)) = (node.text(key), node.get(key)) {
            let words = tagged.iter().filter(|(_, (other, _))| other == key).map(|(_, tag)| tag.1);
            return Choice::Word { key, at: value.at, found, words: words.collect() };
        }
    }
    if let [only] = tables.as_slice() {
        return Choice::Leaf(only);
    }
    let Item::Table(entries) = &node.item else { return Choice::None };
    let known =
        |leaf: &&Schema| entries.keys().filter(|key| !leaf["properties"][key].is_null()).count();
    match tables.iter().max_by_key(|leaf| known(leaf)) {
        Some(leaf) if known(leaf) > 0 => Choice::Leaf(leaf),
        _ => Choice::None,
    }
}

/// The key of a table by which it is told from its alternatives, and its word there.
fn tag(leaf: &Schema) -> Option<(&str, &str)> {
    let known = leaf["properties"].as_object()?;
    known.iter().find_map(|(key, schema)| Some((key.as_str(), schema["const"].as_str()?)))
}

fn judge(plain: &toml::Value, leaves: &[&Schema]) -> Result<(), String> {
    let mut refused = None;
    for leaf in leaves {
        match fits(plain, leaf) {
            Fit::Yes => return Ok(()),
            Fit::Value(what) => refused = refused.or(Some(what)),
            Fit::Type => {}
        }
    }
    if let (Some(word), words) = (plain.as_str(), words(leaves))
        && !words.is_empty()
    {
        return Err(format!("unknown word `{word}`; {}", allowed(word, words)));
    }
    Err(refused.unwrap_or_else(|| {
        format!("{} is not {}", kind(&Item::Plain(plain.clone())), expected(leaves))
    }))
}

enum Fit {
    Yes,
    /// The type is right and the value is not.
    Value(String),
    Type,
}

fn fits(plain: &toml::Value, leaf: &Schema) -> Fit {
    let unit = leaf["x-unit"].as_str();
    let checked = |read: Result<(), super::BadUnit>| {
        read.map_or_else(|bad| Fit::Value(bad.to_string()), |()| Fit::Yes)
    };
    match plain {
        toml::Value::String(text) => match unit {
            Some("span") => checked(Span::try_from(text.clone()).map(drop)),
            Some("size") => checked(Size::try_from(text.clone()).map(drop)),
            Some("rate") => checked(Rate::try_from(text.clone()).map(drop)),
            _ if words(&[leaf]).contains(&text.as_str()) => Fit::Yes,
            _ if is(leaf, "string") && words(&[leaf]).is_empty() => Fit::Yes,
            _ => Fit::Type,
        },
        toml::Value::Integer(_) | toml::Value::Float(_)
            if is(leaf, "number") || is(leaf, "integer") =>
        {
            let whole = is(leaf, "integer");
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
            let number = plain.as_float().or(plain.as_integer().map(|whole| whole as f64));
            let number = number.unwrap_or(f64::NAN);
            if whole && plain.is_float() {
                return Fit::Type;
            }
            if unit == Some("share") {
                return checked(Share::try_from(number).map(drop));
            }
            let from = leaf["minimum"].as_f64().unwrap_or(f64::MIN);
            let to = leaf["maximum"].as_f64().unwrap_or(f64::MAX);
            if (from..=to).contains(&number) {
                Fit::Yes
            } else if from > f64::MIN || to < f64::MAX {
                Fit::Value(format!("`{plain}` is not {}", expected(&[leaf])))
            } else {
                Fit::Value(format!("`{plain}` is not a number that can be used"))
            }
        }
        toml::Value::Boolean(_) if is(leaf, "boolean") => Fit::Yes,
        _ => Fit::Type,
    }
}

/// The words that are allowed, where only words are.
fn words<'a>(leaves: &[&'a Schema]) -> Vec<&'a str> {
    let one = |leaf: &&'a Schema| leaf["const"].as_str();
    let list = |leaf: &&'a Schema| leaf["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
    let listed = leaves.iter().flat_map(|leaf| list(leaf).iter().filter_map(Schema::as_str));
    leaves.iter().filter_map(one).chain(listed).collect()
}

/// Whether a schema allows a JSON type, alone or among others.
fn is(leaf: &Schema, kind: &str) -> bool {
    match &leaf["type"] {
        Schema::String(only) => only == kind,
        Schema::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

/// Whether a schema allows everything.
fn anything(leaf: &Schema) -> bool {
    leaf["type"].is_null() && leaf["const"].is_null() && leaf["enum"].is_null()
}

fn kind(item: &Item) -> String {
    match item {
        Item::Table(_) => "a table".into(),
        Item::List(_) => "a list".into(),
        Item::Plain(toml::Value::String(text)) => format!("the text \"{text}\""),
        Item::Plain(plain) => format!("`{plain}`"),
    }
}

fn expected(leaves: &[&Schema]) -> String {
    let mut ways: Vec<String> = leaves.iter().map(|leaf| one_expected(leaf)).collect();
    ways.dedup();
    ways.join(", or ")
}

fn one_expected(leaf: &Schema) -> String {
    let range = || match (leaf["minimum"].as_f64(), leaf["maximum"].as_f64()) {
        (Some(from), Some(to)) => format!(" from {from} to {to}"),
        (Some(from), None) => format!(" from {from}"),
        (None, Some(to)) => format!(" up to {to}"),
        (None, None) => String::new(),
    };
    if let (true, Some(like)) = (leaf["x-unit"].is_string(), leaf["description"].as_str()) {
        return like.to_owned();
    }
    if let Some(word) = leaf["const"].as_str() {
        return format!("`{word}`");
    }
    if is(leaf, "integer") {
        return format!("a whole number{}", range());
    }
    if is(leaf, "number") {
        return format!("a number{}", range());
    }
    if is(leaf, "boolean") {
        return "true or false".into();
    }
    if is(leaf, "array") {
        return "a list".into();
    }
    if is(leaf, "string") {
        return "text".into();
    }
    if let Some((key, word)) = tag(leaf) {
        return format!("{{ {key} = \"{word}\", ... }}");
    }
    let needed: Vec<_> =
        leaf["required"].as_array().into_iter().flatten().filter_map(Schema::as_str).collect();
    if needed.is_empty() {
        "a table".into()
    } else {
        format!("a table with {}", needed.join(" and "))
    }
}
