//! One chunk: AES-256-GCM under the nonce that fixes the chunk's number and whether it is
//! the last.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};

use super::{OpenError, TAG_LEN};

/// The cipher of one object's chunks. Wiped when dropped.
pub(super) struct ChunkCipher(Aes256Gcm);

impl ChunkCipher {
    pub(super) fn new(aes_key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(aes_key.into()))
    }

    /// Appends the ciphertext and tag of `before` and `after`, laid end to end, to `out`.
    pub(super) fn seal(
        &self,
        index: u64,
        last: bool,
        (before, after): (&[u8], &[u8]),
        out: &mut Vec<u8>,
    ) {
        let len = before.len() + after.len();
        // Reserved before any plaintext is put there: growing later would leave a copy of it behind
        // in freed memory.
        out.reserve(len + TAG_LEN);
        let start = out.len();
        let plain = if before.is_empty() { after } else { before };
        let tag = if plain.len() == len {
            // Encrypted on the way from here to there; copying first costs a tenth of the speed.
            out.resize(start + len, 0);
            let body = InOutBuf::new(plain, &mut out[start..]).expect("just made equally long");
            self.0
                .encrypt_inout_detached(&nonce(index, last), b"", body)
        } else {
            out.extend_from_slice(before);
            out.extend_from_slice(after);
            let body = (&mut out[start..]).into();
            self.0
                .encrypt_inout_detached(&nonce(index, last), b"", body)
        };
        out.extend_from_slice(&tag.expect("a chunk is far below AES-GCM's limit of 64 GiB"));
    }

    /// Appends the plaintext of `sealed` (ciphertext and tag) to `out`, or leaves `out` as it was.
    pub(super) fn open(
        &self,
        index: u64,
        last: bool,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let failed = OpenError::ChunkAuthentication(index);
        let (body, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(failed)?;
        let start = out.len();
        out.resize(start + body.len(), 0);
        let body = InOutBuf::new(body, &mut out[start..]).expect("just made equally long");
        // The tag is checked before anything is decrypted.
        self.0
            .decrypt_inout_detached(&nonce(index, last), b"", body, &Tag::from(*tag))
            .map_err(|_| {
                out.truncate(start);
                failed
            })
    }
}

/// The nonce of age's STREAM: an 11-byte big-endian counter, then 0x01 for the last chunk. Never
/// used twice under one key, since a key seals one object and the counter never returns.
fn nonce(index: u64, last: bool) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&index.to_be_bytes());
    nonce[11] = last.into();
    nonce.into()
}
