//! DICOM files (PS3.10), from their first bytes into entries.
//!
//! [`parse_head`] reads what identifies an object from the first MiB of its file; the file itself is
//! kept as received, never transcoded, and whoever opened it streams it. [`group`] brings the
//! objects of one study together as one entry.

mod elements;
mod error;
mod head;
mod study;
mod tag;
mod text;

pub use error::DicomError;
pub use head::{Head, MEDIA_TYPE, parse_head};
pub use study::group;
pub use tag::Tag;

#[cfg(test)]
mod tests;
