//! A small secret sealed under a passphrase or a raw key.
//!
//! ```text
//! 0   4 bytes   magic `CMKB`
//! 4   1         version, 1
//! 5   1         lock: 1 a passphrase by Argon2id (version 0x13), 2 a raw 32-byte key
//! 6   1         Argon2 passes      \
//! 7   1         Argon2 lanes        > zero for a raw key
//! 8   4         Argon2 memory, KiB /
//! 12  32        salt
//! 44  32        key commitment
//! 76  4         length of the plaintext, at most 65,536
//! 80  ...       AES-256-GCM ciphertext and 16-byte tag; associated data: bytes 0 to 80, then the
//!               caller's
//!     32        BLAKE3 of all bytes before
//! ```
//!
//! Numbers are big-endian. Argon2id, or for a raw key BLAKE3's key derivation over key and salt,
//! yields 64 bytes: the AES key and the commitment. Each box has a fresh random salt, hence a key
//! of its own, hence the nonce is twelve zeros (as in age). The commitment tells a wrong key before
//! any decryption, and that only one key fits; the checksum tells damage from a wrong passphrase,
//! so that nobody types on at a broken disk. The checksum protects against nothing else: that is
//! the tag's work.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::limits::PLAINTEXT_BYTES_MAX;
use super::unlock::{Argon2Cost, Lock, Passphrase};

const MAGIC: &[u8; 4] = b"CMKB";
const VERSION: u8 = 1;
const LOCK_PASSPHRASE: u8 = 1;
const LOCK_KEY: u8 = 2;

const SALT_LEN: usize = 32;
const HEADER_LEN: usize = 80;
const TAG_LEN: usize = 16;
const CHECKSUM_LEN: usize = 32;

const CONTEXT: &str = "chartmesh/1/keystore 2026: AES key and commitment from raw key and salt";

/// The length of the box around so many bytes.
pub(super) const fn sealed_len(plaintext_len: usize) -> usize {
    HEADER_LEN + plaintext_len + TAG_LEN + CHECKSUM_LEN
}

/// Seals `plaintext` so that only `passphrase` together with the same `aad` opens it.
///
/// # Errors
/// [`BoxError::TooLong`] beyond [`PLAINTEXT_BYTES_MAX`].
pub fn seal_with_passphrase(
    passphrase: &Passphrase,
    plaintext: &[u8],
    aad: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BoxError> {
    seal(&Lock::Passphrase(passphrase), plaintext, aad, rng)
}

/// Opens what [`seal_with_passphrase`] made. The cost of `passphrase` does not matter here.
///
/// # Errors
/// See [`BoxError`]; [`BoxError::WrongPassphrase`] is never told of a damaged box.
pub fn open_with_passphrase(
    passphrase: &Passphrase,
    sealed: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BoxError> {
    open(&Lock::Passphrase(passphrase), sealed, aad)
}

pub(super) fn seal(
    lock: &Lock<'_>,
    plaintext: &[u8],
    aad: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BoxError> {
    if plaintext.len() > PLAINTEXT_BYTES_MAX {
        return Err(BoxError::TooLong);
    }
    let len = u32::try_from(plaintext.len()).expect("the limit is below 4 GiB");
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    let cost = match lock {
        Lock::Passphrase(passphrase) => Some(passphrase.cost()),
        Lock::Key(_) => None,
    };
    let derived = derive(lock, cost, &salt);

    let mut sealed = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN + CHECKSUM_LEN);
    sealed.extend(MAGIC);
    sealed.push(VERSION);
    match cost {
        Some(cost) => {
            sealed.extend([LOCK_PASSPHRASE, cost.passes, cost.lanes]);
            sealed.extend(cost.memory_kib.to_be_bytes());
        }
        None => sealed.extend([LOCK_KEY, 0, 0, 0, 0, 0, 0]),
    }
    sealed.extend(salt);
    sealed.extend(derived.commitment());
    sealed.extend(len.to_be_bytes());
    debug_assert_eq!(sealed.len(), HEADER_LEN);

    let aad = [&sealed, aad].concat();
    let payload = Payload { msg: plaintext, aad: &aad };
    let ciphertext = derived.cipher().encrypt(&Nonce::default(), payload);
    sealed.extend(ciphertext.expect("AES-GCM takes 64 GiB, and the limit is far below"));
    let checksum = blake3::hash(&sealed);
    sealed.extend(checksum.as_bytes());
    Ok(sealed)
}

pub(super) fn open(
    lock: &Lock<'_>,
    sealed: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BoxError> {
    let parsed = Parsed::from_bytes(sealed)?;
    match (lock, parsed.cost) {
        (Lock::Key(_), Some(_)) => return Err(BoxError::NeedsPassphrase),
        (Lock::Passphrase(_), None) => return Err(BoxError::NeedsKey),
        _ => {}
    }
    let derived = derive(lock, parsed.cost, parsed.salt);
    // `blake3::Hash` compares in constant time.
    if blake3::Hash::from_bytes(*parsed.commitment)
        != blake3::Hash::from_bytes(derived.commitment())
    {
        return Err(match lock {
            Lock::Passphrase(_) => BoxError::WrongPassphrase,
            Lock::Key(_) => BoxError::WrongKey,
        });
    }
    let aad = [parsed.header, aad].concat();
    let payload = Payload { msg: parsed.ciphertext, aad: &aad };
    let plaintext = derived.cipher().decrypt(&Nonce::default(), payload);
    plaintext.map(Zeroizing::new).map_err(|_| BoxError::NotForThis)
}

/// A box whose every byte is where it should be, not opened yet.
struct Parsed<'a> {
    header: &'a [u8],
    /// None for a raw key.
    cost: Option<Argon2Cost>,
    salt: &'a [u8; SALT_LEN],
    commitment: &'a [u8; 32],
    ciphertext: &'a [u8],
}

impl<'a> Parsed<'a> {
    fn from_bytes(sealed: &'a [u8]) -> Result<Self, BoxError> {
        let (magic, rest) = sealed.split_at(sealed.len().min(MAGIC.len()));
        if !MAGIC.starts_with(magic) {
            return Err(BoxError::NotABox);
        }
        match rest.first() {
            None => return Err(BoxError::Truncated),
            Some(&VERSION) => {}
            Some(&other) => return Err(BoxError::Version(other)),
        }
        let (header, body) = sealed.split_first_chunk::<HEADER_LEN>().ok_or(BoxError::Truncated)?;
        let len = u32::from_be_bytes(*part(header, 76));
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > PLAINTEXT_BYTES_MAX {
            return Err(BoxError::Damaged);
        }
        if body.len() < len + TAG_LEN + CHECKSUM_LEN {
            return Err(BoxError::Truncated);
        }
        // This takes bytes after the end for damage as well.
        let (covered, checksum) =
            sealed.split_last_chunk::<CHECKSUM_LEN>().ok_or(BoxError::Truncated)?;
        if body.len() != len + TAG_LEN + CHECKSUM_LEN || blake3::hash(covered) != *checksum {
            return Err(BoxError::Damaged);
        }
        let [lock, passes, lanes] = *part(header, 5);
        let memory_kib = u32::from_be_bytes(*part(header, 8));
        let cost = match (lock, passes, lanes, memory_kib) {
            (LOCK_KEY, 0, 0, 0) => None,
            (LOCK_PASSPHRASE, ..) => {
                let cost = Argon2Cost::new(memory_kib, passes, lanes);
                Some(cost.ok_or(BoxError::Unsupported)?)
            }
            _ => return Err(BoxError::Unsupported),
        };
        Ok(Self {
            header,
            cost,
            salt: part(header, 12),
            commitment: part(header, 44),
            ciphertext: &body[..len + TAG_LEN],
        })
    }
}

fn part<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> &[u8; N] {
    header[at..].first_chunk().expect("the fields lie within the header")
}

/// AES key and commitment.
struct Derived(Zeroizing<[u8; 64]>);

impl Derived {
    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(&self.0[..32]).expect("an AES-256 key is 32 bytes")
    }

    fn commitment(&self) -> [u8; 32] {
        self.0[32..].try_into().expect("the other half is 32 bytes")
    }
}

/// `cost` is that of the box; it is there when `lock` is a passphrase.
fn derive(lock: &Lock<'_>, cost: Option<Argon2Cost>, salt: &[u8; SALT_LEN]) -> Derived {
    let mut derived = Zeroizing::new([0; 64]);
    match lock {
        Lock::Passphrase(passphrase) => {
            let cost = cost.unwrap_or(passphrase.cost());
            let (passes, lanes) = (cost.passes.into(), cost.lanes.into());
            let params = Params::new(cost.memory_kib, passes, lanes, Some(64))
                .expect("`Argon2Cost` holds only what Argon2 allows");
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(passphrase.bytes(), salt, &mut *derived)
                .expect("a passphrase is shorter than 4 GiB");
        }
        Lock::Key(key) => {
            let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
            hasher.update(&**key).update(salt);
            let mut output = hasher.finalize_xof();
            output.fill(&mut *derived);
            hasher.zeroize();
            output.zeroize();
        }
    }
    Derived(derived)
}

/// Why a box was not made or does not open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoxError {
    /// More than [`PLAINTEXT_BYTES_MAX`] bytes to seal.
    #[error(
        "more than {PLAINTEXT_BYTES_MAX} bytes cannot be sealed; this is for keys, keep data elsewhere"
    )]
    TooLong,
    /// It does not begin as a box does.
    #[error("this is no sealed file of Chartmesh; check the path")]
    NotABox,
    /// A newer program made it.
    #[error("version {0} is not known to this program; use the newer program that made it")]
    Version(u8),
    /// It ends too early.
    #[error("the end is missing; restore it from a backup")]
    Truncated,
    /// Some byte is not what was written.
    #[error("it is damaged; restore it from a backup, and check the disk")]
    Damaged,
    /// A way of locking that this program does not know, or one too dear to compute.
    #[error(
        "it is locked in a way that this program does not take on; use the program that made it"
    )]
    Unsupported,
    /// It was sealed under a passphrase, and a key was given.
    #[error("it is locked with a passphrase; give that in place of a key file or credential")]
    NeedsPassphrase,
    /// It was sealed under a key, and a passphrase was given.
    #[error("it is locked with a key file or credential; give that in place of a passphrase")]
    NeedsKey,
    /// Another passphrase opens it.
    #[error("the passphrase is wrong; try again, capital letters and spaces count")]
    WrongPassphrase,
    /// Another key opens it.
    #[error("the key file or credential is not the one it was locked with; look for that one")]
    WrongKey,
    /// The key is right, and the box was made for another place, or forged by someone who could
    /// mend the checksum.
    #[error("it was sealed for another place, or somebody altered it; restore it from a backup")]
    NotForThis,
}
