//! Reading wire types out of the sources and rules out of the CDDL.

pub(crate) mod membership;
pub(crate) mod proofs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of it").into()
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn spec() -> String {
    read("SPEC.md")
}

/// All files below a folder with one of these endings, by path from the repository.
pub(crate) fn files(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                let name =
                    path.strip_prefix(root()).expect("below it").to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).expect("a text file"));
            }
        }
    }
    found
}

/// What counts as a test: files of tests, and what follows `#[cfg(test)]` in others.
pub(crate) fn test_text() -> String {
    let sources = ["protocol", "node", "scenarios", "tests"].map(|folder| files(folder, "rs"));
    let mut all = String::new();
    for (path, text) in sources.into_iter().flatten() {
        let whole =
            path.contains("tests") || path.contains("/vectors") || path.ends_with("properties.rs");
        let from = if whole { Some(0) } else { text.find("#[cfg(test)]") };
        all.push_str(from.map_or("", |from| &text[from..]));
    }
    all.extend(files("protocol/vectors", "json").into_values());
    all.replace("\\[", "[").replace("\\]", "]")
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Struct,
    Enum,
    Code,
}

/// One key of a structure, or one variant of a choice.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) key: u64,
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) optional: bool,
    pub(crate) doc: String,
}

/// A type declared by `wire_struct!`, `wire_enum!`, `messages!` or `wire_code!`.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) path: String,
    pub(crate) form: Form,
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

/// Types of the node's own tables, and of tests: never sent. A `Reason` travels as its name in a text.
const INTERNAL: &[&str] = &[
    "TransferFor",
    "PullFor",
    "Transfer",
    "GrantedSummary",
    "OwnGrant",
    "Spent",
    "Link",
    "CodeFor",
    "GrantState",
    "Standing",
    "Revocations",
    "Reason",
    "Item",
    "Proven",
    "Bound",
    "Copied",
    "Part",
    "Reported",
];

impl Item {
    pub(crate) fn is_internal(&self) -> bool {
        self.name.ends_with("Row")
            || self.path.ends_with("tables.rs")
            || INTERNAL.contains(&&*self.name)
    }

    /// Its name in SPEC.md.
    pub(crate) fn cddl(&self) -> String {
        let folder = self.path.rsplit('/').nth(1).unwrap_or_default().replace('_', "-");
        match (&*self.name, &*folder) {
            ("Message", folder) => format!("{folder}-message"),
            ("Answer", folder) => format!("{folder}-answer"),
            ("Purpose", "peer") => "hello-purpose".into(),
            ("Head", "access-log") => "log-head".into(),
            ("Parts", "capability") => "scope".into(),
            ("CodeWire", _) => "code".into(),
            ("CodeNodeWire", _) => "code-node".into(),
            (name, _) => kebab(name),
        }
    }
}

/// `NodeCertificate` -> `node-certificate`.
pub(crate) fn kebab(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out.replace('_', "-")
}

/// Every wire type of the protocol, tests left out.
pub(crate) fn items() -> Vec<Item> {
    let mut found = Vec::new();
    for (path, text) in files("protocol/src", "rs") {
        if path.contains("tests") || path.contains("codec/types") {
            continue;
        }
        let text = &text[..text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len())];
        let forms = [
            ("wire_struct! {", Form::Struct),
            ("wire_enum! {", Form::Enum),
            ("messages! {", Form::Enum),
            ("wire_code! {", Form::Code),
        ];
        for (mark, form) in forms {
            for (at, _) in text.match_indices(mark) {
                found.extend(item(&path, form, &text[at + mark.len()..]));
            }
        }
    }
    found.push(body());
    found
}

/// A message's body, which is made of the table of the features: `4 => Consent: consent`.
fn body() -> Item {
    let path = "protocol/src/peer/features.rs";
    let text = read(path);
    let (_, table) = text.split_once("\nfeatures! {\n").expect("the features have a table");
    let rows = table.lines().take_while(|line| *line != "}").filter_map(|line| {
        let (key, row) = line.trim().trim_end_matches(',').split_once(" => ")?;
        let (name, room) = row.split_once(": ")?;
        Some(Field {
            key: key.parse().ok()?,
            name: name.to_owned(),
            ty: format!("{room}::Message"),
            optional: false,
            doc: String::new(),
        })
    });
    Item { path: path.into(), form: Form::Enum, name: "Body".into(), fields: rows.collect() }
}

fn item(path: &str, form: Form, text: &str) -> Option<Item> {
    let declared = text.lines().find(|line| line.trim_start().starts_with("pub "))?;
    let name = declared.trim().split(' ').nth(2)?.to_owned();
    // What a macro declares is read where it is used.
    if name.starts_with('$') {
        return None;
    }
    let (mut fields, mut doc) = (Vec::new(), Vec::new());
    let begin = text.find(declared)? + declared.len();
    for line in text[begin..].lines().map(str::trim) {
        if line == "}" {
            break;
        }
        if let Some(words) = line.strip_prefix("/// ") {
            doc.push(words.to_owned());
        } else if let Some((key, rest)) = line.trim_end_matches(',').split_once(" => ") {
            let (name, ty) = match form {
                Form::Struct => rest.split_once(": ")?,
                Form::Enum | Form::Code => match rest.split_once('(') {
                    // What follows the body is no matter of bytes: a message's name.
                    Some((name, body)) => (name, body.split_once(')')?.0),
                    None => (rest, ""),
                },
            };
            let inner = ty.strip_prefix("Option<").and_then(|ty| ty.strip_suffix('>'));
            fields.push(Field {
                key: key.parse().ok()?,
                name: name.to_owned(),
                ty: inner.unwrap_or(ty).to_owned(),
                optional: inner.is_some(),
                doc: std::mem::take(&mut doc).join(" "),
            });
        }
    }
    Some(Item { path: path.to_owned(), form, name, fields })
}

/// One key, variant or code of a rule.
#[derive(Debug)]
pub(crate) struct RuleField {
    pub(crate) key: u64,
    pub(crate) ty: String,
    pub(crate) optional: bool,
}

/// The rules of SPEC.md's CDDL that are maps, choices or codes, and the names of all others.
pub(crate) fn cddl(spec: &str) -> BTreeMap<String, Vec<RuleField>> {
    let blocks =
        spec.split("```cddl\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let mut rules: Vec<(String, String)> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        let line = line.split(';').next().unwrap_or_default();
        match line.split_once(" = ") {
            Some((name, body)) if !line.starts_with(' ') => {
                rules.push((name.trim().to_owned(), body.to_owned()));
            }
            _ => {
                if let Some((_, body)) = rules.last_mut() {
                    body.push(' ');
                    body.push_str(line);
                }
            }
        }
    }
    rules.into_iter().map(|(name, body)| (name, rule(body.trim()))).collect()
}

fn rule(body: &str) -> Vec<RuleField> {
    let inner = |open: char, close: char| {
        body.trim_start_matches('&').strip_prefix(open).and_then(|body| body.strip_suffix(close))
    };
    if let Some(map) = inner('{', '}') {
        return split(map, ',')
            .iter()
            .filter_map(|part| {
                let (key, ty) = part.split_once("=>")?;
                let optional = key.contains('?');
                let key = key.replace('?', "").trim().parse().ok()?;
                Some(RuleField { key, ty: ty.trim().to_owned(), optional })
            })
            .collect();
    }
    if let Some(codes) = inner('(', ')') {
        return split(codes, ',')
            .iter()
            .filter_map(|part| {
                let (name, code) = part.split_once(':')?;
                let key = code.trim().parse().ok()?;
                Some(RuleField { key, ty: name.trim().to_owned(), optional: false })
            })
            .collect();
    }
    split(body, '/')
        .iter()
        .filter_map(|part| {
            let part = part.trim().strip_prefix('[')?.strip_suffix(']')?;
            let (code, ty) = part.split_once(',').unwrap_or((part, ""));
            Some(RuleField {
                key: code.trim().parse().ok()?,
                ty: ty.trim().to_owned(),
                optional: false,
            })
        })
        .collect()
}

/// Cuts at `at` outside of all brackets.
fn split(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        match c {
            '[' | '{' | '(' | '<' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            '>' if !parts.last().is_some_and(|part| part.ends_with('=')) => depth -= 1,
            _ => {}
        }
        if c == at && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Whether a Rust type travels as this CDDL type.
pub(crate) fn fits(rust: &str, cddl: &str) -> bool {
    let inner = |outer: &str| rust.strip_prefix(outer).and_then(|ty| ty.strip_suffix('>'));
    if let Some(item) = inner("Vec<") {
        let list = cddl.strip_prefix("[0*4096 ").and_then(|ty| ty.strip_suffix(']'));
        let list = list.or((cddl == "contents").then_some("content-ref"));
        return list.is_some_and(|ty| fits(item, ty));
    }
    if let Some(payload) = inner("Unverified<") {
        let stated = cddl.strip_prefix("statement<").and_then(|ty| ty.strip_suffix('>'));
        return stated.is_some_and(|ty| fits(payload, ty));
    }
    match rust {
        "u64" => ["uint", "seconds"].contains(&cddl),
        "[u8; 64]" => cddl == "signature",
        "[u8; 32]" => ["hash", "bytes32"].contains(&cddl),
        "[u8; 16]" | "ConnectionNonce" => cddl == "bytes16",
        "RequestHash" => cddl == "hash",
        "CodeNodeWire" => cddl == "code-node",
        "access_log::Head" | "Head" => cddl == "log-head",
        "Purpose" => ["purpose", "hello-purpose"].contains(&cddl),
        path => match path.strip_suffix("::Message") {
            Some(feature) => cddl == format!("{}-message", kebab(feature)),
            None => cddl == kebab(path.rsplit("::").next().unwrap_or(path)),
        },
    }
}
