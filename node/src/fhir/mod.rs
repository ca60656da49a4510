//! FHIR R4 in JSON, from a hospital's system into entries (hl7.org/fhir/R4).
//!
//! [`parse`] takes a resource or a Bundle, checks it, and returns every resource's ORIGINAL bytes,
//! filed under a [`Kind`](chartmesh_protocol::record::Kind), dated, titled, and with the terms to
//! find it by. The resources of a Bundle are grouped into entries: those of one encounter and kind
//! together, others by kind and calendar day. A Bundle of type `document` stays whole, because it was
//! signed or at least written as one.
//!
//! Untrusted bytes: one pass bounds size, depth and key counts before anything is built, then one
//! resource at a time is a tree in memory. Every refusal has its own [`FhirError`].

mod bundle;
mod error;
mod group;
mod json;
mod moment;
mod path;
mod read;
mod reference;
mod table;
mod validate;

pub use bundle::{MEDIA_TYPE, Parsed, parse};
pub use error::FhirError;
pub use read::PatientSummary;

#[cfg(test)]
mod tests;
