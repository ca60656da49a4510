//! The key of one object, and the salt that stands in its header.

use core::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of the salt in bytes.
pub const SALT_LEN: usize = 24;

/// The public random part of an object's header.
pub type Salt = [u8; SALT_LEN];

/// The key of one object: 32 random bytes, wiped when dropped, never printed.
///
/// One key seals one object. A sealing that is tried again takes a new key, since the content may
/// have changed in between.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; Self::LEN]);

impl DataKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// A new key.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self([0; Self::LEN]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The key that an opened wrap or manifest gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The secret bytes, for a wrap or a manifest that is itself sealed, and for nothing else.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl PartialEq for DataKey {
    /// Takes the same time wherever the keys differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for DataKey {}

/// A new salt.
#[must_use]
pub fn fresh_salt(rng: &mut (impl CryptoRng + ?Sized)) -> Salt {
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    salt
}
