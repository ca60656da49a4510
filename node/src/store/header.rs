//! The storage key, and the page in front of redb's file that tells whether it is the right one.

use std::fmt;

use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a [`StorageKey`].
pub const STORAGE_KEY_LEN: usize = 32;

/// Bytes in front of redb's file: one page, so that redb's pages stay aligned.
pub(super) const HEADER_LEN: u64 = PAGE as u64;
pub(super) const PAGE: usize = 4096;

/// Bytes of a store's salt.
pub(super) const SALT_LEN: usize = 32;

/// Bytes of the two AES-256 keys of XTS.
pub(super) const XTS_KEYS_LEN: usize = 64;

const MAGIC: &[u8; 8] = b"CMSTORE\n";
const VERSION: u16 = 2;

/// The header's fields: magic, version, six zeros, salt, key check, BLAKE3 of all before it; then
/// zeros to the end of the page.
mod field {
    use std::ops::Range;

    pub(super) const MAGIC: Range<usize> = 0..8;
    pub(super) const VERSION: Range<usize> = 8..10;
    pub(super) const SALT: Range<usize> = 16..48;
    pub(super) const KEY_CHECK: Range<usize> = 48..80;
    pub(super) const CHECKSUM: Range<usize> = 80..112;
}

const CONTEXT: &str = "chartmesh/1/store 2026: XTS keys and key check from storage key and salt";

/// The secret that a store is encrypted under: 32 random bytes, kept in the keystore.
#[derive(Clone)]
pub struct StorageKey(Zeroizing<[u8; STORAGE_KEY_LEN]>);

impl StorageKey {
    /// A new random key.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self(Zeroizing::new([0; STORAGE_KEY_LEN]));
        rng.fill_bytes(&mut *key.0);
        key
    }

    /// The key that these bytes are.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; STORAGE_KEY_LEN]>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the keystore and nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8; STORAGE_KEY_LEN] {
        &self.0
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey(..)")
    }
}

/// What [`check`] found wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("it does not begin as a store does")]
    Magic,
    #[error("version {0} is not known")]
    Version(u16),
    #[error("its header is altered")]
    Altered,
    #[error("the storage key does not fit")]
    WrongKey,
}

/// What a header says: what its store is encrypted under.
pub(super) struct Header {
    pub(super) xts: Zeroizing<[u8; XTS_KEYS_LEN]>,
    pub(super) salt: [u8; SALT_LEN],
}

/// A header with a fresh salt, and what belongs to it.
pub(super) fn new(key: &StorageKey, rng: &mut impl CryptoRng) -> (Vec<u8>, Header) {
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    let derived = derive(key, &salt);
    let mut page = vec![0; PAGE];
    page[field::MAGIC].copy_from_slice(MAGIC);
    page[field::VERSION].copy_from_slice(&VERSION.to_be_bytes());
    page[field::SALT].copy_from_slice(&salt);
    page[field::KEY_CHECK].copy_from_slice(&derived.check);
    let checksum = blake3::hash(&page[..field::CHECKSUM.start]);
    page[field::CHECKSUM].copy_from_slice(checksum.as_bytes());
    (page, Header { xts: derived.xts, salt })
}

/// What belongs to a store with this header.
///
/// The checksum is compared before the key, so that damage is never reported as a wrong key.
pub(super) fn check(page: &[u8], key: &StorageKey) -> Result<Header, HeaderError> {
    if page[field::MAGIC] != *MAGIC {
        return Err(HeaderError::Magic);
    }
    let version = u16::from_be_bytes([page[field::VERSION.start], page[field::VERSION.start + 1]]);
    if version != VERSION {
        return Err(HeaderError::Version(version));
    }
    let checksum = blake3::hash(&page[..field::CHECKSUM.start]);
    let padding_is_zero = page[field::CHECKSUM.end..].iter().all(|byte| *byte == 0)
        && page[field::VERSION.end..field::SALT.start] == [0; 6];
    if page[field::CHECKSUM] != *checksum.as_bytes() || !padding_is_zero {
        return Err(HeaderError::Altered);
    }
    let salt = page[field::SALT].try_into().expect("the field is 32 bytes long");
    let derived = derive(key, &salt);
    // `blake3::Hash` compares in constant time.
    let stored: [u8; 32] = page[field::KEY_CHECK].try_into().expect("the field is 32 bytes long");
    if blake3::Hash::from_bytes(stored) != blake3::Hash::from_bytes(derived.check) {
        return Err(HeaderError::WrongKey);
    }
    Ok(Header { xts: derived.xts, salt })
}

struct Derived {
    xts: Zeroizing<[u8; XTS_KEYS_LEN]>,
    check: [u8; 32],
}

fn derive(key: &StorageKey, salt: &[u8; SALT_LEN]) -> Derived {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(key.expose()).update(salt);
    let mut output = hasher.finalize_xof();
    hasher.zeroize();
    let mut derived = Derived { xts: Zeroizing::new([0; XTS_KEYS_LEN]), check: [0; 32] };
    output.fill(&mut *derived.xts);
    output.fill(&mut derived.check);
    output.zeroize();
    derived
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn key(byte: u8) -> StorageKey {
        StorageKey::from_bytes(Zeroizing::new([byte; STORAGE_KEY_LEN]))
    }

    #[test]
    fn a_header_gives_its_keys_back_to_the_right_key_only() {
        let (page, made) = new(&key(1), &mut StdRng::seed_from_u64(1));
        let read = check(&page, &key(1)).unwrap();
        assert_eq!((read.xts, read.salt), (made.xts, made.salt));
        assert_eq!(check(&page, &key(2)).err(), Some(HeaderError::WrongKey));
    }

    #[test]
    fn two_stores_under_one_key_have_different_xts_keys() {
        let mut rng = StdRng::seed_from_u64(2);
        assert_ne!(new(&key(1), &mut rng).1.xts, new(&key(1), &mut rng).1.xts);
    }

    #[test]
    fn every_altered_bit_of_the_header_is_noticed_and_never_called_a_wrong_key() {
        let (page, _) = new(&key(1), &mut StdRng::seed_from_u64(3));
        for byte in 0..page.len() {
            let mut altered = page.clone();
            altered[byte] ^= 0x10;
            let expected = match byte {
                0..8 => HeaderError::Magic,
                8..10 => HeaderError::Version(u16::from_be_bytes([altered[8], altered[9]])),
                _ => HeaderError::Altered,
            };
            assert_eq!(check(&altered, &key(1)).err(), Some(expected), "byte {byte}");
        }
    }

    #[test]
    fn a_storage_key_prints_nothing() {
        assert_eq!(format!("{:?}", key(7)), "StorageKey(..)");
    }
}
