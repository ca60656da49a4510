//! What every wire type is held to, and how a value of each is made from arbitrary bytes.
//!
//! [`wire_struct!`], [`wire_enum!`] and [`wire_code!`] declare a test named as the type, so that no
//! type can be added without it.
//!
//! [`wire_struct!`]: super::wire_struct
//! [`wire_enum!`]: super::wire_enum
//! [`wire_code!`]: super::wire_code

use super::{DecodeError, Wire};
use crate::capability::{Chain, Operation, Operations, Scope, Set, Token};
use crate::crypto::SigningKey;
use crate::limits;
use crate::statement::{Signed, Statement, Unverified};
use arbitrary::{Arbitrary, Result, Unstructured};
use proptest::prelude::*;
use proptest::sample::Index;

/// What is tried of a type, by pointers: so the library that makes and shrinks cases is compiled once, and not for each of
/// some two hundred types, which took most of what these tests took to build.
#[derive(Clone, Copy)]
struct Tried {
    /// A value made from bytes, encoded.
    encoded: fn(&[u8]) -> Vec<u8>,
    /// The same, where the encoding is within what a reader reads.
    readable: fn(&[u8]) -> Option<Vec<u8>>,
    /// Reads bytes up to a limit, and encodes what was read.
    again: fn(&[u8], usize) -> Result<Vec<u8>, DecodeError>,
}

impl Tried {
    fn of<T: Wire + for<'a> Arbitrary<'a>>() -> Self {
        fn made<T: for<'a> Arbitrary<'a>>(seed: &[u8]) -> T {
            T::arbitrary(&mut Unstructured::new(seed)).expect("any bytes make a value")
        }
        Self {
            encoded: |seed| made::<T>(seed).to_bytes(),
            readable: |seed| made::<T>(seed).to_readable_bytes().ok(),
            again: |bytes, limit| T::from_bytes(bytes, limit).map(|read| read.to_bytes()),
        }
    }
}

/// What every wire type is held to.
pub(crate) fn holds<T: Wire + for<'a> Arbitrary<'a>>() {
    has_one_encoding(Tried::of::<T>());
    what_is_readable_is_read(Tried::of::<T>());
}

/// What is written is read back, in one way only: shorter, longer and larger than allowed are each
/// refused for what they are, and whatever altered bytes still read is written as it was read.
fn has_one_encoding(tried: Tried) {
    // Enough for every field of the largest type, and below every limit on bytes.
    let seed = prop::collection::vec(any::<u8>(), 0..1024);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
    proptest!(config, |(seed in seed, cut: Index, at: Index, flip in 1u8..)| {
        let mut bytes = (tried.encoded)(&seed);
        let again = (tried.again)(&bytes, bytes.len()).expect("what is written is read");
        prop_assert_eq!(&again, &bytes);

        let shorter = (tried.again)(&bytes[..cut.index(bytes.len())], bytes.len());
        prop_assert!(shorter.is_err(), "a truncated value was read");
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!((tried.again)(&longer, longer.len()), Err(DecodeError::Trailing(1)));
        let (len, limit) = (bytes.len(), bytes.len() - 1);
        let larger = (tried.again)(&bytes, limit);
        prop_assert_eq!(larger, Err(DecodeError::TooLarge { len, limit }));

        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = (tried.again)(&bytes, bytes.len()) {
            prop_assert_eq!(other, bytes);
        }
    });
}

/// What is beyond a bound is noticed where it is written: whatever is encoded as readable is read.
fn what_is_readable_is_read(tried: Tried) {
    // Odd bytes below 128: texts as long as there are bytes, and lists that go on.
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() };
    proptest!(config, |(key: [u8; 32], exponent in 10u32..18)| {
        let mut seed = vec![0u8; 1 << exponent];
        blake3::Hasher::new_keyed(&key).finalize_xof().fill(&mut seed);
        seed.iter_mut().for_each(|byte| *byte = *byte & 0x7f | 1);
        if let Some(bytes) = (tried.readable)(&seed) {
            let again = (tried.again)(&bytes, bytes.len()).expect("what is readable is read");
            prop_assert_eq!(again, bytes);
        }
    });
}

/// A list of at most `MAX`.
pub(crate) fn few<'a, T: Arbitrary<'a>, const MAX: usize>(
    u: &mut Unstructured<'a>,
) -> Result<Vec<T>> {
    let mut list = Vec::<T>::arbitrary(u)?;
    list.truncate(MAX);
    Ok(list)
}

impl<'a, T: Statement + Clone + Arbitrary<'a>> Arbitrary<'a> for Unverified<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let key = SigningKey::from_seed(&u.arbitrary()?);
        Ok(Signed::sign(T::arbitrary(u)?, &key).to_unverified())
    }
}

impl<'a> Arbitrary<'a> for Chain {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let key = SigningKey::from_seed(&u.arbitrary()?);
        let links = u.int_in_range(1..=limits::TOKEN_CHAIN_LINKS_MAX)?;
        let links = (0..links).map(|_| Ok(Signed::sign(Token::arbitrary(u)?, &key)));
        Ok(Self::from(links.collect::<Result<Vec<_>>>()?))
    }
}

impl<'a> Arbitrary<'a> for Operations {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let first = Operation::arbitrary(u)?;
        let more = Vec::<Operation>::arbitrary(u)?;
        Ok(Self::of(&[&[first], &more[..]].concat()))
    }
}

impl<'a, T: Ord + Copy + Arbitrary<'a>, const MAX: usize> Arbitrary<'a> for Set<T, MAX> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let first = T::arbitrary(u)?;
        let more = Vec::<T>::arbitrary(u)?.into_iter().take(MAX - 1);
        Ok(Self::new(core::iter::once(first).chain(more)).expect("one to MAX items"))
    }
}

impl<'a> Arbitrary<'a> for Scope {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (entries, compartments) = u.arbitrary()?;
        Ok(match Self::new(entries, compartments) {
            Some(scope) => scope,
            None => Self::new(Some(u.arbitrary()?), None).expect("it covers entries"),
        })
    }
}
