//! What can go wrong: one way to fail when sealing, one name for each cause when opening.

use crate::limits::PLAINTEXT_BYTES_MAX;

/// The content is longer than one object may hold. Cut it into several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one object holds at most {PLAINTEXT_BYTES_MAX} bytes")]
pub struct TooLarge;

/// Why a sealed object was refused. Nothing that failed a check has been given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The file does not begin with `CMO1`.
    #[error("not a sealed object: it does not begin with CMO1")]
    BadMagic,
    /// The cipher suite is none that this version knows.
    #[error("unknown cipher suite {0:#04x}; a newer version may know it")]
    UnknownSuite(u8),
    /// The binary logarithm of the chunk length is none that this version knows.
    #[error("unknown chunk size 2^{0}; a newer version may know it")]
    UnknownChunkSize(u8),
    /// The two reserved bytes of the header are not zero.
    #[error("reserved bits of the header are set: {0:#06x}")]
    ReservedBits(u16),
    /// The header was made with another key, or was altered.
    #[error("the key is not the one this object was sealed with, or the header was altered")]
    CommitmentMismatch,
    /// The file ends before the length that was declared for it, within a chunk or between two.
    #[error("truncated: {have} of {want} bytes")]
    Truncated {
        /// Bytes that came.
        have: u64,
        /// Bytes that the declared length calls for.
        want: u64,
    },
    /// A chunk was altered, moved, repeated, or belongs to another object.
    #[error("chunk {0} does not authenticate")]
    ChunkAuthentication(u64),
    /// Bytes follow the last chunk.
    #[error("bytes follow the last chunk")]
    TrailingData,
    /// The object does not end where the declared length says, or no object has this length.
    #[error("the object's length is not the declared one")]
    LengthMismatch,
    /// The declared length is right for the file's size, but content stands where only padding may.
    #[error("the padding is not all zeros")]
    NonZeroPadding,
    /// The declared length is above [`PLAINTEXT_BYTES_MAX`].
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Every chunk authenticates, but this is not the object that was asked for.
    #[error("the object opens, but its id is another one")]
    IdMismatch,
    /// The object has no chunk of this number.
    #[error("the object has no chunk {0}")]
    NoSuchChunk(u64),
}
