//! Opening: from the first byte to the last ([`Opener`]), or any chunk by itself ([`ChunkOpener`]).

use super::chunk::ChunkCipher;
use super::key::DataKey;
use super::padding::refuse_content;
use super::{CHUNK_LEN, HEADER_LEN, Header, Layout, OpenError};
use crate::id::ObjectId;

/// Opens one object as its file streams past. Gives out only plaintext that authenticated; holds
/// one chunk of ciphertext at most.
///
/// The last chunk comes with [`Opener::finish`], which checks that the file ends there and has the
/// id that was asked for. What came before it is what someone with the key sealed at this place of
/// some object; act upon it, beyond storing it, only once `finish` has agreed.
///
/// ```
/// # use chartmesh_protocol::object::{DataKey, OpenError, Opener, seal_small};
/// # fn main() -> Result<(), OpenError> {
/// # let key = DataKey::from_bytes([7; 32]);
/// # let (file, sealed) = seal_small(&key, &[1; 24], b"any bytes")?;
/// let mut plain = Vec::new();
/// let mut opener = Opener::new(key, sealed.id, sealed.plaintext_len)?;
/// for read in file.chunks(100) {
///     opener.push(read, &mut plain)?;
/// }
/// opener.finish(&mut plain)?;
/// assert_eq!(plain, b"any bytes");
/// # Ok(())
/// # }
/// ```
pub struct Opener {
    key: DataKey,
    id: ObjectId,
    layout: Layout,
    /// Since the header was checked.
    chunks: Option<ChunkOpener>,
    hasher: blake3::Hasher,
    /// The part of chunk `index` that has come.
    pending: Vec<u8>,
    index: u64,
    received: u64,
    failed: Option<OpenError>,
}

impl Opener {
    /// Begins to open the object `id`, of whose content the manifest says that it is
    /// `plaintext_len` bytes long.
    ///
    /// # Errors
    /// [`OpenError::TooLarge`] when no object is that long.
    pub fn new(key: DataKey, id: ObjectId, plaintext_len: u64) -> Result<Self, OpenError> {
        Ok(Self::with_layout(
            key,
            id,
            Layout::of_plaintext(plaintext_len)?,
        ))
    }

    pub(super) fn with_layout(key: DataKey, id: ObjectId, layout: Layout) -> Self {
        let first = layout.file_range(0).map_or(0, |range| range.end);
        Self {
            key,
            id,
            layout,
            chunks: None,
            hasher: blake3::Hasher::new(),
            pending: Vec::with_capacity(usize::try_from(first).unwrap_or(CHUNK_LEN)),
            index: 0,
            received: 0,
            failed: None,
        }
    }

    /// Takes the next bytes of the file and appends to `out` the plaintext that is ready: never more
    /// than was put in and a chunk. How the file is cut into pushes changes neither the plaintext
    /// nor the error.
    ///
    /// # Errors
    /// Any [`OpenError`] but those that only the end can show. It is final: every later call
    /// returns it again.
    pub fn push(&mut self, file: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.take(file, out)
            .inspect_err(|error| self.failed = Some(*error))
    }

    /// The file is complete: checks its length and its id, and appends the last of the plaintext to
    /// `out`.
    ///
    /// # Errors
    /// Any [`OpenError`]; nothing was appended.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), OpenError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.received < self.layout.file_len() {
            return Err(self.too_short());
        }
        let start = out.len();
        // The tag is looked at before the id because it says where the damage is.
        self.chunks().open_chunk(self.index, &self.pending, out)?;
        self.hasher.update(&self.pending);
        if self.hasher.finalize() != self.id.0 {
            out.truncate(start);
            return Err(OpenError::IdMismatch);
        }
        Ok(())
    }

    fn take(&mut self, file: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let left = self.layout.file_len() - self.received;
        let within = usize::try_from(left).map_or(file.len(), |left| left.min(file.len()));
        let (mut file, beyond) = file.split_at(within);
        self.received += within as u64;

        if self.chunks.is_none() {
            file = self.fill(file, HEADER_LEN);
            let Some(header) = self.pending.first_chunk() else {
                return Ok(());
            };
            self.chunks = Some(ChunkOpener::new(&self.key, header, self.layout)?);
        }
        while !self.layout.is_last(self.index) {
            if let (true, Some((chunk, rest))) =
                (self.pending.is_empty(), file.split_at_checked(CHUNK_LEN))
            {
                // A whole chunk at once needs no copy of its own.
                self.open_full(chunk, out)?;
                file = rest;
                continue;
            }
            file = self.fill(file, CHUNK_LEN);
            if self.pending.len() < CHUNK_LEN {
                return Ok(());
            }
            let mut chunk = core::mem::take(&mut self.pending);
            self.open_full(&chunk, out)?;
            chunk.clear();
            self.pending = chunk;
        }
        // The last chunk waits for `finish`: it is the last only if nothing follows.
        self.pending.extend_from_slice(file);
        if beyond.is_empty() {
            Ok(())
        } else {
            Err(self.too_long())
        }
    }

    /// Moves bytes of `file` to `pending` until that holds `len`; returns the rest.
    fn fill<'a>(&mut self, file: &'a [u8], len: usize) -> &'a [u8] {
        let missing = len.saturating_sub(self.pending.len());
        let (now, later) = file.split_at(missing.min(file.len()));
        self.pending.extend_from_slice(now);
        later
    }

    fn open_full(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        // Hashed first, so that a decryption in place finds the chunk in the cache.
        self.hasher.update(chunk);
        self.chunks().open_chunk(self.index, chunk, out)?;
        self.index += 1;
        Ok(())
    }

    fn chunks(&self) -> &ChunkOpener {
        self.chunks
            .as_ref()
            .expect("set from the header, which stands before any chunk's end")
    }

    /// The file ended early: cut off, or never as long as was said?
    fn too_short(&self) -> OpenError {
        match &self.chunks {
            Some(chunks) if chunks.ends_with(self.index, &self.pending) => {
                OpenError::LengthMismatch
            }
            _ => OpenError::Truncated {
                have: self.received,
                want: self.layout.file_len(),
            },
        }
    }

    /// The file goes on behind its declared end: something was added, or it is longer than was said?
    fn too_long(&self) -> OpenError {
        if self.chunks().ends_with(self.index, &self.pending) {
            OpenError::TrailingData
        } else {
            OpenError::LengthMismatch
        }
    }
}

/// Opens any chunk of one object by itself, for reading ranges.
///
/// A chunk that opens was sealed at its place by someone with the key. That it belongs to the
/// object of a certain id is for the caller to know: because the stored file was verified when it
/// arrived, or by verifying the range against the BLAKE3 tree.
pub struct ChunkOpener {
    cipher: ChunkCipher,
    header: Header,
    layout: Layout,
}

impl ChunkOpener {
    /// Checks an object's header, the first 64 bytes of its file, against `key`.
    ///
    /// # Errors
    /// Those of [`Header::parse`], and [`OpenError::CommitmentMismatch`].
    pub fn new(
        key: &DataKey,
        header: &[u8; HEADER_LEN],
        layout: Layout,
    ) -> Result<Self, OpenError> {
        let header = Header::parse(header)?;
        Ok(Self {
            cipher: header.unlock(key)?,
            header,
            layout,
        })
    }

    /// Where the chunks are.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Opens chunk `index`, given the bytes of its [`Layout::file_range`], and appends its content
    /// to `out` without the padding.
    ///
    /// # Errors
    /// [`OpenError::NoSuchChunk`]; [`OpenError::Truncated`] or [`OpenError::TrailingData`] when
    /// `chunk` is not as long as the range; [`OpenError::CommitmentMismatch`] when chunk 0 comes
    /// with another header; [`OpenError::ChunkAuthentication`]; [`OpenError::NonZeroPadding`].
    /// Nothing was appended.
    pub fn open_chunk(&self, index: u64, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let (Some(file), Some(padded)) = (
            self.layout.file_range(index),
            self.layout.padded_range(index),
        ) else {
            return Err(OpenError::NoSuchChunk(index));
        };
        let have = file.start + chunk.len() as u64;
        if have < file.end {
            return Err(OpenError::Truncated {
                have,
                want: file.end,
            });
        }
        if have > file.end {
            return Err(OpenError::TrailingData);
        }
        let mut sealed = chunk;
        if index == 0 {
            sealed = chunk
                .strip_prefix(self.header.as_bytes())
                .ok_or(OpenError::CommitmentMismatch)?;
        }
        let start = out.len();
        self.cipher
            .open(index, self.layout.is_last(index), sealed, out)?;

        let content = self.layout.plaintext_len().saturating_sub(padded.start);
        let end = usize::try_from(content).map_or(out.len(), |content| {
            out.len().min(start.saturating_add(content))
        });
        refuse_content(&out[end..]).inspect_err(|_| out.truncate(start))?;
        out.truncate(end);
        Ok(())
    }

    /// Whether the object really ends with `pending` as its chunk `index`. Asked only to name an
    /// error; what decrypts is dropped.
    fn ends_with(&self, index: u64, pending: &[u8]) -> bool {
        let sealed = if index == 0 {
            pending.get(HEADER_LEN..)
        } else {
            Some(pending)
        };
        sealed.is_some_and(|sealed| {
            self.cipher
                .open(index, true, sealed, &mut Vec::with_capacity(sealed.len()))
                .is_ok()
        })
    }
}

#[cfg(test)]
impl Opener {
    /// Bytes of memory held between pushes.
    pub(super) fn held(&self) -> usize {
        self.pending.capacity()
    }
}
