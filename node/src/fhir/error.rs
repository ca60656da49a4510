//! Why something is not taken as FHIR.

use crate::content::limits::{
    BUNDLE_ENTRIES_MAX, FHIR_BYTES_MAX, JSON_DEPTH_MAX, RESOURCE_VALUES_MAX,
};

/// Why bytes are not imported as FHIR R4.
///
/// Paths and lines say where; no message repeats a value of the record, so it can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FhirError {
    /// More bytes than are read into memory.
    #[error("{bytes} bytes of FHIR are more than the {max} that are read at once; split the Bundle", max = FHIR_BYTES_MAX)]
    TooLarge {
        /// How many there were.
        bytes: usize,
    },
    /// FHIR JSON is UTF-8 and nothing else.
    #[error("not UTF-8 text at byte {offset}")]
    NotUtf8 {
        /// The first wrong byte.
        offset: usize,
    },
    /// The JSON ends before it is complete.
    #[error("the JSON ends too early: the file was cut off")]
    Truncated,
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// `NaN` or `Infinity`, which JSON does not have.
    #[error("line {line} has NaN or Infinity in place of a number, which JSON does not have")]
    NotANumber {
        /// From 1.
        line: usize,
    },
    /// Nested more deeply than any FHIR resource is.
    #[error("nested more than {max} levels deep at line {line}", max = JSON_DEPTH_MAX)]
    TooDeep {
        /// From 1.
        line: usize,
    },
    /// The same key twice in one object: two readers could understand it differently.
    #[error("an object that ends at line {line} has the same key twice")]
    DuplicateKey {
        /// From 1.
        line: usize,
    },
    /// An object with more keys than any FHIR element has.
    #[error("the object at line {line} has too many keys")]
    TooManyKeys {
        /// From 1.
        line: usize,
    },
    /// One resource with more values than are parsed at once.
    #[error("{path} has more than {max} values", max = RESOURCE_VALUES_MAX)]
    TooManyValues {
        /// Which resource.
        path: String,
    },
    /// JSON by its grammar, but with a number too large or half of a character.
    #[error("{path} has a number too large to read, or half of a character")]
    Unreadable {
        /// Where.
        path: String,
    },
    /// A Bundle with more entries than are imported at once.
    #[error("more than {max} entries in one Bundle; split it", max = BUNDLE_ENTRIES_MAX)]
    TooManyEntries,
    /// JSON, but not a FHIR resource.
    #[error("{path} is not a FHIR resource: it is no object with a resourceType")]
    NotAResource {
        /// Where.
        path: String,
    },
    /// A resource type that FHIR R4 does not define.
    #[error("{path} has the resourceType {name:?}, which FHIR R4 does not define")]
    UnknownResourceType {
        /// Where.
        path: String,
        /// The type it claims, shortened.
        name: String,
    },
    /// A Bundle that is not a set of records.
    #[error(
        "a Bundle of type {name:?} cannot be imported; transaction, batch, collection, searchset and document can"
    )]
    UnsupportedBundle {
        /// Its type, shortened.
        name: String,
    },
    /// A Bundle within a Bundle, which would hide whose records it holds.
    #[error("{path} is itself a Bundle; import it on its own")]
    NestedBundle {
        /// Where.
        path: String,
    },
    /// An entry that brings nothing, such as a deletion.
    #[error(
        "{path} brings no resource (a deletion, or a request only); nothing of it can be imported"
    )]
    NoResource {
        /// Which entry.
        path: String,
    },
    /// A required element is missing.
    #[error("{path} is required and missing")]
    Missing {
        /// Which element.
        path: String,
    },
    /// An element of a wrong JSON type.
    #[error("{path} must be {expected}")]
    WrongType {
        /// Which element.
        path: String,
        /// What FHIR wants there.
        expected: &'static str,
    },
    /// An element whose value FHIR does not allow.
    #[error("{path} is not a valid {expected}")]
    InvalidValue {
        /// Which element.
        path: String,
        /// The FHIR data type.
        expected: &'static str,
    },
    /// More than one form of an element of which only one may be there.
    #[error("{path} is given in more than one form")]
    SeveralChoices {
        /// Which element, as `effective[x]`.
        path: String,
    },
    /// Records of more than one patient: they belong into different charts.
    #[error("holds records of {count} patients; import each patient on their own")]
    SeveralPatients {
        /// How many different patients are named.
        count: usize,
    },
}

/// A name out of foreign content, short enough for a message.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(40).collect()
}
