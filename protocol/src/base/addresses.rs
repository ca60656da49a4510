//! Where a node says that it listens.

use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::limits;

/// Multiaddresses as text, at most [`limits::ADDRESSES_MAX`]; hints, which nobody believes before the
/// node at the other end has proven itself. The bound holds while reading: in a list without one, each
/// byte of input could cost 24 of memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct Addresses(
    #[cfg_attr(test, arbitrary(with = crate::codec::property::few::<_, { limits::ADDRESSES_MAX }>))]
     Vec<String>,
);

/// More than [`limits::ADDRESSES_MAX`] are left out, the last ones first.
impl From<Vec<String>> for Addresses {
    fn from(mut addresses: Vec<String>) -> Self {
        addresses.truncate(limits::ADDRESSES_MAX);
        Self(addresses)
    }
}

impl Addresses {
    /// Bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }
}

impl From<Addresses> for Vec<String> {
    fn from(addresses: Addresses) -> Self {
        addresses.0
    }
}

impl Wire for Addresses {
    fn encode(&self, e: &mut Encoder) {
        e.at_most(limits::ADDRESSES_MAX, self.0.len(), "addresses");
        self.0.encode(e);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len > limits::ADDRESSES_MAX {
            return Err(DecodeError::TooMany {
                what: "addresses",
                found: len as u64,
                limit: limits::ADDRESSES_MAX as u64,
            });
        }
        let addresses = (0..len).map(|_| String::decode(d)).collect::<Result<_, _>>()?;
        d.leave();
        Ok(Self(addresses))
    }
}
