//! Which records belong together: references of FHIR resources to their encounter and patient.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::read::{objects, text};

/// What a reference points to: an entry of the same Bundle, or something outside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Target {
    /// The entry with this index.
    Entry(usize),
    /// `Type/id`, a URN, or whatever the source wrote.
    Outside(String),
}

/// By which names the entries of a Bundle are referred to.
#[derive(Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// Makes an entry known by its fullUrl and as `Type/id`.
    pub(super) fn add(
        &mut self,
        index: usize,
        full_url: Option<&str>,
        resource_type: &str,
        id: Option<&str>,
    ) {
        if let Some(url) = full_url {
            self.0.insert(url.to_owned(), index);
        }
        if let Some(id) = id {
            self.0.entry(format!("{resource_type}/{id}")).or_insert(index);
        }
    }

    /// Where a reference leads, whether it is absolute, relative or a URN; versions do not matter.
    pub(super) fn resolve(&self, reference: &str) -> Target {
        let plain = reference.split("/_history/").next().unwrap_or(reference);
        if let Some(index) = self.0.get(plain) {
            return Target::Entry(*index);
        }
        let relative = relative(plain);
        match self.0.get(relative) {
            Some(index) => Target::Entry(*index),
            None => Target::Outside(relative.to_owned()),
        }
    }
}

/// `Type/id` of `http://server/fhir/Type/id`; anything else as it is.
fn relative(reference: &str) -> &str {
    if !reference.starts_with("http://") && !reference.starts_with("https://") {
        return reference;
    }
    let mut slashes = reference.rmatch_indices('/').map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(second)) => &reference[second + 1..],
        _ => reference,
    }
}

/// The encounter that a resource belongs to. Claims name it on their items; documents and
/// medication records in their context.
pub(super) fn encounter(resource: &Map<String, Value>) -> Option<&str> {
    let direct = reference_in(resource.get("encounter"));
    let context = || {
        objects(resource.get("context")).find_map(|context| {
            text(context, "reference").or_else(|| reference_in(context.get("encounter")))
        })
    };
    let item =
        || objects(resource.get("item")).find_map(|item| reference_in(item.get("encounter")));
    direct.or_else(context).or_else(item)
}

/// Those whom a resource is about, as far as it refers to them.
pub(super) fn subjects(resource: &Map<String, Value>) -> impl Iterator<Item = &str> {
    ["subject", "patient", "beneficiary", "individual"]
        .into_iter()
        .flat_map(|name| objects(resource.get(name)))
        .filter_map(|reference| text(reference, "reference"))
}

fn reference_in(value: Option<&Value>) -> Option<&str> {
    objects(value).find_map(|reference| text(reference, "reference"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_is_found_by_every_way_of_referring_to_it() {
        let mut names = Names::default();
        names.add(3, Some("http://a.example/fhir/Encounter/7"), "Encounter", Some("7"));
        names.add(4, Some("urn:uuid:5"), "Patient", None);
        for reference in [
            "http://a.example/fhir/Encounter/7",
            "http://a.example/fhir/Encounter/7/_history/2",
            "Encounter/7",
            "Encounter/7/_history/2",
        ] {
            assert_eq!(names.resolve(reference), Target::Entry(3), "{reference}");
        }
        assert_eq!(names.resolve("urn:uuid:5"), Target::Entry(4));
        assert_eq!(
            names.resolve("https://b.example/Encounter/8"),
            Target::Outside("Encounter/8".into())
        );
        assert_eq!(names.resolve("#contained"), Target::Outside("#contained".into()));
    }
}
