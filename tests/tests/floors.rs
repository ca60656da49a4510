//! Floors: a room of a crate, a folder or a file, imports only what stands below it. `tests/floors.toml` declares
//! them.

mod floors_support;

use floors_support::{House, gather, houses, judge};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[test]
fn no_room_imports_upward_or_sideways() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().expect("tests is a folder of the repository");
    let declared = fs::read_to_string(here.join("floors.toml")).expect("a text file");
    let houses = houses(&declared);
    let mut wrong = Vec::new();
    for house in &houses {
        let sources = root.join(&house.name).join("src");
        let read = |file: &str| fs::read_to_string(sources.join(file)).ok();
        let top = ["lib.rs", "main.rs"].into_iter().find(|file| sources.join(file).is_file());
        let modules = gather(top.expect("a crate has a root"), &read);
        assert!(modules.len() > house.floors.len(), "{}: no modules were found", house.name);
        wrong.extend(judge(house, &modules));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_crate_has_its_floors() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(here.join("../Cargo.toml")).expect("a text file");
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let members = manifest["workspace"]["members"].as_array().expect("a list");
    let houses = houses(&fs::read_to_string(here.join("floors.toml")).expect("a text file"));
    for member in members.iter().filter_map(toml::Value::as_str) {
        assert!(houses.iter().any(|house| house.name == member), "{member} has no floors");
    }
}

/// What is wrong with a made-up crate of three floors: `base`; `left` and `right`; `front`.
fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    let house = "[made]\ncircle_max = 1\nfloors = '''\nbase\nleft right\nfront # on top\n'''\n";
    let [house]: [House; 1] = houses(house).try_into().expect("one crate");
    let mut sources = BTreeMap::from([
        ("lib.rs", "mod base; mod front; mod left; mod right;"),
        ("base.rs", "pub struct Id;"),
        ("left/mod.rs", "mod part; use crate::base::Id;"),
        ("left/part.rs", "pub struct Part;"),
        ("right.rs", "use crate::base; pub fn of(_: base::Id) {}"),
        ("front.rs", "use crate::{left, right::of};"),
    ]);
    sources.extend(files.iter().copied());
    let read = |file: &str| sources.get(file).map(|text| (*text).to_owned());
    judge(&house, &gather("lib.rs", &read))
}

/// The one thing that is wrong, which begins so.
fn found(files: &[(&str, &str)], says: &str) {
    let wrong = wrong(files);
    assert!(wrong.len() == 1 && wrong[0].starts_with(says), "{wrong:#?}, where {says} was meant");
}

#[test]
fn what_stands_on_its_floors_is_let_be() {
    assert_eq!(wrong(&[]), Vec::<String>::new());
}

#[test]
fn an_import_from_above_is_upward() {
    found(
        &[("base.rs", "pub struct Id;\nuse crate::front;")],
        "made/src/base.rs:2: base -> front (crate::front): upward; ",
    );
    found(
        &[("left/part.rs", "fn part() { super::super::front::show() }")],
        "made/src/left/part.rs:1: left -> front (super::super::front::show): upward",
    );
    found(
        &[("base.rs", "pub struct Id; use crate as whole;")],
        "made/src/base.rs:1: base -> the crate's root (crate): upward",
    );
}

#[test]
fn an_import_from_beside_is_sideways() {
    found(
        &[("right.rs", "\nuse crate::{base::Id, left::{self as other}};")],
        "made/src/right.rs:2: right -> left (crate::left): sideways; what both need",
    );
    found(
        &[("right.rs", "pub fn of() -> Option<crate::left::Left> { None }")],
        "made/src/right.rs:1: right -> left (crate::left::Left): sideways",
    );
}

#[test]
fn a_re_export_leads_to_where_it_is_defined() {
    let root = "mod base; mod front; mod left; mod right; pub use front::{Door as Way, lock};";
    found(
        &[
            ("lib.rs", root),
            ("front.rs", "pub struct Door; pub use crate::right::of as lock;"),
            ("left/part.rs", "use crate::Way;"),
        ],
        "made/src/left/part.rs:1: left -> front (crate::Way): upward",
    );
    found(
        &[
            ("front.rs", "pub use crate::left::*;"),
            ("left/mod.rs", "mod part; pub use part::Part;"),
            ("right.rs", "fn of() { crate::front::Part; }"),
        ],
        "made/src/right.rs:1: right -> left (crate::front::Part): sideways",
    );
}

#[test]
fn what_a_macro_is_given_counts() {
    found(
        &[("left/part.rs", "wire! {\n  pub struct Part { 1 => of: Vec<crate::right::Of> }\n}")],
        "made/src/left/part.rs:2: left -> right (crate::right::Of): sideways",
    );
    found(
        &[("base.rs", "macro_rules! id { () => { $crate::{front::Door} }; }")],
        "made/src/base.rs:1: base -> front (crate::front::Door): upward",
    );
    found(
        &[("base.rs", "struct Id { #[serde(with = \"crate::front::text\")] id: u8 }")],
        "made/src/base.rs:1: base -> front (crate::front::text): upward",
    );
    // What it defines is defined where it stands.
    found(
        &[
            ("front.rs", "pub use crate::left::*;"),
            ("left/mod.rs", "wire! { pub struct Wire { 1 => of: u8 } }"),
            ("right.rs", "fn of(_: crate::front::Wire) {}"),
        ],
        "made/src/right.rs:1: right -> left (crate::front::Wire): sideways",
    );
}

#[test]
fn tests_may_import_what_they_like() {
    let of_tests = "#[cfg(test)] mod tests { use crate::front; }
        #[cfg(all(test, unix))] use crate::left;
        impl Id { #[cfg(test)] fn id() { crate::right::of() } }";
    assert_eq!(wrong(&[("base.rs", of_tests)]), Vec::<String>::new());
    found(
        &[("base.rs", "#[cfg(any(test, unix))] use crate::left;")],
        "made/src/base.rs:1: base -> left",
    );
}

#[test]
fn files_that_import_one_another_are_a_circle() {
    found(
        &[
            ("left/mod.rs", "mod part; mod whole;"),
            ("left/part.rs", "use super::whole::Whole; pub struct Part(Whole);"),
            ("left/whole.rs", "use super::part::Part; pub struct Whole(Part);"),
        ],
        "made: 2 files import one another in a circle, where 1 may",
    );
}

#[test]
fn every_room_is_declared() {
    found(
        &[
            ("lib.rs", "mod attic; mod base; mod front; mod left; mod right;"),
            ("attic/mod.rs", "mod box_; use crate::base::Id;"),
            ("attic/box_.rs", "use crate::left;"),
        ],
        "made/src/attic stands on no floor: write it in tests/floors.toml, on a line above the rooms that it takes \
         from (base, left)",
    );
    found(
        &[("lib.rs", "mod base; mod front; mod left;"), ("front.rs", "")],
        "made/src/right is not there any more: strike it from tests/floors.toml",
    );
}
