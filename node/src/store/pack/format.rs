//! The bytes of a pack: its header, and sealed records.
//!
//! A record is its plaintext's length (4 bytes, big endian), its kind (1), and AES-256-GCM of the plaintext with its
//! tag behind it. The nonce is the record's place in the pack; length and kind are authenticated with it. Each pack has
//! a key of its own, from the storage key, the store's salt, the pack's number and the pack's salt, and no place in a
//! pack is ever written twice under it.

use std::fmt;

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use rand_core::CryptoRng;
use zeroize::{Zeroize as _, Zeroizing};

use crate::store::header::{SALT_LEN, StorageKey};

/// Bytes of the header, and what groups are aligned to: what is appended never touches a page that holds what was
/// acknowledged.
pub(in crate::store) const PAGE: usize = 4096;
pub(in crate::store) const PAGE_LEN: u64 = PAGE as u64;

/// Length and kind.
pub(in crate::store) const HEAD_LEN: usize = 5;
pub(in crate::store) const TAG_LEN: usize = 16;

const MAGIC: &[u8; 8] = b"CMPACK\n\0";
const VERSION: u16 = 1;
const CONTEXT: &str = "chartmesh/1/pack 2026: record key and header key from storage key and salts";

/// The header's fields: magic, version, six zeros, the pack's number, the number of its first group, salt, and BLAKE3
/// of all before it under a key that only the right storage key makes; then zeros to the end of the page.
mod field {
    use std::ops::Range;

    pub(super) const MAGIC: Range<usize> = 0..8;
    pub(super) const VERSION: Range<usize> = 8..10;
    pub(super) const ZEROS: Range<usize> = 10..16;
    pub(super) const NUMBER: Range<usize> = 16..24;
    pub(super) const FIRST: Range<usize> = 24..32;
    pub(super) const SALT: Range<usize> = 32..64;
    pub(super) const CHECK: Range<usize> = 64..96;
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    /// The beginning of a group.
    Head = 1,
    /// A value.
    Body = 2,
    /// The end of a group: all else that it sets.
    Rows = 3,
    /// A value that was there, and was overwritten with zeros.
    Erased = 4,
    /// The end of a group, overwritten likewise once redb had it.
    Scrubbed = 5,
}

impl Kind {
    pub(super) const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Head),
            2 => Some(Self::Body),
            3 => Some(Self::Rows),
            4 => Some(Self::Erased),
            5 => Some(Self::Scrubbed),
            _ => None,
        }
    }
}

/// What the keys of a store's packs come from.
#[derive(Clone)]
pub(in crate::store) struct Secret {
    key: StorageKey,
    store: [u8; SALT_LEN],
}

impl Secret {
    pub(in crate::store) fn new(key: &StorageKey, store: [u8; SALT_LEN]) -> Self {
        Self { key: key.clone(), store }
    }

    fn derive(&self, salt: &[u8], number: u64) -> (Cipher, Zeroizing<[u8; 32]>) {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(self.key.expose()).update(&self.store).update(salt);
        hasher.update(&number.to_be_bytes());
        let mut output = hasher.finalize_xof();
        hasher.zeroize();
        let (mut records, mut header) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        output.fill(&mut *records);
        output.fill(&mut *header);
        output.zeroize();
        (Cipher(Aes256Gcm::new((&*records).into())), header)
    }
}

/// Why a pack's header is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum HeaderError {
    #[error("it does not begin as a pack does")]
    Magic,
    #[error("its version {0} is not known")]
    Version(u16),
    #[error("its header is altered, or of another store")]
    Altered,
}

/// The header of a new pack, and its cipher.
pub(in crate::store) fn begin(
    secret: &Secret,
    number: u64,
    first: u64,
    rng: &mut impl CryptoRng,
) -> (Vec<u8>, Cipher) {
    let mut page = vec![0; PAGE];
    page[field::MAGIC].copy_from_slice(MAGIC);
    page[field::VERSION].copy_from_slice(&VERSION.to_be_bytes());
    page[field::NUMBER].copy_from_slice(&number.to_be_bytes());
    page[field::FIRST].copy_from_slice(&first.to_be_bytes());
    rng.fill_bytes(&mut page[field::SALT]);
    let (cipher, key) = secret.derive(&page[field::SALT], number);
    let check = blake3::keyed_hash(&key, &page[..field::CHECK.start]);
    page[field::CHECK].copy_from_slice(check.as_bytes());
    (page, cipher)
}

/// The number of a pack's first group, and its cipher.
pub(in crate::store) fn check(
    secret: &Secret,
    number: u64,
    page: &[u8; PAGE],
) -> Result<(u64, Cipher), HeaderError> {
    if page[field::MAGIC] != *MAGIC {
        return Err(HeaderError::Magic);
    }
    let version = u16::from_be_bytes([page[field::VERSION.start], page[field::VERSION.start + 1]]);
    if version != VERSION {
        return Err(HeaderError::Version(version));
    }
    let (cipher, key) = secret.derive(&page[field::SALT], number);
    let check = blake3::keyed_hash(&key, &page[..field::CHECK.start]);
    let stored: [u8; 32] = page[field::CHECK].try_into().expect("the field is 32 bytes long");
    let zeros = page[field::CHECK.end..].iter().chain(&page[field::ZEROS]);
    let numbered = page[field::NUMBER] == number.to_be_bytes();
    // `blake3::Hash` compares in constant time.
    if check != blake3::Hash::from_bytes(stored)
        || !numbered
        || zeros.copied().any(|byte| byte != 0)
    {
        return Err(HeaderError::Altered);
    }
    let first = page[field::FIRST].try_into().expect("the field is 8 bytes long");
    Ok((u64::from_be_bytes(first), cipher))
}

/// The cipher of one pack's records.
pub(in crate::store) struct Cipher(Aes256Gcm);

impl Cipher {
    /// Seals the record that begins at `start` of `out`, whose plaintext is there behind room for its head; `out`
    /// begins at `base` of the pack.
    pub(super) fn seal(&self, out: &mut Vec<u8>, start: usize, base: u64, kind: Kind) {
        let len = u32::try_from(out.len() - start - HEAD_LEN).expect("a group is below 4 GiB");
        let (head, body) = out[start..].split_at_mut(HEAD_LEN);
        head[..4].copy_from_slice(&len.to_be_bytes());
        head[4] = kind as u8;
        let nonce = nonce(base + start as u64);
        let tag = self.0.encrypt_inout_detached((&nonce).into(), head, body.into());
        out.extend_from_slice(&tag.expect("a record is far below AES-GCM's limit of 64 GiB"));
    }

    /// Opens a record at `at` of the pack, head and tag included, in place; gives its plaintext.
    pub(super) fn open<'a>(&self, at: u64, record: &'a mut [u8]) -> Option<&'a [u8]> {
        let (head, rest) = record.split_at_mut_checked(HEAD_LEN)?;
        let (body, tag) = rest.split_at_mut_checked(rest.len().checked_sub(TAG_LEN)?)?;
        let tag: &[u8; TAG_LEN] = (&*tag).try_into().ok()?;
        let opened = self.0.decrypt_inout_detached(
            (&nonce(at)).into(),
            head,
            (&mut *body).into(),
            tag.into(),
        );
        opened.ok().map(|()| &*body)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

fn nonce(at: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&at.to_be_bytes());
    nonce
}

/// The length of the plaintext of a record that begins so, and its kind; none where no record is.
pub(super) fn head(bytes: &[u8]) -> Option<(usize, Kind)> {
    let head: &[u8; HEAD_LEN] = bytes.first_chunk()?;
    let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    Some((usize::try_from(len).ok()?, Kind::of(head[4])?))
}

/// Bytes of a record with so long a plaintext.
pub(in crate::store) const fn record_len(plaintext: usize) -> usize {
    HEAD_LEN + plaintext + TAG_LEN
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::new(&StorageKey::from_bytes(Zeroizing::new([byte; 32])), [byte; SALT_LEN])
    }

    fn page(bytes: &[u8]) -> &[u8; PAGE] {
        bytes.try_into().unwrap()
    }

    #[test]
    fn a_header_is_taken_under_its_own_number_by_its_own_store_only() {
        let (bytes, _) = begin(&secret(1), 7, 99, &mut StdRng::seed_from_u64(1));
        assert_eq!(check(&secret(1), 7, page(&bytes)).unwrap().0, 99);
        assert_eq!(check(&secret(1), 8, page(&bytes)).unwrap_err(), HeaderError::Altered);
        assert_eq!(check(&secret(2), 7, page(&bytes)).unwrap_err(), HeaderError::Altered);
    }

    #[test]
    fn every_altered_bit_of_a_header_is_noticed() {
        let (bytes, _) = begin(&secret(1), 7, 99, &mut StdRng::seed_from_u64(2));
        for byte in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[byte] ^= 0x10;
            assert!(check(&secret(1), 7, page(&altered)).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn a_record_is_opened_where_it_was_sealed_and_nowhere_else_and_no_bit_of_it_can_be_altered() {
        let (_, cipher) = begin(&secret(1), 7, 1, &mut StdRng::seed_from_u64(3));
        let mut out = vec![0; HEAD_LEN];
        out.extend(b"a value");
        cipher.seal(&mut out, 0, 8192, Kind::Body);
        assert_eq!(head(&out).unwrap(), (7, Kind::Body));
        assert_eq!(cipher.open(8192, &mut out.clone()).unwrap(), b"a value");
        assert!(cipher.open(8193, &mut out.clone()).is_none());
        for byte in 0..out.len() {
            let mut altered = out.clone();
            altered[byte] ^= 1;
            assert!(cipher.open(8192, &mut altered).is_none(), "byte {byte}");
        }
        let (_, other) = begin(&secret(1), 7, 1, &mut StdRng::seed_from_u64(4));
        assert!(other.open(8192, &mut out).is_none(), "another salt");
    }
}
