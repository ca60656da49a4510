//! Deterministic CBOR (RFC 8949 section 4.2.1), and nothing but it.
//!
//! Everything that is signed or hashed must have exactly one encoding, so the decoder refuses what
//! another encoder could have written differently: integers and lengths in more bytes than needed,
//! indefinite lengths, map keys out of order or twice. It also refuses what no Chartmesh type uses:
//! floats, null, tags, nesting deeper than [`limits::DEPTH_MAX`], unknown map keys. Each cause has its
//! own [`DecodeError`].
//!
//! Structures are maps with unsigned integer keys, declared with [`wire_struct!`]; choices are
//! arrays `[variant]` or `[variant, body]`, declared with [`wire_enum!`]; plain codes are unsigned
//! integers, declared with [`wire_code!`]. Memory is bounded by the input: a decoder is given at
//! most `limit` bytes, and no length is believed before that many bytes are there.
//!
//! [`limits::DEPTH_MAX`]: crate::limits::DEPTH_MAX

mod decode;
mod encode;
mod types;

pub use decode::{DecodeError, Decoder};
pub use encode::Encoder;
pub use types::Bytes;
pub(crate) use types::{wire_code, wire_enum, wire_struct, wire_test};

/// A type with exactly one encoding.
pub trait Wire: Sized {
    /// Writes the one encoding of `self`.
    fn encode(&self, e: &mut Encoder);

    /// Reads a value.
    ///
    /// # Errors
    /// [`DecodeError`], one variant per cause.
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// The encoding as bytes.
    fn to_bytes(&self) -> Vec<u8> {
        // Most are a few hundred bytes: one piece of memory instead of six that grow.
        let mut e = Encoder::with_capacity(512);
        self.encode(&mut e);
        e.into_bytes()
    }

    /// [`Wire::to_bytes`], if a decoder reads them: what we make ourselves may be beyond a bound, too, and
    /// would be lost once it is kept or sent.
    ///
    /// # Errors
    /// What the decoder would say.
    fn to_readable_bytes(&self) -> Result<Vec<u8>, DecodeError> {
        let mut e = Encoder::with_capacity(512);
        self.encode(&mut e);
        e.finish()
    }

    /// Reads exactly one value from all of `bytes`, refusing more than `limit` bytes unread.
    ///
    /// # Errors
    /// [`DecodeError`], one variant per cause.
    fn from_bytes(bytes: &[u8], limit: usize) -> Result<Self, DecodeError> {
        let mut d = Decoder::new(bytes, limit)?;
        let value = Self::decode(&mut d)?;
        d.finish()?;
        Ok(value)
    }
}

/// A member of a [`wire_struct!`]: a [`Wire`] type, or an `Option` of one that is left out when
/// `None`.
pub trait Field: Sized {
    /// Whether the field is written.
    fn present(&self) -> bool;
    /// Writes the value.
    fn encode_field(&self, e: &mut Encoder);
    /// Reads the value.
    ///
    /// # Errors
    /// As [`Wire::decode`].
    fn decode_field(d: &mut Decoder<'_>) -> Result<Self, DecodeError>;
    /// What stands for a key that is not there.
    ///
    /// # Errors
    /// [`DecodeError::MissingKey`] unless the field is optional.
    fn absent(key: u64) -> Result<Self, DecodeError>;
}

impl<T: Wire> Field for T {
    fn present(&self) -> bool {
        true
    }
    fn encode_field(&self, e: &mut Encoder) {
        self.encode(e);
    }
    fn decode_field(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        T::decode(d)
    }
    fn absent(key: u64) -> Result<Self, DecodeError> {
        Err(DecodeError::MissingKey(key))
    }
}

impl<T: Wire> Field for Option<T> {
    fn present(&self) -> bool {
        self.is_some()
    }
    fn encode_field(&self, e: &mut Encoder) {
        if let Some(value) = self {
            value.encode(e);
        }
    }
    fn decode_field(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        T::decode(d).map(Some)
    }
    fn absent(_: u64) -> Result<Self, DecodeError> {
        Ok(None)
    }
}

#[cfg(test)]
pub(crate) mod property;
#[cfg(test)]
mod tests;

/// Fails the build when keys are not in ascending order.
pub(crate) const fn assert_ascending(keys: &[u64]) {
    let mut i = 1;
    while i < keys.len() {
        assert!(keys[i - 1] < keys[i], "declare wire keys in ascending order");
        i += 1;
    }
}
