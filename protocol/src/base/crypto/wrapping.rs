//! A key that wraps keys: what many keys have in common to whoever may have them all.

#[cfg(not(feature = "stand-ins"))]
use super::key_wrap as suite;
use super::sealed::{WRAP_BYTES, WrapError};
use super::secret::Secret32;
#[cfg(feature = "stand-ins")]
use super::stand_in as suite;
use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A key that wraps others by AES-256 key wrap (RFC 3394). Wipes itself; prints nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct WrappingKey([u8; 32]);

/// A key of 32 bytes, wrapped: 40 bytes. The same key wrapped again by the same one is the same.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct Wrap([u8; WRAP_BYTES]);

impl WrappingKey {
    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, for wrapping them in turn.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Wraps a key.
    #[must_use]
    pub fn wrap(&self, key: &[u8; 32]) -> Wrap {
        Wrap(suite::wrap(&self.0, key))
    }

    /// Unwraps a key. That it is the right one shows only where it is used: what is checked here are 64 bits.
    ///
    /// # Errors
    /// [`WrapError`].
    pub fn unwrap(&self, wrap: &Wrap) -> Result<Secret32, WrapError> {
        let mut key = Zeroizing::new([0; 32]);
        match suite::unwrap(&self.0, &wrap.0, &mut key) {
            true => Ok(key),
            false => Err(WrapError::NotByThisKey),
        }
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey")
    }
}

impl Wrap {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; WRAP_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrap")
    }
}

impl Wire for Wrap {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(&self.0);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        <[u8; WRAP_BYTES]>::decode(d).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "stand-ins"))]
    #[test]
    fn wraps_as_rfc_3394_section_4_6_does() {
        let bytes = |hex: &str| data_encoding::HEXUPPER.decode(hex.as_bytes()).unwrap();
        let kek = bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let key = bytes("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        let wrapped =
            WrappingKey::from_bytes(kek.try_into().unwrap()).wrap(&key.try_into().unwrap());
        assert_eq!(
            wrapped.0.to_vec(),
            bytes(
                "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
            )
        );
    }

    #[test]
    fn unwraps_with_its_key_alone_and_unaltered_alone() {
        let key = WrappingKey::from_bytes([1; 32]);
        let wrap = key.wrap(&[2; 32]);
        assert_eq!(*key.unwrap(&wrap).unwrap(), [2; 32]);
        assert_eq!(key.wrap(&[2; 32]), wrap);
        let other = WrappingKey::from_bytes([3; 32]);
        assert_eq!(other.unwrap(&wrap), Err(WrapError::NotByThisKey));
        for at in 0..WRAP_BYTES {
            let mut altered = wrap;
            altered.0[at] ^= 1;
            assert_eq!(key.unwrap(&altered), Err(WrapError::NotByThisKey), "byte {at}");
        }
    }
}
