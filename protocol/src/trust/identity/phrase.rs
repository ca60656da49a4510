//! The patient's 24 words, and every key that follows from them.
//!
//! The words are shown once and never stored. R = HKDF-SHA256-Extract(salt `chartmesh/1/phrase`,
//! ikm = the 32 bytes of BIP39 entropy); everything else is HKDF-Expand of R (SPEC.md, identities).

use super::words::{self, WordsError};
use crate::crypto::{KemSecret, Secret32, SigningKey, expand, extract};
use crate::kind::Kind;
use core::fmt;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// The root that follows from the words. Wipes itself; prints nothing.
#[derive(Clone)]
pub struct Phrase {
    root: Secret32,
}

impl Phrase {
    /// A new phrase: the words to show once, and what follows from them.
    pub fn generate(rng: &mut dyn CryptoRng) -> (Zeroizing<String>, Self) {
        let (words, entropy) = words::generate(rng);
        (words, Self::from_entropy(&entropy))
    }

    /// From the words as a person types them: any case, any white space.
    ///
    /// # Errors
    /// [`WordsError`].
    pub fn parse(words: &str) -> Result<Self, WordsError> {
        words::parse(words).map(|entropy| Self::from_entropy(&entropy))
    }

    /// From the 32 bytes of BIP39 entropy.
    #[must_use]
    pub fn from_entropy(entropy: &[u8; 32]) -> Self {
        Self { root: extract(b"chartmesh/1/phrase", entropy) }
    }

    /// The signing key number `number`; 0 is the inception's.
    #[must_use]
    pub fn signing_key(&self, number: u32) -> SigningKey {
        SigningKey::from_seed(&expand(&self.root, &[b"chartmesh/1/id", &number.to_be_bytes()]))
    }

    /// The root of the record keys of generation `generation`, which a rotation replaces.
    #[must_use]
    pub fn records_root(&self, generation: u32) -> RecordsRoot {
        RecordsRoot {
            generation,
            root: expand(&self.root, &[b"chartmesh/1/records", &generation.to_be_bytes()]),
        }
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase")
    }
}

/// What all compartments of one generation derive from. Wipes itself; prints nothing.
#[derive(Clone)]
pub struct RecordsRoot {
    generation: u32,
    root: Secret32,
}

impl RecordsRoot {
    /// From its kept bytes.
    #[must_use]
    pub const fn from_bytes(generation: u32, bytes: Secret32) -> Self {
        Self { generation, root: bytes }
    }

    /// The bytes, to be kept sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.root
    }

    /// Which generation this is.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The key pair of one compartment.
    #[must_use]
    pub fn compartment(&self, kind: Kind, epoch: u32) -> KemSecret {
        KemSecret::from_seed(*expand(
            &self.root,
            &[b"chartmesh/1/compartment", &kind.code().to_be_bytes(), &epoch.to_be_bytes()],
        ))
    }
}

impl fmt::Debug for RecordsRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordsRoot of generation {}", self.generation)
    }
}
