//! The one suite: Ed25519 for origin, X-Wing through HPKE for secrecy between parties, HKDF-SHA256
//! for deriving keys, AES-256 key wrap for keys under keys. Sealing of objects is in [`crate::object`].
//!
//! There is no negotiation: a suite beside the strongest would only be a way down. Secrets wear
//! types that wipe themselves and print nothing.
//!
//! With the feature `stand-ins` all of it but HKDF is [replaced](crate::STAND_INS) by what protects
//! nothing.

mod chance;
#[cfg(not(feature = "stand-ins"))]
mod ed25519;
#[cfg(not(feature = "stand-ins"))]
mod gcm;
mod kem;
#[cfg(not(feature = "stand-ins"))]
mod key_wrap;
mod sealed;
mod secret;
mod signing;
#[cfg(feature = "stand-ins")]
pub(crate) mod stand_in;
mod wrapping;
#[cfg(not(feature = "stand-ins"))]
mod xwing;

pub use chance::random;
#[cfg(not(feature = "stand-ins"))]
pub(crate) use gcm::Cipher;
pub use kem::{KemPublic, KemSecret};
pub use sealed::{ENCAPPED_BYTES, KemError, WRAP_BYTES, WrapError};
pub use secret::Secret32;
pub use signing::{PublicKey, SigningKey};
#[cfg(feature = "stand-ins")]
pub(crate) use stand_in::Cipher;
pub use wrapping::{Wrap, WrappingKey};

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// HKDF-SHA256 extract (RFC 5869 section 2.2).
pub(crate) fn extract(salt: &[u8], ikm: &[u8]) -> Secret32 {
    let (prk, _) = Hkdf::<Sha256>::extract(Some(salt), ikm);
    Zeroizing::new(prk.into())
}

/// HKDF-SHA256 expand (RFC 5869 section 2.3) of an extracted key to 32 bytes.
pub(crate) fn expand(prk: &[u8; 32], info: &[&[u8]]) -> Secret32 {
    let mut okm = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::from_prk(prk)
        .expect("32 bytes are a whole SHA-256 key")
        .expand_multi_info(info, okm.as_mut())
        .expect("32 bytes are fewer than 255 hashes");
    okm
}
