//! Opening: from the first byte to the last ([`Opener`]), or any chunk by itself ([`ChunkOpener`]).

use core::ops::Range;

use zeroize::Zeroizing;

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
    /// The chunk that is coming in, as it stands in the file; decrypted where it stands.
    chunk: Zeroizing<Vec<u8>>,
    /// How much of it has come.
    filled: usize,
    /// Its number.
    index: u64,
    failed: Option<OpenError>,
}

impl Opener {
    /// Begins to open the object `id`, of whose content the manifest says that it is
    /// `plaintext_len` bytes long.
    ///
    /// # Errors
    /// [`OpenError::TooLarge`] when no object is that long.
    pub fn new(key: DataKey, id: ObjectId, plaintext_len: u64) -> Result<Self, OpenError> {
        Ok(Self::with_layout(key, id, Layout::of_plaintext(plaintext_len)?))
    }

    pub(super) fn with_layout(key: DataKey, id: ObjectId, layout: Layout) -> Self {
        // Room for the file and for one byte behind its end, by which a longer one is noticed.
        let room = usize::try_from(layout.file_len()).map_or(CHUNK_LEN, |n| CHUNK_LEN.min(n + 1));
        Self {
            key,
            id,
            layout,
            chunks: None,
            hasher: blake3::Hasher::new(),
            chunk: Zeroizing::new(vec![0; room]),
            filled: 0,
            index: 0,
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
    pub fn push(&mut self, mut file: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        while !file.is_empty() {
            let space = self.space();
            let (now, later) = file.split_at(file.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            out.extend_from_slice(self.advance(now.len())?);
            file = later;
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// Where the next bytes of the file may be read to, without a copy in between; empty only after an
    /// error. Then tell [`Opener::advance`] how many they are.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.chunk[self.filled..]
    }

    /// The first `len` bytes of [`Opener::space`] have been filled from the file. Returns the
    /// plaintext that is ready: a chunk's, or nothing yet.
    ///
    /// # Errors
    /// As for [`Opener::push`].
    ///
    /// # Panics
    /// When `len` is more than there was space.
    pub fn advance(&mut self, len: usize) -> Result<&[u8], OpenError> {
        assert!(len <= self.chunk.len() - self.filled, "more bytes than there was space for");
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.take(len) {
            Ok(plain) => Ok(&self.chunk[plain]),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
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
        let have = self.index * CHUNK_LEN as u64 + self.filled as u64;
        let want = self.layout.file_len();
        if have < want {
            // Cut off, or never as long as was said?
            let ends = self.ends_at(self.filled);
            return Err(if ends {
                OpenError::LengthMismatch
            } else {
                OpenError::Truncated { have, want }
            });
        }
        self.hasher.update(&self.chunk[..self.filled]);
        let id = self.hasher.finalize();
        // The tag is looked at before the id because it says where the damage is.
        let plain = self.open_chunk(self.filled)?;
        if id != self.id.0 {
            return Err(OpenError::IdMismatch);
        }
        out.extend_from_slice(&self.chunk[plain]);
        Ok(())
    }

    /// Returns where in `chunk` plaintext stands ready.
    fn take(&mut self, len: usize) -> Result<Range<usize>, OpenError> {
        self.filled += len;
        if self.chunks.is_none() {
            let header = self.chunk[..self.filled].first_chunk();
            let Some(header) = header else {
                return Ok(0..0);
            };
            self.chunks = Some(ChunkOpener::new(&self.key, header, self.layout)?);
        }
        if self.layout.is_last(self.index) {
            // The last chunk waits for `finish`: it is the last only if nothing follows. What does
            // follow finds space here, because no last chunk is full.
            return match usize::try_from(self.layout.file_len() - self.index * CHUNK_LEN as u64) {
                Ok(end) if self.filled > end => Err(self.too_long(end)),
                _ => Ok(0..0),
            };
        }
        if self.filled < CHUNK_LEN {
            return Ok(0..0);
        }
        // Hashed first, while it is still the file's.
        self.hasher.update(&self.chunk);
        let plain = self.open_chunk(CHUNK_LEN)?;
        self.index += 1;
        self.filled = 0;
        Ok(plain)
    }

    fn open_chunk(&mut self, len: usize) -> Result<Range<usize>, OpenError> {
        let chunks = self.chunks.as_ref().expect("made from the header, which any chunk follows");
        chunks.open_in_place(self.index, &mut self.chunk[..len])
    }

    /// The file goes on behind its declared end: something was added, or it is longer than was said?
    fn too_long(&mut self, end: usize) -> OpenError {
        if self.ends_at(end) { OpenError::TrailingData } else { OpenError::LengthMismatch }
    }

    /// Whether the object really ends with the first `len` bytes of this chunk. Asked only to name
    /// an error, after which nothing is opened any more.
    fn ends_at(&mut self, len: usize) -> bool {
        let body = if self.index == 0 { HEADER_LEN } else { 0 };
        match (&self.chunks, self.chunk.get_mut(body..len)) {
            (Some(chunks), Some(sealed)) => chunks.cipher.open(self.index, true, sealed).is_ok(),
            _ => false,
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
        Ok(Self { cipher: header.unlock(key)?, header, layout })
    }

    /// Where the chunks are.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Opens chunk `index`, given the bytes of its [`Layout::file_range`], where it stands. Returns
    /// where in `chunk` its content is, without the padding.
    ///
    /// # Errors
    /// [`OpenError::NoSuchChunk`]; [`OpenError::Truncated`] or [`OpenError::TrailingData`] when
    /// `chunk` is not as long as the range; [`OpenError::CommitmentMismatch`] when chunk 0 comes
    /// with another header; [`OpenError::ChunkAuthentication`]; [`OpenError::NonZeroPadding`].
    pub fn open_in_place(&self, index: u64, chunk: &mut [u8]) -> Result<Range<usize>, OpenError> {
        let (Some(file), Some(padded)) =
            (self.layout.file_range(index), self.layout.padded_range(index))
        else {
            return Err(OpenError::NoSuchChunk(index));
        };
        let have = file.start + chunk.len() as u64;
        if have < file.end {
            return Err(OpenError::Truncated { have, want: file.end });
        }
        if have > file.end {
            return Err(OpenError::TrailingData);
        }
        let (header, sealed) = chunk.split_at_mut(if index == 0 { HEADER_LEN } else { 0 });
        if index == 0 && header != self.header.as_bytes() {
            return Err(OpenError::CommitmentMismatch);
        }
        let plain = self.cipher.open(index, self.layout.is_last(index), sealed)?;
        let content = self.layout.plaintext_len().saturating_sub(padded.start);
        let content = usize::try_from(content).map_or(plain.len(), |len| len.min(plain.len()));
        refuse_content(&plain[content..])?;
        Ok(header.len()..header.len() + content)
    }

    /// As [`ChunkOpener::open_in_place`], but leaves `chunk` alone and appends the content to `out`.
    ///
    /// # Errors
    /// The same; nothing was appended.
    pub fn open_chunk(&self, index: u64, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let mut chunk = Zeroizing::new(chunk.to_vec());
        let content = self.open_in_place(index, &mut chunk)?;
        out.extend_from_slice(&chunk[content]);
        Ok(())
    }
}

#[cfg(test)]
impl Opener {
    /// Bytes of memory held between pushes.
    pub(super) fn held(&self) -> usize {
        self.chunk.capacity()
    }
}
