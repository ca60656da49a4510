//! HPKE (RFC 9180) base mode with X-Wing (0x647A), HKDF-SHA256 (0x0001), AES-256-GCM (0x0002).
//!
//! X-Wing is X25519 and ML-KEM-768 together: what is sealed today stays secret if either holds.
//! The `hpke` crate implements draft-ietf-hpke-pq-03 over draft-connolly-cfrg-xwing-kem-06. Base
//! mode says nothing about who sealed: origin is always a signature, never the KEM.

use super::sealed::{ENCAPPED_BYTES, KemError, PUBLIC_BYTES};
use super::secret::Secret32;
#[cfg(feature = "stand-ins")]
use super::stand_in as suite;
#[cfg(not(feature = "stand-ins"))]
use super::xwing as suite;
use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::id::KemId;
use core::fmt;
use rand_core::CryptoRng;
use std::sync::{Arc, OnceLock};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The secret half: X-Wing's 32-byte seed. Wipes itself; prints nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KemSecret {
    seed: [u8; 32],
    /// The public half once somebody asked for it: it costs more than a signature.
    #[zeroize(skip)]
    public: OnceLock<KemPublic>,
}

/// The public half.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct KemPublic(Arc<[u8; PUBLIC_BYTES]>);

impl KemSecret {
    /// From X-Wing's 32-byte seed.
    #[must_use]
    pub const fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed, public: OnceLock::new() }
    }

    /// The seed, for sealing it to somebody or keeping it.
    #[must_use]
    pub const fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> KemPublic {
        self.public.get_or_init(|| KemPublic(suite::public(&self.seed).into())).clone()
    }

    /// Opens what [`KemPublic::seal`] made with the same `info` and `aad`.
    ///
    /// # Errors
    /// [`KemError`].
    pub fn open(
        &self,
        info: &[u8],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KemError> {
        let (encapped, ciphertext) = sealed.split_first_chunk().ok_or(KemError::Truncated)?;
        suite::open(&self.seed, info, aad, encapped, ciphertext).map(Zeroizing::new)
    }

    /// The secrets that [`KemPublic::share`] gave with the same `info` and `labels`. Whoever altered the encapsulated key
    /// makes them others, unseen.
    ///
    /// # Errors
    /// [`KemError::NotForThisKey`] where it cannot be an encapsulated key.
    pub fn shared<const N: usize>(
        &self,
        info: &[u8],
        encapped: &[u8; ENCAPPED_BYTES],
        labels: [&[u8]; N],
    ) -> Result<[Secret32; N], KemError> {
        suite::shared_by(&self.seed, info, encapped, labels)
    }
}

impl fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemSecret")
    }
}

impl KemPublic {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// BLAKE3 of the key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        blake3::hash(self.as_bytes()).into()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KemId {
        let mut id = [0; KemId::LEN];
        id.copy_from_slice(&self.digest()[..KemId::LEN]);
        KemId(id)
    }

    /// Seals `plaintext` so that only the secret half opens it: encapsulated key, ciphertext, tag.
    ///
    /// # Errors
    /// [`KemError::BadPublicKey`].
    pub fn seal(
        &self,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, KemError> {
        suite::seal(&self.0, info, aad, plaintext, rng)
    }

    /// Secrets that only the secret half comes to, too, a label for each: HPKE's export (RFC 9180 section 5.3), with what
    /// the other side needs, the encapsulated key.
    ///
    /// # Errors
    /// [`KemError::BadPublicKey`].
    pub fn share<const N: usize>(
        &self,
        info: &[u8],
        labels: [&[u8]; N],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Box<[u8; ENCAPPED_BYTES]>, [Secret32; N]), KemError> {
        suite::share(&self.0, info, labels, rng)
    }
}

/// As its seed, for rows of our own store, which is sealed: no message has one.
impl Wire for KemSecret {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(&self.seed);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        <[u8; 32]>::decode(d).map(Self::from_seed)
    }
}

impl fmt::Debug for KemPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemPublic({})", data_encoding::HEXLOWER.encode(&self.digest()[..4]))
    }
}

impl Wire for KemPublic {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(self.as_bytes());
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        <[u8; PUBLIC_BYTES]>::decode(d).map(|bytes| Self(Arc::new(bytes)))
    }
}

#[cfg(test)]
impl<'a> arbitrary::Arbitrary<'a> for KemSecret {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        u.arbitrary().map(Self::from_seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn only_the_recipient_opens_and_only_for_the_purpose() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let secret = KemSecret::from_seed([2; 32]);
        let sealed = secret.public().seal(b"info", b"aad", &[9; 32], &mut rng).unwrap();
        assert_eq!(sealed.len(), ENCAPPED_BYTES + 32 + 16);
        assert_eq!(*secret.open(b"info", b"aad", &sealed).unwrap(), vec![9; 32]);
        assert_eq!(secret.open(b"other", b"aad", &sealed), Err(KemError::NotForThisKey));
        assert_eq!(secret.open(b"info", b"other", &sealed), Err(KemError::NotForThisKey));
        let other = KemSecret::from_seed([3; 32]);
        assert_eq!(other.open(b"info", b"aad", &sealed), Err(KemError::NotForThisKey));
        assert_eq!(secret.open(b"info", b"aad", &sealed[..100]), Err(KemError::Truncated));
        let mut altered = sealed;
        altered[5] ^= 1;
        assert_eq!(secret.open(b"info", b"aad", &altered), Err(KemError::NotForThisKey));
    }
    #[test]
    fn both_sides_come_to_the_same_secrets_and_others_to_others() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let secret = KemSecret::from_seed([2; 32]);
        let labels = [b"one".as_slice(), b"two"];
        let (encapped, made) = secret.public().share(b"info", labels, &mut rng).unwrap();
        let [one, two] = &made;
        assert_ne!(one, two);
        assert_eq!(secret.shared(b"info", &encapped, labels).unwrap(), made);
        let none_in_common = |other: Result<[Secret32; 2], KemError>| match other {
            Ok(others) => !others.iter().any(|key| made.contains(key)),
            Err(error) => error == KemError::NotForThisKey,
        };
        assert!(none_in_common(secret.shared(b"other", &encapped, labels)));
        let other = KemSecret::from_seed([3; 32]);
        assert!(none_in_common(other.shared(b"info", &encapped, labels)));
        let mut altered = encapped;
        altered[5] ^= 1;
        assert!(none_in_common(secret.shared(b"info", &altered, labels)));
    }
}
