//! Signed statements: COSE_Sign1 (RFC 9052 section 4.2) in exactly one form.
//!
//! Tag 18, protected header `{1: -19}` (Ed25519), empty unprotected header, the payload in
//! deterministic CBOR, a signature over `["Signature1", protected, external_aad, payload]` where
//! `external_aad` is the ASCII name of the statement's domain. The domain keeps a signature made for
//! one purpose from standing for another. A statement's id is BLAKE3-256 of that `Sig_structure`, so
//! it never depends on the signature.

use crate::codec::{DecodeError, Decoder, Encoder, Wire};
use crate::crypto::{PublicKey, SigningKey};
use crate::id::StatementId;
use crate::limits;

/// Tag 18, an array of four, the protected header as a byte string, the empty unprotected header.
const PREFIX: [u8; 7] = [0xd2, 0x84, 0x43, 0xa1, 0x01, 0x32, 0xa0];
/// The protected header: algorithm -19, Ed25519 (RFC 9864).
const PROTECTED: [u8; 3] = [0xa1, 0x01, 0x32];

/// A payload that is signed under a domain of its own.
pub trait Statement: Wire {
    /// The domain: `external_aad` in ASCII.
    const DOMAIN: &'static str;
    /// Bytes of the whole statement at most.
    const LIMIT: usize = limits::STATEMENT_BYTES_MAX;
}

/// The signature is not by this key over this statement in this domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// A statement as it arrived: well formed, its signature not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified<T> {
    claims: T,
    bytes: Vec<u8>,
    id: StatementId,
    /// Why nobody will read it, if it was signed here and is beyond a bound.
    unreadable: Option<DecodeError>,
}

/// A statement whose signature was checked, or that was just signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T>(Unverified<T>);

/// The bytes that are signed, and whose hash is the statement's id.
fn sig_structure(domain: &str, payload: &[u8]) -> Vec<u8> {
    let mut e = Encoder::with_capacity(payload.len() + domain.len() + 32);
    e.array(4);
    e.text("Signature1");
    e.bytes(&PROTECTED);
    e.bytes(domain.as_bytes());
    e.bytes(payload);
    e.into_bytes()
}

/// The payload and signature of a COSE_Sign1 in our one form.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8; 64]), DecodeError> {
    let rest = bytes.strip_prefix(&PREFIX).ok_or(if PREFIX.starts_with(bytes) {
        DecodeError::Truncated
    } else {
        DecodeError::Invalid("not a COSE_Sign1 by Ed25519 in Chartmesh's form")
    })?;
    let mut d = Decoder::new(rest, usize::MAX)?;
    let payload = d.bytes()?;
    let signature = d.bytes()?;
    d.finish()?;
    let signature = signature
        .try_into()
        .map_err(|_| DecodeError::WrongLength { expected: 64, found: signature.len() })?;
    Ok((payload, signature))
}

impl<T: Statement> Unverified<T> {
    /// Reads a statement without judging its signature.
    ///
    /// # Errors
    /// [`DecodeError`], one variant per cause.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > T::LIMIT {
            return Err(DecodeError::TooLarge { len: bytes.len(), limit: T::LIMIT });
        }
        let (payload, _) = split(bytes)?;
        let claims = T::from_bytes(payload, T::LIMIT)?;
        let id = StatementId(blake3::hash(&sig_structure(T::DOMAIN, payload)).into());
        Ok(Self { claims, bytes: bytes.to_vec(), id, unreadable: None })
    }

    /// Checks the signature over the bytes as received.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(self, key: &PublicKey) -> Result<Signed<T>, BadSignature> {
        self.check(key)?;
        Ok(Signed(self))
    }

    /// [`Unverified::verify`] without taking the statement.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn check(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let (payload, signature) = split(&self.bytes).map_err(|_| BadSignature)?;
        if key.verifies(&sig_structure(T::DOMAIN, payload), signature) {
            Ok(())
        } else {
            Err(BadSignature)
        }
    }

    /// What the statement claims; nothing says yet that its signer said so.
    #[must_use]
    pub const fn claims(&self) -> &T {
        &self.claims
    }

    /// The statement's id.
    #[must_use]
    pub const fn id(&self) -> StatementId {
        self.id
    }

    /// The statement as received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes a statement from our own store, where only verified ones are put.
    #[must_use]
    #[expect(clippy::wrong_self_convention, reason = "it says where the statement comes from")]
    pub(crate) const fn from_own_store(self) -> Signed<T> {
        Signed(self)
    }
}

/// The id that a statement with these claims has, whoever signs it.
pub fn id_of<T: Statement>(claims: &T) -> StatementId {
    let mut e = Encoder::with_capacity(512);
    claims.encode(&mut e);
    StatementId(blake3::hash(&sig_structure(T::DOMAIN, &e.into_bytes())).into())
}

impl<T: Statement> Signed<T> {
    /// Signs `claims`. Whatever then carries the statement is as unreadable as it is, if it is.
    #[must_use]
    pub fn sign(claims: T, key: &SigningKey) -> Self {
        let mut e = Encoder::with_capacity(512);
        claims.encode(&mut e);
        let mut unreadable = e.why_unreadable().cloned();
        let payload = e.into_bytes();
        let to_sign = sig_structure(T::DOMAIN, &payload);
        let mut e = Encoder::with_capacity(PREFIX.len() + payload.len() + 80);
        e.raw(&PREFIX);
        e.bytes(&payload);
        e.bytes(&key.sign(&to_sign));
        let id = StatementId(blake3::hash(&to_sign).into());
        let (bytes, limit) = (e.into_bytes(), T::LIMIT);
        if bytes.len() > limit {
            unreadable.get_or_insert(DecodeError::TooLarge { len: bytes.len(), limit });
        }
        Self(Unverified { claims, bytes, id, unreadable })
    }

    /// What a decoder would say to this statement, if it refused it.
    pub(crate) const fn why_unreadable(&self) -> Option<&DecodeError> {
        self.0.unreadable.as_ref()
    }

    /// The statement's id.
    #[must_use]
    pub const fn id(&self) -> StatementId {
        self.0.id
    }

    /// The statement as signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// For sending: the receiver verifies for itself.
    #[must_use]
    pub fn to_unverified(&self) -> Unverified<T>
    where
        T: Clone,
    {
        self.0.clone()
    }
}

impl<T> core::ops::Deref for Signed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.claims
    }
}

/// The signature alone of a statement that whoever checks it can write down again: where hundreds sign the same, it
/// stands once.
#[must_use]
pub fn signature_over<T: Statement>(claims: &T, key: &SigningKey) -> [u8; 64] {
    key.sign(&sig_structure(T::DOMAIN, &claims.to_bytes()))
}

/// Whether such a signature is by this key.
#[must_use]
pub fn is_signed_by<T: Statement>(claims: &T, signature: &[u8; 64], key: &PublicKey) -> bool {
    key.verifies(&sig_structure(T::DOMAIN, &claims.to_bytes()), signature)
}

/// Inside another structure a statement is a byte string.
impl<T: Statement> Wire for Unverified<T> {
    fn encode(&self, e: &mut Encoder) {
        if let Some(why) = &self.unreadable {
            e.unreadable(why.clone());
        }
        e.bytes(&self.bytes);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Self::parse(d.bytes()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::wire_struct;

    wire_struct! {
        /// A sample.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Claim {
            /// A number.
            1 => number: u64,
        }
    }
    impl Statement for Claim {
        const DOMAIN: &'static str = "chartmesh/1/test";
    }
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Elsewhere(Claim);
    impl Wire for Elsewhere {
        fn encode(&self, e: &mut Encoder) {
            self.0.encode(e);
        }
        fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
            Claim::decode(d).map(Self)
        }
    }
    impl Statement for Elsewhere {
        const DOMAIN: &'static str = "chartmesh/1/elsewhere";
    }

    #[test]
    fn coset_reads_and_verifies_what_we_sign() {
        use coset::{CborSerializable, TaggedCborSerializable};
        let key = SigningKey::from_seed(&[1; 32]);
        let signed = Signed::sign(Claim { number: 7 }, &key);
        let cose = coset::CoseSign1::from_tagged_slice(signed.bytes()).unwrap();
        assert_eq!(cose.payload.as_deref(), Some(&[0xa1, 1, 7][..]));
        cose.verify_signature(Claim::DOMAIN.as_bytes(), |signature, data| {
            assert_eq!(blake3::hash(data).as_bytes(), &signed.id().0);
            assert!(key.public().verifies(data, signature.try_into().unwrap()));
            Ok::<_, ()>(())
        })
        .unwrap();
        assert!(cose.to_vec().is_ok());
    }

    wire_struct! {
        /// A claim that can be too long.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Words {
            /// Each of them a text.
            1 => words: Vec<String>,
        }
    }
    impl Statement for Words {
        const DOMAIN: &'static str = "chartmesh/1/words";
    }

    #[test]
    fn what_carries_a_statement_that_nobody_reads_is_unreadable_too() {
        let key = SigningKey::from_seed(&[1; 32]);
        let carried = |words: Vec<String>| {
            vec![Signed::sign(Words { words }, &key).to_unverified()].to_readable_bytes()
        };
        let word = "x".repeat(limits::TEXT_BYTES_MAX);
        assert!(carried(vec![word.clone(); 3]).is_ok());
        assert!(matches!(carried(vec![format!("{word}x")]), Err(DecodeError::TooMany { .. })));
        assert!(matches!(carried(vec![word.clone(); 4]), Err(DecodeError::TooLarge { .. })));
    }

    #[test]
    fn a_signature_holds_for_one_key_one_domain_and_unaltered_bytes() {
        let key = SigningKey::from_seed(&[1; 32]);
        let other = SigningKey::from_seed(&[2; 32]);
        let signed = Signed::sign(Claim { number: 7 }, &key);
        let parsed = Unverified::<Claim>::parse(signed.bytes()).unwrap();
        assert_eq!(parsed.clone().verify(&key.public()), Ok(signed.clone()));
        assert_eq!(parsed.verify(&other.public()), Err(BadSignature));
        let elsewhere = Unverified::<Elsewhere>::parse(signed.bytes()).unwrap();
        assert_ne!(elsewhere.id(), signed.id());
        assert!(elsewhere.verify(&key.public()).is_err());
        for at in 0..signed.bytes().len() {
            let mut altered = signed.bytes().to_vec();
            altered[at] ^= 1;
            if let Ok(parsed) = Unverified::<Claim>::parse(&altered) {
                assert_eq!(parsed.verify(&key.public()), Err(BadSignature), "byte {at}");
            }
            assert!(Unverified::<Claim>::parse(&signed.bytes()[..at]).is_err());
        }
    }
}
