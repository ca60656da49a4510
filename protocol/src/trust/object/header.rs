//! The first 64 bytes of an object, and the keys that follow from them.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::OpenError;
use super::chunk::ChunkCipher;
use super::key::{DataKey, SALT_LEN, Salt};
use super::layout::{CHUNK_LEN, HEADER_LEN};

const MAGIC: [u8; 4] = *b"CMO1";
/// HKDF-SHA256, AES-256-GCM, BLAKE3.
const SUITE: u8 = 0x01;
const CHUNK_LOG2: u8 = 0x10;
const _: () = assert!(1 << CHUNK_LOG2 == CHUNK_LEN);
/// The part of the header that salts the key derivation; the commitment follows it. All of it
/// takes part, so that neither suite nor chunk size can be changed without changing the keys.
const SALTED_LEN: usize = 32;
const INFO: &[u8] = b"chartmesh/1/object";

/// A header whose fixed fields are those that this version knows. Holders without keys can read
/// this much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header([u8; HEADER_LEN]);

impl Header {
    /// The header of an object sealed under `key` and `salt`, and the cipher for its chunks.
    pub(super) fn new(key: &DataKey, salt: &Salt) -> (Self, ChunkCipher) {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = SUITE;
        bytes[5] = CHUNK_LOG2;
        bytes[8..SALTED_LEN].copy_from_slice(salt);
        let keys = Keys::derive(key, &bytes);
        bytes[SALTED_LEN..].copy_from_slice(keys.commitment());
        (Self(bytes), keys.cipher())
    }

    /// Checks the fixed fields.
    ///
    /// # Errors
    /// [`OpenError::BadMagic`], [`OpenError::UnknownSuite`], [`OpenError::UnknownChunkSize`] or
    /// [`OpenError::ReservedBits`], looked for in this order.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, OpenError> {
        if bytes[..4] != MAGIC {
            return Err(OpenError::BadMagic);
        }
        if bytes[4] != SUITE {
            return Err(OpenError::UnknownSuite(bytes[4]));
        }
        if bytes[5] != CHUNK_LOG2 {
            return Err(OpenError::UnknownChunkSize(bytes[5]));
        }
        match u16::from_be_bytes([bytes[6], bytes[7]]) {
            0 => Ok(Self(*bytes)),
            bits => Err(OpenError::ReservedBits(bits)),
        }
    }

    /// The cipher for the chunks, if `key` is the one that the header commits to.
    ///
    /// This comes before any decryption: a key that merely happens to authenticate some chunk
    /// must not count.
    pub(super) fn unlock(&self, key: &DataKey) -> Result<ChunkCipher, OpenError> {
        let keys = Keys::derive(key, &self.0);
        if bool::from(keys.commitment().ct_eq(&self.0[SALTED_LEN..])) {
            Ok(keys.cipher())
        } else {
            Err(OpenError::CommitmentMismatch)
        }
    }

    /// The header as it stands in the file.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HEADER_LEN] {
        &self.0
    }
}

const _: () = assert!(8 + SALT_LEN == SALTED_LEN);

/// What the data key expands to: the chunks' key, then the commitment.
pub(super) struct Keys(Zeroizing<[u8; 64]>);

impl Keys {
    #[cfg(not(feature = "stand-ins"))]
    pub(super) fn derive(key: &DataKey, header: &[u8; HEADER_LEN]) -> Self {
        let mut okm = Zeroizing::new([0; 64]);
        hkdf::Hkdf::<sha2::Sha256>::new(Some(&header[..SALTED_LEN]), key.expose())
            .expand(INFO, okm.as_mut_slice())
            .expect("64 bytes are far below HKDF-SHA256's limit of 8,160");
        Self(okm)
    }

    #[cfg(feature = "stand-ins")]
    pub(super) fn derive(key: &DataKey, header: &[u8; HEADER_LEN]) -> Self {
        let salted = [INFO, &header[..SALTED_LEN]].concat();
        Self(Zeroizing::new(crate::crypto::stand_in::object_keys(key.expose(), &salted)))
    }

    pub(super) fn aes_key(&self) -> &[u8; 32] {
        self.0.first_chunk().expect("64 bytes have a first 32")
    }

    fn commitment(&self) -> &[u8; 32] {
        self.0.last_chunk().expect("64 bytes have a last 32")
    }

    fn cipher(&self) -> ChunkCipher {
        ChunkCipher::new(self.aes_key())
    }
}
