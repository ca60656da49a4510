//! What comes in from a hospital's systems, before it is sealed: read, named, and sorted into
//! entries. Pure code over bytes; whoever calls it opens the files.
//!
//! [`sniff()`] tells what a file is. [`crate::fhir`] and [`crate::dicom`] read the two formats that
//! Chartmesh understands into [`Draft`]s and [`Group`] them into entries; [`file()`] makes the draft
//! of any other file. The original bytes are what is kept, always: nothing is re-encoded.

mod draft;
pub(crate) mod limits;
mod sniff;

use chartmesh_protocol::record::Kind;

pub use draft::{Content, Draft, Group, Term, TermName, Terms, joined_title, title};
pub use limits::SNIFF_BYTES;
pub use sniff::{Format, sniff};

/// The draft of a file that is neither FHIR nor DICOM: a document, found by its title only.
///
/// The file's own time is not taken for the time of its content; `effective` stays open.
#[must_use]
pub fn file(file_name: &str, media_type: &str) -> Draft {
    let kind = if media_type.starts_with("image/") || media_type.starts_with("video/") {
        Kind::Imaging
    } else {
        Kind::Documents
    };
    let name = title(file_name);
    Draft {
        kind,
        effective: None,
        title: if name.is_empty() { "File without a name".to_owned() } else { name },
        terms: Terms::default(),
        media_type: media_type.to_owned(),
        content: Content::Stream,
    }
}

#[cfg(test)]
pub(crate) mod test_data;
