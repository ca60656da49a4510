//! SPEC.md says what the code does: its tables are made from the code, its CDDL has the code's keys, and
//! every rule is proven somewhere. `UPDATE_SPEC=1 cargo test -p chartmesh-tests --test spec` rewrites the
//! tables.

mod spec_support;

use std::collections::{BTreeMap, BTreeSet};

use chartmesh_protocol::capability::{Reason, explain};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Bounds, TABLES, words};
use chartmesh_protocol::reason::ENGLISH;
use spec_support::{
    Form, Item, cddl, files, fits, items, kebab, membership, proofs, read, root, spec, test_text,
};

/// The tables of SPEC.md, made from the code.
fn tables() -> BTreeMap<&'static str, String> {
    let items = items();
    BTreeMap::from([
        ("limits", limits_table()),
        ("domains", domains_table(&items)),
        ("kinds", codes_table(&items, "Kind")),
        ("refusals", codes_table(&items, "RefusalCode")),
        ("reasons", reasons_table()),
        ("refusal-reasons", refusal_reasons_table()),
        ("explain", explain_table()),
        ("words", words_table()),
        ("messages", messages_table(&items)),
        ("tables", stores_tables()),
    ])
}

fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(heads.len()));
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    line(&heads) + &rule + &rows
}

fn limits_table() -> String {
    let rows = limits::TABLE.iter().map(|(name, value, reason)| {
        vec![format!("`{name}`"), value.to_string(), reason.trim().to_owned()]
    });
    table(&["limit", "value", "reason"], rows)
}

fn reasons_table() -> String {
    let rows = Reason::ALL.iter().map(|reason| {
        vec![
            reason.code().to_string(),
            format!("`{}`", reason.name()),
            reason.sentence().to_owned(),
        ]
    });
    table(&["code", "name", "sentence"], rows)
}

fn refusal_reasons_table() -> String {
    let rows = words::table().into_iter().map(|row| {
        let args: Vec<_> = row
            .args
            .iter()
            .map(|(name, kind)| format!("{name}: {}", kebab(&format!("{kind:?}"))))
            .collect();
        let english = row.words(&ENGLISH).to_owned();
        vec![
            row.number.to_string(),
            format!("`{}`", row.name()),
            row.class.name(),
            args.join(", "),
            english,
        ]
    });
    table(&["number", "name", "class", "about", "words"], rows)
}

fn explain_table() -> String {
    let rows = explain::TABLE.iter().map(|row| {
        let otherwise = row.otherwise.map_or(String::new(), |(when, sentence)| {
            format!("{}: {sentence}", format!("{when:?}").to_lowercase())
        });
        vec![row.key.to_string(), row.claim.to_owned(), row.sentence.to_owned(), otherwise]
    });
    table(&["key", "claim", "sentence", "otherwise"], rows)
}

/// How the values in those sentences read, each claim's kinds of values once.
fn words_table() -> String {
    let rows = explain::words();
    let rows = rows.into_iter().map(|(claim, holds, words)| vec![claim.to_owned(), holds, words]);
    table(&["claim", "holds", "words"], rows)
}

fn stores_tables() -> String {
    let rows = TABLES.iter().map(|(name, bounds)| {
        let bounds = match bounds {
            Bounds::Ours => "ours".to_owned(),
            Bounds::Counted => "counted".to_owned(),
            Bounds::Bounded(by) => format!("bounded: {by}"),
            Bounds::With(table, most) => format!("with `{table}`: {most}"),
            Bounds::Grows(how) => format!("grows: {how}"),
        };
        vec![format!("`{name}`"), bounds]
    });
    table(&["table", "against others"], rows)
}

#[test]
fn every_table_of_the_store_says_what_bounds_it_against_others() {
    let mut declared = BTreeSet::new();
    for (path, text) in files("protocol/src", "rs") {
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        let names =
            program.split("Table = Table::").skip(1).filter_map(|rest| rest.split('"').nth(1));
        if !path.ends_with("tests.rs") {
            declared.extend(names.map(str::to_owned));
        }
    }
    assert!(declared.len() > 100, "{declared:?}");
    let listed: BTreeSet<_> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(declared, listed, "`peer/metering/tables.rs` says of each table what bounds it");
    assert_eq!(listed.len(), TABLES.len());
    for (name, bounds) in TABLES {
        let Bounds::With(with, _) = bounds else { continue };
        let counted = TABLES.iter().any(|(name, bounds)| {
            name == with && matches!(bounds, Bounds::Counted | Bounds::Grows(_))
        });
        assert!(counted || *with == "any counted table", "{name} is bounded by {with}");
    }
}

fn codes_table(items: &[Item], name: &str) -> String {
    let item = items.iter().find(|item| item.name == name).expect("the code is declared");
    let rows = item.fields.iter().map(|field| {
        vec![field.key.to_string(), format!("`{}`", kebab(&field.name)), field.doc.clone()]
    });
    table(&["code", "name", "means"], rows)
}

fn messages_table(items: &[Item]) -> String {
    let body = items.iter().find(|item| item.name == "Body").expect("the body is declared");
    let mut rows = Vec::new();
    for feature in &body.fields {
        let name = format!("{}-message", kebab(&feature.name));
        let messages =
            items.iter().find(|item| item.cddl() == name).expect("a feature has messages");
        for message in &messages.fields {
            rows.push(vec![
                format!("{}, {}", feature.key, message.key),
                kebab(&feature.name),
                format!("`{}`", kebab(&message.ty)),
                answer(&kebab(&message.ty)).to_owned(),
                message.doc.clone(),
            ]);
        }
    }
    table(&["body", "feature", "message", "answer", "says"], rows)
}

/// What the answer to a message holds; most have none.
fn answer(message: &str) -> &'static str {
    match message {
        "apply" | "catch-up" => "`follow`",
        "gossip" => "`gossip-answer`",
        "how-far" => "`statement<report>`",
        "enrol" => "`enrolment-answer`",
        "accepted" => "`accepted-answer`",
        "announce" | "offer" => "`taken`",
        "read-request" => "`read-answer`",
        "delete" => "`statement<deletion>`",
        "fetch" => "`fetch-answer`",
        "lines-request" => "`lines-answer`",
        _ => "",
    }
}

fn domains_table(items: &[Item]) -> String {
    let mut rows = Vec::new();
    for (path, text) in files("protocol/src", "rs") {
        for (at, _) in text.match_indices("impl Statement for ") {
            let rest = &text[at + "impl Statement for ".len()..];
            let (name, body) = rest.split_once(" {").expect("an impl has a body");
            let body = &body[..body.find("\n}").unwrap_or(body.len())];
            let Some(item) = items.iter().find(|item| item.name == name && item.path == path)
            else {
                continue;
            };
            let domain = body.split('"').nth(1).expect("a domain is a literal");
            let limit =
                body.split_once("LIMIT: usize = ").map_or("STATEMENT_BYTES_MAX", |(_, value)| {
                    value.split(';').next().expect("a constant ends").trim_start_matches("limits::")
                });
            let bytes = limit.parse().unwrap_or_else(|_| {
                let found = limits::TABLE.iter().find(|(name, ..)| *name == limit);
                found.expect("a limit of the table").1
            });
            rows.push(vec![format!("`{}`", item.cddl()), format!("`{domain}`"), bytes.to_string()]);
        }
    }
    rows.sort();
    table(&["payload", "domain", "bytes at most"], rows)
}

#[test]
fn the_generated_tables_are_those_of_the_code() {
    let old = spec();
    let mut new = old.clone();
    for (name, made) in tables() {
        let mark = format!("<!-- generated: {name} -->\n");
        let start = new.find(&mark).unwrap_or_else(|| panic!("SPEC.md has no table {name}"));
        let start = start + mark.len();
        let end = start + new[start..].find("<!-- end -->").expect("a generated table ends");
        new.replace_range(start..end, &made);
    }
    if std::env::var_os("UPDATE_SPEC").is_some_and(|value| value == "1") {
        std::fs::write(root().join("SPEC.md"), &new).expect("SPEC.md can be written");
        return;
    }
    const HINT: &str = "UPDATE_SPEC=1 cargo test -p chartmesh-tests --test spec";
    let differs = old.lines().zip(new.lines()).find(|(old, new)| old != new);
    assert_eq!(differs, None, "{HINT}");
    assert_eq!(old.len(), new.len(), "{HINT}");
}

#[test]
fn every_wire_type_stands_in_the_cddl_with_its_keys_and_types() {
    let rules = cddl(&spec());
    let mut wrong = Vec::new();
    for item in items().iter().filter(|item| !item.is_internal()) {
        let name = item.cddl();
        let Some(rule) = rules.get(&name) else {
            wrong.push(format!("{name}: SPEC.md does not have it ({})", item.path));
            continue;
        };
        let found: Vec<_> = rule.iter().map(|field| (field.key, field.optional)).collect();
        let made: Vec<_> = item.fields.iter().map(|field| (field.key, field.optional)).collect();
        if found != made {
            wrong.push(format!("{name}: SPEC.md has {found:?}, the code {made:?}"));
            continue;
        }
        for (field, rule) in item.fields.iter().zip(rule) {
            let same = match item.form {
                Form::Code => rule.ty == kebab(&field.name),
                Form::Struct | Form::Enum => fits(&field.ty, &rule.ty),
            };
            if !same {
                let (key, there, here) = (field.key, &rule.ty, &field.ty);
                wrong.push(format!("{name} {key}: SPEC.md has {there}, the code {here}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The ids of all rules, in the order of the page.
fn rule_ids(spec: &str) -> Vec<String> {
    let is_id = |id: &&str| id.contains('-') && !id.contains(' ');
    spec.lines()
        .filter_map(|line| line.strip_prefix("* [")?.split_once(']').map(|(id, _)| id))
        .filter(is_id)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_rule_has_one_id_and_a_proof() {
    let ids = rule_ids(&spec());
    assert!(ids.len() > 50, "rules begin a line with `* [ABC-1]`");
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "an id stands for one rule: {ids:?}");
    let mut proven = BTreeSet::new();
    for (id, path, test) in [proofs::PROVED_BY, membership::PROVED_BY].concat() {
        assert!(ids.iter().any(|known| known == id), "no rule {id} in SPEC.md");
        assert!(read(path).contains(&format!("fn {test}(")), "{id}: no test {test} in {path}");
        proven.insert((*id).to_owned());
    }
    let tests = test_text();
    proven.extend(ids.iter().filter(|id| tests.contains(&format!("[{id}]"))).cloned());
    let missing: Vec<_> = ids.iter().filter(|id| !proven.contains(*id)).collect();
    assert!(missing.is_empty(), "rules without a test or a vector: {missing:?}");
}

#[test]
fn no_text_names_a_rule_that_is_not_there() {
    let spec = spec();
    let ids: BTreeSet<_> = rule_ids(&spec).into_iter().collect();
    let prefixes: BTreeSet<_> =
        ids.iter().filter_map(|id| id.split_once('-')).map(|(prefix, _)| prefix).collect();
    for (what, text) in [("SPEC.md", spec.clone()), ("a test", test_text())] {
        for part in text.split('[').skip(1) {
            let Some((id, _)) = part.split_once(']') else { continue };
            let is_id = id.split_once('-').is_some_and(|(prefix, number)| {
                prefixes.contains(prefix) && number.bytes().all(|digit| digit.is_ascii_digit())
            });
            assert!(!is_id || ids.contains(id), "{what} names [{id}]");
        }
    }
}
