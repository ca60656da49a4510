//! What FHIR R4 defines, read from the two text tables beside this file.

use std::collections::HashMap;
use std::sync::LazyLock;

use chartmesh_protocol::record::Kind;

/// One resource type.
pub(super) struct ResourceRule {
    /// What it is filed under, where its own content does not say more.
    pub(super) kind: Kind,
    /// Its own elements.
    pub(super) elements: Vec<Element>,
}

/// One element of a resource type or data type.
pub(super) struct Element {
    /// Its name; for a choice without the `[x]`.
    pub(super) name: &'static str,
    /// Whether the name is followed by the type, as in `effectiveDateTime`.
    pub(super) choice: bool,
    /// Whether it is a JSON array.
    pub(super) many: bool,
    /// Whether it must be there.
    pub(super) required: bool,
    /// The FHIR types it may have, each with the JSON key that it then has.
    pub(super) types: Vec<(&'static str, String)>,
}

/// What is known of a resource type; `None` when FHIR R4 has none of this name.
pub(super) fn resource(name: &str) -> Option<&'static ResourceRule> {
    static RULES: LazyLock<HashMap<&'static str, ResourceRule>> =
        LazyLock::new(|| lines(include_str!("resources.txt")).map(resource_line).collect());
    RULES.get(name)
}

/// The elements of a data type; `None` when it is only checked for being an object.
pub(super) fn datatype(name: &str) -> Option<&'static [Element]> {
    static RULES: LazyLock<HashMap<&'static str, Vec<Element>>> = LazyLock::new(|| {
        lines(include_str!("datatypes.txt")).map(|(name, rest)| (name, elements(rest))).collect()
    });
    RULES.get(name).map(Vec::as_slice)
}

/// The elements that every resource has (hl7.org/fhir/R4/domainresource.html).
pub(super) fn common() -> &'static [Element] {
    static COMMON: LazyLock<Vec<Element>> = LazyLock::new(|| {
        elements(
            "id id, meta Meta, implicitRules uri, language code, text Narrative, contained* Resource, \
             extension* Extension, modifierExtension* Extension",
        )
    });
    &COMMON
}

fn lines(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| {
        line.split_once(": ").expect("every line of the tables has a colon; a test reads them all")
    })
}

fn resource_line((head, rest): (&'static str, &'static str)) -> (&'static str, ResourceRule) {
    let (name, kind) = head.split_once(' ').expect("every resource type of the table has a kind");
    let kind = kind.parse().expect("every kind of the table exists");
    (name, ResourceRule { kind, elements: elements(rest) })
}

fn elements(rest: &'static str) -> Vec<Element> {
    rest.split(", ").map(element).collect()
}

fn element(text: &'static str) -> Element {
    let (marked, types) = text.split_once(' ').expect("every element of the tables has a type");
    let required = marked.ends_with('!');
    let marked = marked.trim_end_matches('!');
    let many = marked.ends_with('*');
    let marked = marked.trim_end_matches('*');
    let choice = marked.ends_with("[x]");
    let name = marked.trim_end_matches("[x]");
    let types = types
        .split('|')
        .map(|of| (of, if choice { format!("{name}{}", capitalised(of)) } else { name.to_owned() }))
        .collect();
    Element { name, choice, many, required, types }
}

fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        assert_eq!(lines(include_str!("resources.txt")).count(), 146);
        for (head, _) in lines(include_str!("resources.txt")) {
            let name = head.split(' ').next().unwrap();
            assert!(!resource(name).unwrap().elements.is_empty(), "{name}");
        }
        assert!(datatype("CodeableConcept").is_some());
        assert!(resource("Observations").is_none());
    }

    #[test]
    fn marks_are_understood() {
        let observation = resource("Observation").unwrap();
        let find = |name: &str| observation.elements.iter().find(|e| e.name == name).unwrap();
        assert!(find("status").required && !find("status").many);
        assert!(find("category").many && !find("category").required);
        assert!(find("effective").choice);
        assert!(find("effective").types.iter().any(|(_, key)| key == "effectiveDateTime"));
    }
}
