//! DICOM files (PS3.10), from their first bytes into entries.
//!
//! [`parse_head`] reads what identifies an object from the first MiB of its file; the file itself is
//! kept as received, never transcoded, and whoever opened it streams it. [`group`] brings the
//! objects of one study together as one entry.

mod elements;
mod error;
mod head;
mod study;
mod text;

pub use elements::Tag;
pub use error::DicomError;
pub use head::{Head, parse_head};
pub use study::group;

/// The media type of a DICOM file.
pub const MEDIA_TYPE: &str = "application/dicom";

#[cfg(test)]
mod tests;
