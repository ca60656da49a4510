//! Sealing: plaintext in, file out, the id at the end.

use zeroize::Zeroizing;

use super::chunk::ChunkCipher;
use super::key::{DataKey, Salt};
use super::layout::full_chunk;
use super::{CHUNK_LEN, Header, Layout, PLAINTEXT_LEN_MAX, TAG_LEN, TooLarge};
use crate::id::ObjectId;

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
    header: Header,
    /// Plaintext that may yet be part of the last chunk, so cannot be sealed: which chunk is the
    /// last stands in its nonce.
    pending: Zeroizing<Vec<u8>>,
    /// Number of the chunk that `pending` begins.
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
        let (header, cipher) = Header::new(key, salt);
        Self {
            cipher,
            hasher: blake3::Hasher::new(),
            header,
            pending: Zeroizing::new(Vec::with_capacity(CHUNK_LEN)),
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
    /// [`TooLarge`] when the content would go beyond [`PLAINTEXT_LEN_MAX`]; nothing of `plain` was
    /// taken, and the object is best given up.
    pub fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let len = self.plaintext_len.saturating_add(plain.len() as u64);
        if len > PLAINTEXT_LEN_MAX {
            return Err(TooLarge);
        }
        self.plaintext_len = len;
        self.absorb(plain, out);
        Ok(())
    }

    /// The content is complete; its padding follows, which for a long object may be many MiB. Then
    /// drain `out` between the steps of [`Closing`]; for a short one [`Sealer::finish`] will do.
    #[must_use]
    pub fn close(self) -> Closing {
        let layout = Layout::of_plaintext(self.plaintext_len)
            .expect("push keeps the content within the limit");
        Closing {
            padding: layout.padded_len() - layout.plaintext_len(),
            sealer: self,
        }
    }

    /// Completes the object: appends all the padding and the last chunk to `out`.
    #[must_use = "without the id the object cannot be found again"]
    pub fn finish(self, out: &mut Vec<u8>) -> Sealed {
        self.close().finish(out)
    }

    fn absorb(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        // "More than", not "as much as": a full chunk waits until it is known not to be the last.
        while self.pending.len() + plain.len() > full_chunk(self.index) {
            let (now, later) = plain.split_at(full_chunk(self.index) - self.pending.len());
            self.emit(now, false, out);
            plain = later;
        }
        self.pending.extend_from_slice(plain);
    }

    /// Seals `pending` and `more` as one chunk, in `out`, and hashes it while it is in the cache.
    fn emit(&mut self, more: &[u8], last: bool, out: &mut Vec<u8>) {
        out.reserve(CHUNK_LEN);
        let start = out.len();
        if self.index == 0 {
            out.extend_from_slice(self.header.as_bytes());
        }
        self.cipher
            .seal(self.index, last, (&self.pending, more), out);
        self.hasher.update(&out[start..]);
        self.file_len += (out.len() - start) as u64;
        self.index += 1;
        self.pending.clear();
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
        sealer.emit(&[], true, out);
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
        self.pending.capacity()
    }
}
