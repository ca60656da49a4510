//! Why something is not taken as DICOM.

use super::tag::Tag;
use crate::content::limits::DICOM_DEPTH_MAX;

/// Why a file is not imported as DICOM. No message repeats a value of the object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DicomError {
    /// No `DICM` after the preamble of 128 bytes (PS3.10 section 7.1), nor the attributes that a file
    /// from before that rule begins with.
    #[error("not a DICOM file: no DICM mark at byte 128")]
    NoMark,
    /// The file ends within its attributes.
    #[error("the DICOM file ends too early, within {tag} at byte {offset}: it was cut off")]
    Truncated {
        /// The attribute that is not whole.
        tag: Tag,
        /// Where it begins in the (inflated) data set, or in the file for group 0002.
        offset: usize,
    },
    /// The file is shorter than its pixel data say.
    #[error(
        "the DICOM file has {has} bytes, but its pixel data end at byte {needs}: it was cut off"
    )]
    PixelsCut {
        /// Bytes of the file.
        has: u64,
        /// Bytes it would need.
        needs: u64,
    },
    /// An attribute whose header is not of the transfer syntax that the file names.
    #[error("the DICOM attribute after {after} at byte {offset} has no valid value representation")]
    BadRepresentation {
        /// The last good attribute.
        after: Tag,
        /// Where the bad one begins.
        offset: usize,
    },
    /// Something other than an item within a sequence, or an end without a beginning.
    #[error("the DICOM sequence {tag} is not made of items, at byte {offset}")]
    BadSequence {
        /// What was found.
        tag: Tag,
        /// Where.
        offset: usize,
    },
    /// Sequences nested more deeply than any DICOM object's.
    #[error("DICOM sequences nested more than {max} levels deep, at byte {offset}", max = DICOM_DEPTH_MAX)]
    TooDeep {
        /// Where.
        offset: usize,
    },
    /// A deflated data set that does not inflate.
    #[error("the deflated DICOM data set does not inflate")]
    BadDeflate,
    /// Attributes that identify the object were not within the first MiB.
    #[error("the attributes that identify the DICOM object do not stand within its first MiB")]
    HeadTooSmall,
    /// No attributes at all.
    #[error("the DICOM file has no attributes")]
    Empty,
}
