//! Every bound on what an import reads, each with its reason.

/// Largest FHIR document read into memory: a whole life of a long-ill person is a few MiB, so this
/// leaves room for embedded attachments and still fits a small machine twice.
pub(crate) const FHIR_BYTES_MAX: usize = 64 << 20;
/// How many bytes of a file [`sniff`](super::sniff()) wants to see; more do no harm. In a Bundle that some
/// tool wrote with sorted keys, the first `resourceType` stands behind the first resource's narrative.
pub const SNIFF_BYTES: usize = 64 << 10;
/// Deepest nesting of JSON objects and arrays: FHIR's own deepest resources stay below 20, and
/// whoever walks the tree by recursion must not run out of stack.
pub(crate) const JSON_DEPTH_MAX: usize = 64;
/// Most keys of one JSON object: the largest FHIR resource has about 60 elements, each with a twin for
/// its extensions.
pub(crate) const OBJECT_KEYS_MAX: usize = 1024;
/// Most JSON values in one resource: a parsed object takes some 650 bytes however small it is, and
/// counts at least two, so one resource costs at most some 65 MiB beside its own text.
pub(crate) const RESOURCE_VALUES_MAX: usize = 200_000;
/// Most resources in one Bundle: Synthea's longest lives have fewer than 10,000.
pub(crate) const BUNDLE_ENTRIES_MAX: usize = 100_000;
/// Most names and identifiers that the summary of a patient carries.
pub(crate) const SUMMARY_NAMES_MAX: usize = 16;
/// Most items of one entry, so that its manifest stays small enough to send in one message.
pub(crate) const GROUP_ITEMS_MAX: usize = 200;
/// Most terms one item can be found by.
pub(crate) const TERMS_MAX: usize = 32;
/// Longest term in bytes. A longer one is left out: cut short it would be found for another.
pub(crate) const TERM_BYTES_MAX: usize = 256;
/// Longest title in bytes: one or two lines on a screen.
pub(crate) const TITLE_BYTES_MAX: usize = 240;
/// What the DICOM parser looks at: all attributes that identify an object stand before its pixels,
/// within the first few KiB unless a maker put large private elements before them.
pub(crate) const DICOM_HEAD_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of DICOM sequences that is walked: structured reports stay below 20.
pub(crate) const DICOM_DEPTH_MAX: usize = 64;
/// What is read of one text in DICOM, in bytes: a title is cut to far less.
pub(crate) const DICOM_TEXT_BYTES_MAX: usize = 1024;
