//! What people compare of a party, over the telephone or on paper: one form everywhere.
//!
//! An id has 64 digits, and nobody compares them all; the first eight are found again by trying in seconds. A
//! fingerprint has 88 bits, and each try costs 65,536 hashes: to find a party with a given one takes some 2^104 of
//! them, and one with that of any of 10,000 parties 2^91. \[ID-15\]

use crate::id::PartyId;
use core::fmt;

/// Hashes that follow on the first: about five milliseconds for one fingerprint.
const STRETCHED: usize = 65_535;

/// What people compare of a party.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 11]);

impl Fingerprint {
    /// A party's. Takes milliseconds: for what a person looks at, not for listings.
    #[must_use]
    pub fn of(party: PartyId) -> Self {
        let mut hash = blake3::derive_key("chartmesh/1/fingerprint", &party.0);
        for _ in 0..STRETCHED {
            hash = blake3::hash(&hash).into();
        }
        let mut bits = [0; 11];
        bits.copy_from_slice(&hash[..11]);
        Self(bits)
    }

    /// Eight words of the English list of BIP39, eleven bits each.
    #[must_use]
    pub fn words(&self) -> String {
        let list = bip39::Language::English.word_list();
        let number = self.number();
        let word = |place: u32| list[(number >> (11 * (7 - place)) & 0x7ff) as usize];
        (0..8).map(word).collect::<Vec<_>>().join(" ")
    }

    /// The same as 27 digits, in groups of three.
    #[must_use]
    pub fn digits(&self) -> String {
        let digits = format!("{:027}", self.number());
        let groups: Vec<&str> = (0..27).step_by(3).map(|at| &digits[at..at + 3]).collect();
        groups.join(" ")
    }

    fn number(self) -> u128 {
        self.0.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.words())
    }
}
