//! One chunk: AES-256-GCM in place, under the nonce that fixes the chunk's number and whether it is
//! the last.

use super::{OpenError, TAG_LEN};
use crate::crypto::Cipher;

/// The cipher of one object's chunks. Wiped when dropped.
pub(super) struct ChunkCipher(Cipher);

impl ChunkCipher {
    pub(super) fn new(aes_key: &[u8; 32]) -> Self {
        Self(Cipher::new(aes_key))
    }

    /// Encrypts `body` where it stands and returns its tag.
    pub(super) fn seal(&self, index: u64, last: bool, body: &mut [u8]) -> [u8; TAG_LEN] {
        self.0.seal(&nonce(index, last), body)
    }

    /// Decrypts `sealed` (ciphertext and tag) where it stands and returns the plaintext. On an error
    /// `sealed` is as it was: the tag is checked before anything is decrypted.
    pub(super) fn open<'a>(
        &self,
        index: u64,
        last: bool,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let failed = OpenError::ChunkAuthentication(index);
        let (body, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(failed)?;
        if self.0.open(&nonce(index, last), body, tag) { Ok(body) } else { Err(failed) }
    }
}

/// The nonce of age's STREAM: an 11-byte big-endian counter, then 0x01 for the last chunk. Never
/// used twice under one key, since a key seals one object and the counter never returns.
fn nonce(index: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&index.to_be_bytes());
    nonce[11] = last.into();
    nonce
}
