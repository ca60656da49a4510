//! A permission as it travels: the link that the patient signed, and those that narrow it.

use super::{Excess, Reason, Token, narrows};
use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::crypto::SigningKey;
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Unverified};

/// Links from the patient's own to the one that is used; at least one, at most
/// [`limits::TOKEN_CHAIN_LINKS_MAX`], at most [`limits::TOKEN_CHAIN_BYTES_MAX`] bytes in all.
/// Nothing says yet that anybody signed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain(Vec<Unverified<Token>>);

reasons! {
    /// Why a permission cannot be narrowed and passed on.
    #[derive(Copy)]
    pub enum AttenuateError: 12 "chain" {
        use Excess(Excess),
        /// Too many links, or too many bytes.
        142 => TooLong: NotPermitted "the permission would have too many links or bytes",
        /// The new link's claims contradict each other.
        143 => Incoherent: NotPermitted "the claims of the new link contradict each other",
    }
}

impl Chain {
    /// A permission straight from the patient.
    #[must_use]
    pub fn root(token: &Signed<Token>) -> Self {
        Self(vec![token.to_unverified()])
    }

    /// Reads a permission.
    ///
    /// # Errors
    /// [`Reason::ChainTooLong`] or [`Reason::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Reason> {
        Self::from_bytes(bytes, limits::TOKEN_CHAIN_BYTES_MAX).map_err(|error| (&error).into())
    }

    /// The links, the patient's first.
    #[must_use]
    pub fn links(&self) -> &[Unverified<Token>] {
        &self.0
    }

    /// The link that is used.
    #[must_use]
    pub fn leaf(&self) -> &Unverified<Token> {
        self.0.last().expect("a chain has a link")
    }

    /// The patient's link.
    #[must_use]
    pub fn first(&self) -> &Unverified<Token> {
        self.0.first().expect("a chain has a link")
    }

    /// Passes the permission on, narrowed to `child`, which the grantee signs with its institution's
    /// current key. `child.parent` is set here.
    ///
    /// # Errors
    /// [`AttenuateError`]; what passes here passes the same check at every verifier.
    pub fn attenuate(&self, mut child: Token, key: &SigningKey) -> Result<Self, AttenuateError> {
        child.parent = Some(self.leaf().id());
        if !child.is_coherent() {
            return Err(AttenuateError::Incoherent);
        }
        narrows(self.leaf(), &child)?;
        let mut links = self.0.clone();
        links.push(Signed::sign(child, key).to_unverified());
        let longer = Self(links);
        if longer.0.len() > limits::TOKEN_CHAIN_LINKS_MAX
            || longer.to_bytes().len() > limits::TOKEN_CHAIN_BYTES_MAX
        {
            return Err(AttenuateError::TooLong);
        }
        Ok(longer)
    }
}

/// Chains that [`Chain::attenuate`] would refuse to make, for tests of the verifier.
#[cfg(test)]
impl From<Vec<Signed<Token>>> for Chain {
    fn from(links: Vec<Signed<Token>>) -> Self {
        Self(links.iter().map(Signed::to_unverified).collect())
    }
}

/// Bytes of a chain of these links, at most by the few that short links have shorter heads.
fn size<'a>(links: impl Iterator<Item = &'a [u8]>) -> usize {
    // A link is longer than 255 bytes' head in every case that comes near the limit.
    1 + links.map(|link| link.len() + 3).sum::<usize>()
}

impl Wire for Chain {
    fn encode(&self, e: &mut Encoder) {
        e.at_most(limits::TOKEN_CHAIN_LINKS_MAX, self.0.len(), super::reason::LINKS);
        let (len, limit) =
            (size(self.0.iter().map(Unverified::bytes)), limits::TOKEN_CHAIN_BYTES_MAX);
        if len > limit {
            e.unreadable(DecodeError::TooLarge { len, limit });
        }
        self.0.encode(e);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len == 0 {
            return Err(DecodeError::Invalid("a permission without links"));
        }
        if len > limits::TOKEN_CHAIN_LINKS_MAX {
            return Err(DecodeError::TooMany {
                what: super::reason::LINKS,
                found: len as u64,
                limit: limits::TOKEN_CHAIN_LINKS_MAX as u64,
            });
        }
        let mut links = Vec::new();
        let mut total = 1;
        for _ in 0..len {
            let bytes = d.bytes()?;
            total += size(core::iter::once(bytes)) - 1;
            if total > limits::TOKEN_CHAIN_BYTES_MAX {
                return Err(DecodeError::TooLarge {
                    len: total,
                    limit: limits::TOKEN_CHAIN_BYTES_MAX,
                });
            }
            links.push(Unverified::parse(bytes)?);
        }
        d.leave();
        Ok(Self(links))
    }
}
