//! Writing.

use super::DecodeError;
use ciborium_ll::Header;

/// Writes deterministic CBOR into memory.
#[derive(Default, Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
    unreadable: Option<DecodeError>,
}

impl Encoder {
    /// With room for `bytes`, so that secrets within it are not left behind by growing.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), unreadable: None }
    }

    fn push(&mut self, header: Header) {
        ciborium_ll::Encoder::from(&mut self.bytes)
            .push(header)
            .expect("writing to memory does not fail");
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        self.push(Header::Positive(value));
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.push(Header::Simple(if value {
            ciborium_ll::simple::TRUE
        } else {
            ciborium_ll::simple::FALSE
        }));
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.push(Header::Bytes(Some(value.len())));
        self.bytes.extend_from_slice(value);
    }

    /// A text string.
    pub fn text(&mut self, value: &str) {
        self.push(Header::Text(Some(value.len())));
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// The head of an array of `len` items, which follow.
    pub fn array(&mut self, len: usize) {
        self.push(Header::Array(Some(len)));
    }

    /// The head of a map of `len` pairs, which follow in ascending order of their keys.
    pub fn map(&mut self, len: usize) {
        self.push(Header::Map(Some(len)));
    }

    /// Bytes that are an encoding already.
    pub(crate) fn raw(&mut self, encoded: &[u8]) {
        self.bytes.extend_from_slice(encoded);
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Notes that a decoder would refuse what is written, and why.
    pub(crate) fn unreadable(&mut self, why: DecodeError) {
        self.unreadable.get_or_insert(why);
    }

    /// Notes it where there is more of something than a decoder takes.
    pub(crate) fn at_most(&mut self, limit: usize, found: usize, what: &'static str) {
        if found > limit {
            let (found, limit) = (found as u64, limit as u64);
            self.unreadable(DecodeError::TooMany { what, found, limit });
        }
    }

    /// What was written, if a decoder would read it.
    ///
    /// # Errors
    /// What the decoder would say.
    pub(crate) fn finish(self) -> Result<Vec<u8>, DecodeError> {
        match self.unreadable {
            Some(why) => Err(why),
            None => Ok(self.bytes),
        }
    }

    /// What a decoder would say to what is written so far.
    pub(crate) const fn why_unreadable(&self) -> Option<&DecodeError> {
        self.unreadable.as_ref()
    }
}
