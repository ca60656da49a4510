//! Keys that sign and keys that verify: Ed25519.

#[cfg(not(feature = "stand-ins"))]
use super::ed25519::{KeyPair, verifies};
#[cfg(feature = "stand-ins")]
use super::stand_in::{KeyPair, verifies};
use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::id::NodeId;
use core::fmt;

/// A key pair for signing. Wipes itself; prints nothing.
#[derive(Clone)]
pub struct SigningKey(KeyPair);

impl SigningKey {
    /// From the 32 bytes of RFC 8032's private key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(KeyPair::from_seed(seed))
    }

    /// The 32 bytes of RFC 8032's private key, to be kept sealed.
    #[must_use]
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.seed())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey of {:?}", self.public())
    }
}

/// A public key for verifying, not yet known to be a point on the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether `signature` over `message` was made with this key.
    #[must_use]
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        verifies(&self.0, message, signature)
    }

    /// BLAKE3 of the key: how an inception or rotation commits to the key after it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        blake3::hash(&self.0).into()
    }
}

impl From<NodeId> for PublicKey {
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}

impl From<PublicKey> for NodeId {
    fn from(key: PublicKey) -> Self {
        Self(key.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl Wire for PublicKey {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(&self.0);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        <[u8; 32]>::decode(d).map(Self)
    }
}
