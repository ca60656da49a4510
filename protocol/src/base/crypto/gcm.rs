//! AES-256-GCM, in place.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

/// Wiped when dropped.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Encrypts `body` where it stands and returns its tag.
    pub(crate) fn seal(&self, nonce: &[u8; 12], body: &mut [u8]) -> [u8; 16] {
        self.0
            .encrypt_inout_detached(nonce.into(), b"", body.into())
            .expect("a chunk is far below AES-GCM's limit of 64 GiB")
            .into()
    }

    /// Whether the tag is right; `body` is then decrypted, and otherwise as it was.
    pub(crate) fn open(&self, nonce: &[u8; 12], body: &mut [u8], tag: &[u8; 16]) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), b"", body.into(), tag.into()).is_ok()
    }
}
