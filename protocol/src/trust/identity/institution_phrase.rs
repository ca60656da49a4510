//! An institution's 24 words, and the keys that follow from them.
//!
//! The words are shown once and never stored: the keystore has the keys that are in use, and neither the next signing key
//! nor what it follows from. So whoever steals the keystore speaks for the institution until it rotates, and cannot rotate.
//! R = HKDF-SHA256-Extract(salt `chartmesh/1/institution`, ikm = the 32 bytes of BIP39 entropy).

use super::words::{self, WordsError};
use super::{KeyLog, KnownKeys, Rotation, incept};
use crate::crypto::{Secret32, SigningKey, expand, extract};
use crate::limits;
use crate::statement::Signed;
use crate::time::Timestamp;
use core::fmt;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// What follows from an institution's words. Wipes itself; prints nothing.
#[derive(Clone)]
pub struct InstitutionPhrase {
    root: Secret32,
}

/// Why an institution's keys are not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    /// They are another institution's words, or a patient's.
    #[error("these 24 words are not this institution's: its keys do not follow from them")]
    OthersWords,
    /// It has rotated as often as an institution may.
    #[error(
        "this institution has rotated its keys {most} times, as often as it may; make a new one, and have the members admit it",
        most = limits::INSTITUTION_ROTATIONS_MAX
    )]
    NoMoreRotations,
}

impl InstitutionPhrase {
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
        Self { root: extract(b"chartmesh/1/institution", entropy) }
    }

    /// The seed of signing key number `number`; 0 is the inception's.
    #[must_use]
    pub fn signing_seed(&self, number: u32) -> Secret32 {
        expand(&self.root, &[b"chartmesh/1/institution-id", &number.to_be_bytes()])
    }

    /// Signing key number `number`.
    #[must_use]
    pub fn signing_key(&self, number: u32) -> SigningKey {
        SigningKey::from_seed(&self.signing_seed(number))
    }

    /// The own key that goes with that signing key.
    #[must_use]
    pub fn own_key(&self, number: u32) -> Secret32 {
        expand(&self.root, &[b"chartmesh/1/institution-own", &number.to_be_bytes()])
    }

    /// The institution's inception: the same from the same words.
    #[must_use]
    pub fn incept(&self) -> KeyLog {
        incept(&self.signing_key(0), &self.signing_key(1).public())
    }

    /// Whether these are the words of whoever has these keys.
    #[must_use]
    pub fn is_of(&self, known: &KnownKeys) -> bool {
        let number = known.current_number();
        self.signing_key(number).public() == known.current()
            && self.signing_key(number + 1).public().digest() == known.next()
    }

    /// The next rotation.
    ///
    /// # Errors
    /// [`RotateError`].
    pub fn rotate(
        &self,
        known: &KnownKeys,
        at: Timestamp,
    ) -> Result<Signed<Rotation>, RotateError> {
        if !self.is_of(known) {
            return Err(RotateError::OthersWords);
        }
        let number = known.current_number() + 1;
        if number as usize > limits::INSTITUTION_ROTATIONS_MAX {
            return Err(RotateError::NoMoreRotations);
        }
        let key = self.signing_key(number);
        let rotation = Rotation {
            party: known.party(),
            number,
            key: key.public(),
            next: self.signing_key(number + 1).public().digest(),
            kept: Vec::new(),
            // A clock that was ahead at the one before is no reason for none.
            at: known.rotated_at().map_or(at, |before| at.max(before)),
        };
        Ok(Signed::sign(rotation, &key))
    }
}

impl fmt::Debug for InstitutionPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstitutionPhrase")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Phrase;

    #[test]
    fn the_same_words_make_the_same_institution_and_no_other_words_rotate_it() {
        let phrase = InstitutionPhrase::from_entropy(&[7; 32]);
        let known = phrase.incept().verify().unwrap();
        assert_eq!(InstitutionPhrase::from_entropy(&[7; 32]).incept(), *known.log());
        // The words of a patient with the same entropy are others.
        let patient = Phrase::from_entropy(&[7; 32]);
        assert_ne!(patient.signing_key(0).public(), known.current());
        let other = InstitutionPhrase::from_entropy(&[8; 32]);
        assert_eq!(other.rotate(&known, Timestamp(5)).unwrap_err(), RotateError::OthersWords);
    }

    #[test]
    fn an_institution_rotates_as_often_as_it_may_and_no_further() {
        let phrase = InstitutionPhrase::from_entropy(&[7; 32]);
        let mut known = phrase.incept().verify().unwrap();
        let party = known.party();
        for number in 1..=u32::try_from(limits::INSTITUTION_ROTATIONS_MAX).unwrap() {
            let rotation = phrase.rotate(&known, Timestamp(5)).unwrap();
            known = known.log().clone().rotated(&rotation).verify().unwrap();
            assert_eq!((known.party(), known.current_number()), (party, number));
        }
        let refused = phrase.rotate(&known, Timestamp(5)).unwrap_err();
        assert_eq!(refused, RotateError::NoMoreRotations);
    }
}
