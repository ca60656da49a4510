//! Twenty-four words: 32 bytes as people write them down (BIP39, English). They are not turned into a BIP39 seed.

use crate::crypto::Secret32;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// What was typed are not the 24 words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Not exactly 24 words.
    #[error("a phrase has 24 words, these are {0}")]
    WordCount(usize),
    /// A word that is not on the BIP39 English list.
    #[error("word {0} is not on the list; check its spelling")]
    UnknownWord(usize),
    /// The words are all on the list, but they do not belong together.
    #[error("the words do not belong together; check their order and each word")]
    Checksum,
}

/// New words, and the entropy that they stand for.
pub(super) fn generate(rng: &mut dyn CryptoRng) -> (Zeroizing<String>, Secret32) {
    let mut entropy = Zeroizing::new([0; 32]);
    rng.fill_bytes(entropy.as_mut());
    let mnemonic = bip39::Mnemonic::from_entropy(entropy.as_ref()).expect("32 bytes make 24 words");
    (Zeroizing::new(mnemonic.to_string()), entropy)
}

/// The entropy that words stand for, as a person types them: any case, any white space.
pub(super) fn parse(words: &str) -> Result<Secret32, WordsError> {
    let normal =
        Zeroizing::new(words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
    let count = normal.split(' ').filter(|word| !word.is_empty()).count();
    if count != 24 {
        return Err(WordsError::WordCount(count));
    }
    let mnemonic = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &normal)
        .map_err(|error| match error {
            bip39::Error::UnknownWord(index) => WordsError::UnknownWord(index + 1),
            _ => WordsError::Checksum,
        })?;
    let mut entropy = Zeroizing::new([0; 32]);
    let mut bytes = mnemonic.to_entropy();
    entropy.copy_from_slice(&bytes);
    bytes.zeroize();
    Ok(entropy)
}
