//! Where everything stands in an object's file, by arithmetic alone.

use core::ops::Range;

use super::padding::padded_len;
use super::{OpenError, TooLarge};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 64;

/// Length of a chunk in the file, in bytes: four groups of the BLAKE3 tree that transfers are
/// verified by, and small enough to stay in a core's own cache while it is encrypted and hashed.
pub const CHUNK_LEN: usize = 1 << 16;

/// Length of a chunk's tag in bytes.
pub const TAG_LEN: usize = 16;

/// What a chunk brings forward: the header and the content, laid end to end, are cut into pieces of
/// this length. That the first piece holds the header is all that sets it apart.
const STRIDE: u64 = (CHUNK_LEN - TAG_LEN) as u64;
const HEADER: u64 = HEADER_LEN as u64;
const CHUNK: u64 = CHUNK_LEN as u64;
const TAG: u64 = TAG_LEN as u64;

/// The places of an object's chunks. All lengths and offsets are in bytes.
///
/// To read a range of the content: [`Layout::chunk_at`] gives the chunk of its first byte,
/// [`Layout::file_range`] the bytes of the file to fetch, and
/// [`ChunkOpener`](super::ChunkOpener) opens them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    plaintext_len: u64,
    padded_len: u64,
    chunk_count: u64,
}

impl Layout {
    /// The layout of an object that holds `plaintext_len` bytes of content.
    ///
    /// # Errors
    /// [`TooLarge`] above [`limits::PLAINTEXT_BYTES_MAX`](crate::limits::PLAINTEXT_BYTES_MAX).
    pub const fn of_plaintext(plaintext_len: u64) -> Result<Self, TooLarge> {
        match padded_len(plaintext_len) {
            Ok(padded_len) => Ok(Self {
                plaintext_len,
                padded_len,
                chunk_count: (HEADER + padded_len).div_ceil(STRIDE),
            }),
            Err(too_large) => Err(too_large),
        }
    }

    /// The layout of an object whose file is `file_len` bytes long; its padding counts as content.
    ///
    /// # Errors
    /// [`OpenError::LengthMismatch`] when no sealed object has this length,
    /// [`OpenError::TooLarge`] above the length of the largest.
    pub fn of_file(file_len: u64) -> Result<Self, OpenError> {
        let padded_len = file_len
            .checked_sub(HEADER + file_len.div_ceil(CHUNK) * TAG)
            .ok_or(OpenError::LengthMismatch)?;
        let layout = Self::of_plaintext(padded_len)?;
        if layout.file_len() == file_len { Ok(layout) } else { Err(OpenError::LengthMismatch) }
    }

    /// Length of the content without padding.
    #[must_use]
    pub const fn plaintext_len(&self) -> u64 {
        self.plaintext_len
    }

    /// Length of the content with its padding.
    #[must_use]
    pub const fn padded_len(&self) -> u64 {
        self.padded_len
    }

    /// Length of the file.
    #[must_use]
    pub const fn file_len(&self) -> u64 {
        HEADER + self.padded_len + TAG * self.chunk_count
    }

    /// Number of chunks, at least one.
    #[must_use]
    pub const fn chunk_count(&self) -> u64 {
        self.chunk_count
    }

    /// The number of the chunk that holds the content's byte at `offset`, and that byte's place in
    /// the chunk's plaintext. `None` at or behind the end of the content.
    #[must_use]
    pub fn chunk_at(&self, offset: u64) -> Option<(u64, u64)> {
        if offset >= self.plaintext_len {
            return None;
        }
        let index = (HEADER + offset) / STRIDE;
        Some((index, offset - self.padded_range(index)?.start))
    }

    /// The bytes of the file that make up chunk `index`, the header among those of the first.
    /// `None` when there is no such chunk.
    #[must_use]
    pub fn file_range(&self, index: u64) -> Option<Range<u64>> {
        (index < self.chunk_count).then(|| index * CHUNK..self.file_len().min((index + 1) * CHUNK))
    }

    /// The bytes of the padded content that chunk `index` holds. `None` when there is no such chunk.
    #[must_use]
    pub fn padded_range(&self, index: u64) -> Option<Range<u64>> {
        (index < self.chunk_count).then(|| {
            (index * STRIDE).saturating_sub(HEADER)
                ..self.padded_len.min((index + 1) * STRIDE - HEADER)
        })
    }

    pub(super) const fn is_last(&self, index: u64) -> bool {
        index + 1 == self.chunk_count
    }
}
