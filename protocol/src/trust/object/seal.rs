//! Sealing: plaintext in, file out, the id at the end.

use zeroize::Zeroizing;

use super::chunk::ChunkCipher;
use super::key::{DataKey, Salt};
use super::{CHUNK_LEN, HEADER_LEN, Header, Layout, TAG_LEN, TooLarge};
use crate::id::ObjectId;
use crate::limits::PLAINTEXT_BYTES_MAX;

/// The padding that one call of [`Closing::advance`] adds at most, in bytes.
const PADDING_STEP: u64 = 1 << 20;
/// Padding is cut from here; as long as a chunk, so that it is copied once.
static ZEROS: [u8; CHUNK_LEN - TAG_LEN] = [0; CHUNK_LEN - TAG_LEN];

/// Seals one object, whose length need not be known beforehand. Holds one chunk of plaintext at
/// most and wipes it when dropped.
///
/// ```
/// # use chartmesh_protocol::object::{DataKey, Sealer};
/// # fn main() -> Result<(), chartmesh_protocol::object::TooLarge> {
/// # let key = DataKey::from_bytes([7; 32]);
/// let mut file = Vec::new();
/// let mut sealer = Sealer::new(&key, &[1; 24]);
/// sealer.push(b"any ", &mut file)?;
/// sealer.push(b"bytes", &mut file)?;
/// let sealed = sealer.finish(&mut file);
/// assert_eq!(sealed.plaintext_len, 9);
/// assert_eq!(sealed.file_len, file.len() as u64);
/// # Ok(())
/// # }
/// ```
pub struct Sealer {
    cipher: ChunkCipher,
    hasher: blake3::Hasher,
    /// The chunk that is being filled, as it will stand in the file.
    chunk: Zeroizing<Vec<u8>>,
    /// How much of it is there: header and plaintext.
    filled: usize,
    /// Its number.
    index: u64,
    plaintext_len: u64,
    file_len: u64,
}

/// What the manifest keeps of an object, beside its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// BLAKE3 of the file.
    pub id: ObjectId,
    /// Length of the file in bytes: public.
    pub file_len: u64,
    /// Length of the content in bytes: secret, it is what the padding hides.
    pub plaintext_len: u64,
}

impl Sealer {
    /// Begins an object. `key` and `salt` are both new: made for this object and never used again.
    #[must_use]
    pub fn new(key: &DataKey, salt: &Salt) -> Self {
        Self::with_chunk(key, salt, CHUNK_LEN)
    }

    /// For an object whose file is known to be `file_len` bytes long: most are far shorter than a
    /// chunk, and making and wiping the room for a whole one would cost more than sealing them.
    pub(super) fn of_len(key: &DataKey, salt: &Salt, file_len: u64) -> Self {
        Self::with_chunk(
            key,
            salt,
            usize::try_from(file_len).map_or(CHUNK_LEN, |n| n.min(CHUNK_LEN)),
        )
    }

    fn with_chunk(key: &DataKey, salt: &Salt, chunk_len: usize) -> Self {
        let (header, cipher) = Header::new(key, salt);
        let mut chunk = Zeroizing::new(vec![0; chunk_len]);
        chunk[..HEADER_LEN].copy_from_slice(header.as_bytes());
        Self {
            cipher,
            hasher: blake3::Hasher::new(),
            chunk,
            filled: HEADER_LEN,
            index: 0,
            plaintext_len: 0,
            file_len: 0,
        }
    }

    /// Takes the next bytes of the content and appends to `out` what of the file is ready: about as
    /// much as was put in, never more than a chunk beyond it. Write it out and clear it as often as
    /// you like. How the content is cut into pushes does not show in the file.
    ///
    /// # Errors
    /// [`TooLarge`] when the content would go beyond [`PLAINTEXT_BYTES_MAX`]; nothing of `plain` was
    /// taken, and the object is best given up.
    pub fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TooLarge> {
        self.count(plain.len())?;
        self.absorb(plain, out);
        Ok(())
    }

    /// Where the next bytes of the content may be read to, without a copy in between; never empty.
    /// Then tell [`Sealer::advance`] how many they are.
    ///
    /// ```
    /// # use std::io::{Read, Write};
    /// # use chartmesh_protocol::object::{DataKey, Sealer};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (mut content, mut file) = (&[7; 100_000][..], Vec::new());
    /// let mut sealer = Sealer::new(&DataKey::from_bytes([7; 32]), &[1; 24]);
    /// loop {
    ///     let read = content.read(sealer.space())?;
    ///     if read == 0 {
    ///         break;
    ///     }
    ///     file.write_all(sealer.advance(read)?)?;
    /// }
    /// let mut end = Vec::new();
    /// let sealed = sealer.finish(&mut end);
    /// file.write_all(&end)?;
    /// # assert_eq!((sealed.file_len, sealed.plaintext_len), (file.len() as u64, 100_000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn space(&mut self) -> &mut [u8] {
        let end = self.chunk.len() - TAG_LEN;
        &mut self.chunk[self.filled..end]
    }

    /// The first `len` bytes of [`Sealer::space`] have been filled with content. Returns what of the
    /// file is ready: a chunk, or nothing yet.
    ///
    /// # Errors
    /// [`TooLarge`], as for [`Sealer::push`].
    ///
    /// # Panics
    /// When `len` is more than there was space.
    pub fn advance(&mut self, len: usize) -> Result<&[u8], TooLarge> {
        self.count(len)?;
        Ok(self.fill(len))
    }

    /// The content is complete; its padding follows, which for a long object may be many MiB. Then
    /// drain `out` between the steps of [`Closing`]; for a short one [`Sealer::finish`] will do.
    #[must_use]
    pub fn close(self) -> Closing {
        let layout = Layout::of_plaintext(self.plaintext_len)
            .expect("push keeps the content within the limit");
        Closing { padding: layout.padded_len() - layout.plaintext_len(), sealer: self }
    }

    /// Completes the object: appends all the padding and the last chunk to `out`.
    #[must_use = "without the id the object cannot be found again"]
    pub fn finish(self, out: &mut Vec<u8>) -> Sealed {
        self.close().finish(out)
    }

    fn count(&mut self, len: usize) -> Result<(), TooLarge> {
        let sum = self.plaintext_len.saturating_add(len as u64);
        if sum > PLAINTEXT_BYTES_MAX {
            return Err(TooLarge);
        }
        self.plaintext_len = sum;
        Ok(())
    }

    fn absorb(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            let space = self.space();
            let (now, later) = plain.split_at(plain.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            out.extend_from_slice(self.fill(now.len()));
            plain = later;
        }
    }

    fn fill(&mut self, len: usize) -> &[u8] {
        assert!(
            len <= self.chunk.len() - TAG_LEN - self.filled,
            "more bytes than there was space for"
        );
        self.filled += len;
        // A full chunk is never the last, because no padded length ends at a chunk's border:
        // `no_padded_length_fills_its_last_chunk` tries them all.
        if self.filled == CHUNK_LEN - TAG_LEN { self.emit(false) } else { &[] }
    }

    /// Seals the chunk where it stands, and hashes it while it is in the cache.
    fn emit(&mut self, last: bool) -> &[u8] {
        let body = if self.index == 0 { HEADER_LEN } else { 0 };
        let end = self.filled + TAG_LEN;
        let tag = self.cipher.seal(self.index, last, &mut self.chunk[body..self.filled]);
        self.chunk[self.filled..end].copy_from_slice(&tag);
        self.hasher.update(&self.chunk[..end]);
        self.file_len += end as u64;
        self.index += 1;
        self.filled = 0;
        &self.chunk[..end]
    }
}

/// An object whose content is complete and whose padding is being added.
///
/// ```
/// # use chartmesh_protocol::object::{DataKey, Sealer};
/// # let sealer = Sealer::new(&DataKey::from_bytes([7; 32]), &[1; 24]);
/// # let (mut file, mut out) = (Vec::new(), Vec::new());
/// let mut closing = sealer.close();
/// while closing.advance(&mut out) {
///     file.append(&mut out);
/// }
/// let sealed = closing.finish(&mut out);
/// file.append(&mut out);
/// # assert_eq!(sealed.file_len, file.len() as u64);
/// ```
pub struct Closing {
    sealer: Sealer,
    /// Zeros still to come.
    padding: u64,
}

impl Closing {
    /// Appends the next of the padding to `out`, at most 1 MiB and a chunk. `false` once none is
    /// left.
    pub fn advance(&mut self, out: &mut Vec<u8>) -> bool {
        let mut step = self.padding.min(PADDING_STEP);
        let more = step > 0;
        self.padding -= step;
        while step > 0 {
            let zeros = usize::try_from(step).map_or(&ZEROS[..], |n| &ZEROS[..n.min(ZEROS.len())]);
            self.sealer.absorb(zeros, out);
            step -= zeros.len() as u64;
        }
        more
    }

    /// Completes the object: appends what padding is left and the last chunk to `out`.
    #[must_use = "without the id the object cannot be found again"]
    pub fn finish(mut self, out: &mut Vec<u8>) -> Sealed {
        while self.advance(out) {}
        let mut sealer = self.sealer;
        out.extend_from_slice(sealer.emit(true));
        Sealed {
            id: ObjectId(*sealer.hasher.finalize().as_bytes()),
            file_len: sealer.file_len,
            plaintext_len: sealer.plaintext_len,
        }
    }
}

#[cfg(test)]
impl Sealer {
    /// As if `len` bytes had been pushed; nobody waits for a TiB to be sealed.
    pub(super) fn pretend_to_hold(&mut self, len: u64) {
        self.plaintext_len = len;
    }

    /// Bytes of memory held between pushes.
    pub(super) fn held(&self) -> usize {
        self.chunk.capacity()
    }
}
