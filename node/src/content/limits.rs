//! Every bound on what an import reads, each with its reason.

/// Largest FHIR document read into memory: a whole life of a long-ill person is a few MiB, so this
/// leaves room for embedded attachments and still fits a small machine twice.
pub const FHIR_BYTES_MAX: usize = 64 << 20;
/// Deepest nesting of JSON objects and arrays: FHIR's own deepest resources stay below 20, and
/// whoever walks the tree by recursion must not run out of stack.
pub const JSON_DEPTH_MAX: usize = 64;
/// Most JSON values in one resource: a parsed object takes some 650 bytes however small it is, and
/// counts at least two, so one resource costs at most some 65 MiB beside its own text.
pub const RESOURCE_VALUES_MAX: usize = 200_000;
/// Most resources in one Bundle: Synthea's longest lives have fewer than 10,000.
pub const BUNDLE_ENTRIES_MAX: usize = 100_000;
/// Most items of one entry, so that its manifest stays small enough to send in one message.
pub const GROUP_ITEMS_MAX: usize = 200;
/// Most terms one item can be found by.
pub const TERMS_MAX: usize = 32;
/// Longest term in bytes. A longer one is left out: cut short it would be found for another.
pub const TERM_BYTES_MAX: usize = 256;
/// Longest title in bytes: one or two lines on a screen.
pub const TITLE_BYTES_MAX: usize = 240;
/// What the DICOM parser looks at: all attributes that identify an object stand before its pixels,
/// within the first few KiB unless a maker put large private elements before them.
pub const DICOM_HEAD_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of DICOM sequences that is walked: structured reports stay below 20.
pub const DICOM_DEPTH_MAX: usize = 64;
