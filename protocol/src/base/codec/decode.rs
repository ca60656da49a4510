//! Reading, strictly.

use crate::limits;
use ciborium_ll::{Header, simple};

/// Why bytes are not a value. One cause, one variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than this kind of value may have; nothing was read.
    #[error("{len} bytes where at most {limit} are allowed")]
    TooLarge {
        /// Bytes offered.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes end within a value.
    #[error("the bytes end within a value")]
    Truncated,
    /// The value is whole, but more bytes follow.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// The bytes are not CBOR.
    #[error("not CBOR at byte {0}")]
    Syntax(usize),
    /// An integer or length in more bytes than needed.
    #[error("an integer or length takes more bytes than it needs, at byte {0}")]
    NotShortest(usize),
    /// An indefinite length.
    #[error("an indefinite length at byte {0}")]
    Indefinite(usize),
    /// The key stands twice in one map.
    #[error("map key {0} stands twice")]
    DuplicateKey(u64),
    /// The key stands after a larger one.
    #[error("map key {0} stands after a larger one")]
    UnsortedKey(u64),
    /// The key is not one of this structure's; what it would mean cannot be ignored.
    #[error("unknown map key {0}")]
    UnknownKey(u64),
    /// The structure needs this key.
    #[error("map key {0} is missing")]
    MissingKey(u64),
    /// The variant or code is not one of this type's.
    #[error("unknown {what} {code}")]
    UnknownVariant {
        /// The type.
        what: &'static str,
        /// The code found.
        code: u64,
    },
    /// A value of another CBOR type.
    #[error("expected {expected} at byte {at}")]
    WrongType {
        /// What stands there in a good value.
        expected: &'static str,
        /// Where.
        at: usize,
    },
    /// A fixed-length byte string of another length.
    #[error("{found} bytes where {expected} belong")]
    WrongLength {
        /// Bytes in a good value.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A list, text or number above its bound.
    #[error("{found} {what} where at most {limit} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// Found.
        found: u64,
        /// Allowed.
        limit: u64,
    },
    /// Nesting deeper than the bound.
    #[error("nested deeper than {}", limits::DEPTH_MAX)]
    TooDeep,
    /// A text string that is not UTF-8.
    #[error("text that is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// A value that its type excludes.
    #[error("{0}")]
    Invalid(&'static str),
}

impl DecodeError {
    /// What is wrong, by its name, such as `NotShortest`: vectors and refusals have it, not the sentence.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{self:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
    }
}

/// Reads deterministic CBOR from memory.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Decoder<'a> {
    /// Reads from `bytes`.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] when there are more than `limit`.
    pub const fn new(bytes: &'a [u8], limit: usize) -> Result<Self, DecodeError> {
        if bytes.len() > limit {
            return Err(DecodeError::TooLarge { len: bytes.len(), limit });
        }
        Ok(Self { bytes, at: 0, depth: 0 })
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// # Errors
    /// [`DecodeError::Trailing`] when bytes are left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(DecodeError::Trailing(left)),
        }
    }

    /// The next header, proven to be in its shortest form.
    fn header(&mut self) -> Result<Header, DecodeError> {
        let start = self.at;
        let mut decoder = ciborium_ll::Decoder::from(&self.bytes[start..]);
        let header = decoder.pull().map_err(|error| match error {
            ciborium_ll::Error::Io(_) => DecodeError::Truncated,
            ciborium_ll::Error::Syntax(_) => DecodeError::Syntax(start),
        })?;
        let used = decoder.offset();
        let shortest = match header {
            Header::Positive(n) | Header::Negative(n) | Header::Tag(n) => head_len(n),
            Header::Bytes(Some(n))
            | Header::Text(Some(n))
            | Header::Array(Some(n))
            | Header::Map(Some(n)) => head_len(n as u64),
            Header::Bytes(None) | Header::Text(None) | Header::Array(None) | Header::Map(None) => {
                return Err(DecodeError::Indefinite(start));
            }
            // ciborium reads simple values below 32 from two bytes, too.
            Header::Simple(n) => head_len(u64::from(n)),
            Header::Float(_) | Header::Break => used,
        };
        if used != shortest {
            return Err(DecodeError::NotShortest(start));
        }
        self.at += used;
        Ok(header)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(len).ok_or(DecodeError::Truncated)?;
        let slice = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated)?;
        self.at = end;
        Ok(slice)
    }

    const fn wrong(at: usize, expected: &'static str) -> DecodeError {
        DecodeError::WrongType { expected, at }
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        let at = self.at;
        match self.header()? {
            Header::Positive(value) => Ok(value),
            _ => Err(Self::wrong(at, "an unsigned integer")),
        }
    }

    /// A truth value.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        let at = self.at;
        match self.header()? {
            Header::Simple(simple::TRUE) => Ok(true),
            Header::Simple(simple::FALSE) => Ok(false),
            _ => Err(Self::wrong(at, "true or false")),
        }
    }

    /// A byte string, borrowed from the input.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let at = self.at;
        match self.header()? {
            Header::Bytes(Some(len)) => self.take(len),
            _ => Err(Self::wrong(at, "a byte string")),
        }
    }

    /// A text string, borrowed from the input.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let at = self.at;
        match self.header()? {
            Header::Text(Some(len)) => {
                core::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::NotUtf8(at))
            }
            _ => Err(Self::wrong(at, "a text string")),
        }
    }

    const fn enter(&mut self) -> Result<(), DecodeError> {
        if self.depth == limits::DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    /// The head of an array; call [`Decoder::leave`] after its items.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn array(&mut self) -> Result<usize, DecodeError> {
        let at = self.at;
        match self.header()? {
            Header::Array(Some(len)) => {
                self.enter()?;
                // Each item takes a byte at least, so a longer array cannot be whole.
                if len > self.bytes.len() - self.at {
                    return Err(DecodeError::Truncated);
                }
                Ok(len)
            }
            _ => Err(Self::wrong(at, "an array")),
        }
    }

    /// The head of a map; call [`Decoder::leave`] after its pairs.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn map(&mut self) -> Result<usize, DecodeError> {
        let at = self.at;
        match self.header()? {
            Header::Map(Some(len)) => {
                self.enter()?;
                if len > (self.bytes.len() - self.at) / 2 {
                    return Err(DecodeError::Truncated);
                }
                Ok(len)
            }
            _ => Err(Self::wrong(at, "a map")),
        }
    }

    /// Ends an array or a map.
    pub const fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The next key of a map, given the one before it.
    ///
    /// # Errors
    /// [`DecodeError::DuplicateKey`], [`DecodeError::UnsortedKey`] and the errors of
    /// [`Decoder::uint`].
    pub fn key(&mut self, before: Option<u64>) -> Result<u64, DecodeError> {
        let key = self.uint()?;
        match before {
            Some(last) if last == key => Err(DecodeError::DuplicateKey(key)),
            Some(last) if last > key => Err(DecodeError::UnsortedKey(key)),
            _ => Ok(key),
        }
    }
}

/// Bytes of the shortest head that carries `n`.
const fn head_len(n: u64) -> usize {
    match n {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}
