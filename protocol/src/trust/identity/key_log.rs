//! Inception and rotations: the log that says which key speaks for a party.

use crate::codec::wire_struct;
use crate::crypto::{PublicKey, SigningKey};
use crate::id::{PartyId, TokenId};
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{SECOND_MS, Timestamp};
use rand_core::CryptoRng;

/// The suite's code in inceptions; there is one.
const SUITE: u16 = 1;

wire_struct! {
    /// The first statement of a party. Its id is the party's id.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Inception {
        /// Format version, 1.
        1 => version: u16,
        /// Suite, 1.
        2 => suite: u16,
        /// The first key, which signs this statement.
        3 => key: PublicKey,
        /// BLAKE3 of the key after it.
        4 => next: [u8; 32],
        /// Digest of the recovery statement; 32 zeros when there is none.
        5 => recovery: [u8; 32],
    }
}

impl Statement for Inception {
    const DOMAIN: &'static str = "chartmesh/1/inception";
}

wire_struct! {
    /// A change of key, signed by the new key, which the statement before had fixed by its hash.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Rotation {
        /// Whose.
        1 => party: PartyId,
        /// 1 for the first rotation, and so on.
        2 => number: u32,
        /// The new key.
        3 => key: PublicKey,
        /// BLAKE3 of the key after it.
        4 => next: [u8; 32],
        /// Tokens signed with earlier keys that stay valid; all others end.
        5 => kept: Vec<TokenId>,
        /// When, by its party's word; not before the rotation before it.
        6 => at: Timestamp,
    }
}

impl Statement for Rotation {
    const DOMAIN: &'static str = "chartmesh/1/rotation";
    const LIMIT: usize = limits::LIST_STATEMENT_BYTES_MAX;
}

wire_struct! {
    /// A party's inception and all its rotations, in order. Proves itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyLog {
        /// The first statement.
        1 => inception: Unverified<Inception>,
        /// The rotations.
        2 => rotations: Vec<Unverified<Rotation>>,
    }
}

/// When a rotation was learned of that was just shown: until it is written down, it limits nothing.
const NOT_LEARNED: Timestamp = Timestamp(u64::MAX);

reasons! {
    /// Why a key log proves nothing.
    #[derive(Copy)]
    pub enum KeyLogError: 10 "key-log" {
        /// A version or suite that this program does not know.
        1 => UnknownSuite: NotAuthentic "version or suite of the inception is unknown",
        /// A statement is not signed by the key it names.
        2 => BadSignature(number: usize): NotAuthentic "statement {number} of the key log is not signed by its key",
        /// A rotation names another party.
        3 => OtherParty(number: usize): NotAuthentic "rotation {number} belongs to another party",
        /// A rotation has the wrong number.
        4 => OutOfOrder(number: usize): NotAuthentic "rotation {number} is out of order",
        /// A rotation brings a key that the statement before did not fix.
        5 => NotCommitted(number: usize): NotAuthentic "rotation {number} brings a key that was not committed to",
        /// More rotations, or kept tokens, than allowed.
        6 => TooLong: NotAuthentic "the key log is too long",
        /// The log contradicts one that was seen before: the phrase is in two hands.
        7 => Forked: NotAuthentic "the key log contradicts an earlier one of the same party",
        /// A rotation is dated before the one before it.
        8 => BackInTime(number: usize): NotAuthentic "rotation {number} is dated before the one before it",
    }
}

/// A key log that was verified: the keys of one party, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKeys {
    party: PartyId,
    keys: Vec<PublicKey>,
    log: KeyLog,
    /// When each rotation was learned here; the end of time for what was not yet.
    learned: Vec<Timestamp>,
}

impl KeyLog {
    /// Whether an institution may have it: a `hello` with it, and with all other lists full, fits. [ID-13]
    pub(crate) fn fits_hello(&self) -> bool {
        self.rotations.len() <= limits::INSTITUTION_ROTATIONS_MAX
            && self.rotations.iter().all(|rotation| rotation.claims().kept.is_empty())
    }

    /// Verifies every statement.
    ///
    /// # Errors
    /// [`KeyLogError`].
    pub fn verify(self) -> Result<KnownKeys, KeyLogError> {
        self.read(true)
    }

    /// Takes a log from our own store, where only verified ones are put: the keys of whoever speaks are
    /// looked up several times in each message.
    #[expect(clippy::wrong_self_convention, reason = "it says where the log comes from")]
    pub(crate) fn from_own_store(self) -> Result<KnownKeys, KeyLogError> {
        self.read(false)
    }

    fn read(self, signatures: bool) -> Result<KnownKeys, KeyLogError> {
        if self.rotations.len() > limits::ROTATIONS_MAX {
            return Err(KeyLogError::TooLong);
        }
        let first = self.inception.claims();
        if first.version != 1 || first.suite != SUITE {
            return Err(KeyLogError::UnknownSuite);
        }
        if signatures {
            self.inception.check(&first.key).map_err(|_| KeyLogError::BadSignature(0))?;
        }
        let party = PartyId(self.inception.id().0);
        let mut keys = vec![first.key];
        let (mut committed, mut before) = (first.next, Timestamp(0));
        for (index, rotation) in self.rotations.iter().enumerate() {
            let number = index + 1;
            let claims = rotation.claims();
            if claims.party != party {
                return Err(KeyLogError::OtherParty(number));
            }
            if claims.number as usize != number {
                return Err(KeyLogError::OutOfOrder(number));
            }
            if claims.key.digest() != committed {
                return Err(KeyLogError::NotCommitted(number));
            }
            if claims.kept.len() > limits::KEPT_TOKENS_MAX {
                return Err(KeyLogError::TooLong);
            }
            if claims.at < before {
                return Err(KeyLogError::BackInTime(number));
            }
            if signatures {
                rotation.check(&claims.key).map_err(|_| KeyLogError::BadSignature(number))?;
            }
            keys.push(claims.key);
            (committed, before) = (claims.next, claims.at);
        }
        let learned = vec![NOT_LEARNED; self.rotations.len()];
        Ok(KnownKeys { party, keys, log: self, learned })
    }

    /// The log with one more rotation.
    #[must_use]
    pub fn rotated(mut self, rotation: &Signed<Rotation>) -> Self {
        self.rotations.push(rotation.to_unverified());
        self
    }

    /// The party, before anything is verified.
    #[must_use]
    pub const fn party_unverified(&self) -> PartyId {
        PartyId(self.inception.id().0)
    }
}

impl KnownKeys {
    /// Whose keys.
    #[must_use]
    pub const fn party(&self) -> PartyId {
        self.party
    }

    /// The current key's number: how many rotations there were.
    #[must_use]
    pub fn current_number(&self) -> u32 {
        u32::try_from(self.keys.len() - 1).expect("bounded by ROTATIONS_MAX")
    }

    /// The current key.
    #[must_use]
    pub fn current(&self) -> PublicKey {
        *self.keys.last().expect("an inception has a key")
    }

    /// The same, with when each of its rotations was learned, as far as that is known; others were at `now`.
    pub(crate) fn learned(mut self, known: &[Timestamp], now: Timestamp) -> Self {
        for (index, at) in self.learned.iter_mut().enumerate() {
            *at = (*at).min(known.get(index).copied().unwrap_or(now));
        }
        self
    }

    /// When each rotation was learned here.
    pub(crate) fn learned_at(&self) -> &[Timestamp] {
        &self.learned
    }

    /// When the current key took the place of the one before, by the party's word; none where there was none before.
    #[must_use]
    pub fn rotated_at(&self) -> Option<Timestamp> {
        self.log.rotations.last().map(|rotation| rotation.claims().at)
    }

    /// BLAKE3 of the key after the current one.
    #[must_use]
    pub fn next(&self) -> [u8; 32] {
        let first = self.log.inception.claims().next;
        self.log.rotations.last().map_or(first, |rotation| rotation.claims().next)
    }

    /// The key of number `number`, current or earlier.
    #[must_use]
    pub fn key(&self, number: u32) -> Option<PublicKey> {
        self.keys.get(number as usize).copied()
    }

    /// The key of number `number`, for what it signed at a time: none for what an earlier key signed after another had
    /// taken its place. What it dates back, it may have signed then. A rotation that is dated ahead, by a clock that was
    /// wrong, ends the earlier key when it is learned: a thief signs nothing until that time comes. [ID-18]
    #[must_use]
    pub fn key_at(&self, number: u32, at: Timestamp) -> Option<PublicKey> {
        let index = number as usize;
        let said = self.log.rotations.get(index).map(|rotation| rotation.claims().at);
        let learned = self.learned.get(index).copied().unwrap_or(NOT_LEARNED);
        let latest = learned.plus_ms(limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS);
        self.key(number).filter(|_| said.is_none_or(|said| at <= said.min(latest)))
    }

    /// Whether a token of an earlier key was kept by every rotation since that key.
    #[must_use]
    pub fn keeps(&self, key_number: u32, token: TokenId) -> bool {
        self.log
            .rotations
            .iter()
            .skip(key_number as usize)
            .all(|rotation| rotation.claims().kept.contains(&token))
    }

    /// The log, for sending.
    #[must_use]
    pub const fn log(&self) -> &KeyLog {
        &self.log
    }

    /// Takes over a log of the same party: the longer of the two, if neither contradicts the other.
    ///
    /// # Errors
    /// [`KeyLogError::Forked`], [`KeyLogError::OtherParty`].
    pub fn merge(self, other: Self) -> Result<Self, KeyLogError> {
        if self.party != other.party {
            return Err(KeyLogError::OtherParty(0));
        }
        let (short, mut long) =
            if self.keys.len() <= other.keys.len() { (self, other) } else { (other, self) };
        let same =
            short.log.rotations.iter().zip(&long.log.rotations).all(|(a, b)| a.id() == b.id());
        if !same {
            return Err(KeyLogError::Forked);
        }
        for (at, other) in long.learned.iter_mut().zip(short.learned) {
            *at = (*at).min(other);
        }
        Ok(long)
    }
}

/// Makes an inception from the first key and the next one's public half.
#[must_use]
pub fn incept(first: &SigningKey, next: &PublicKey) -> KeyLog {
    inception(first, next.digest())
}

/// Makes an inception that no rotation follows: nobody has a key with the hash that it commits to.
pub fn incept_for_good(first: &SigningKey, rng: &mut dyn CryptoRng) -> KeyLog {
    let mut nothing = [0; 32];
    rng.fill_bytes(&mut nothing);
    inception(first, nothing)
}

fn inception(first: &SigningKey, next: [u8; 32]) -> KeyLog {
    let inception =
        Inception { version: 1, suite: SUITE, key: first.public(), next, recovery: [0; 32] };
    KeyLog { inception: Signed::sign(inception, first).to_unverified(), rotations: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Phrase;

    fn phrase() -> Phrase {
        Phrase::from_entropy(&[7; 32])
    }

    fn log() -> KeyLog {
        incept(&phrase().signing_key(0), &phrase().signing_key(1).public())
    }

    fn rotation(party: PartyId, number: u32, by: u32) -> Signed<Rotation> {
        let key = phrase().signing_key(by);
        let claims = Rotation {
            party,
            number,
            key: key.public(),
            next: phrase().signing_key(by + 1).public().digest(),
            kept: vec![TokenId([1; 16])],
            at: Timestamp(5),
        };
        Signed::sign(claims, &key)
    }

    /// [ID-18].
    #[test]
    fn an_earlier_key_signed_nothing_that_is_dated_after_it_was_replaced() {
        let party = log().verify().unwrap().party();
        let known = log().rotated(&rotation(party, 1, 1)).verify().unwrap();
        let [first, second] = [0, 1].map(|number| known.key(number));
        assert_eq!((known.key_at(0, Timestamp(5)), known.key_at(0, Timestamp(6))), (first, None));
        assert_eq!(
            (known.key_at(1, Timestamp(4)), known.key_at(1, Timestamp(9))),
            (second, second)
        );
        assert_eq!(known.key_at(2, Timestamp(9)), None);
    }

    /// [ID-18]: the clock of whoever rotated was far ahead, and the thief waits for nothing.
    #[test]
    fn a_rotation_that_is_dated_ahead_ends_the_earlier_key_when_it_is_learned() {
        let party = log().verify().unwrap().party();
        let ahead = |number, at| {
            let claims = rotation(party, number, number).to_unverified().claims().clone();
            Signed::sign(Rotation { at: Timestamp(at), ..claims }, &phrase().signing_key(number))
        };
        let (now, year) = (1_000_000, 365 * 86_400_000);
        let rotated = log().rotated(&ahead(1, now + year));
        let known = rotated.clone().verify().unwrap().learned(&[], Timestamp(now));
        let first = known.key(0);
        let tolerance = limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS;
        assert_eq!(known.key_at(0, Timestamp(now + tolerance)), first);
        assert_eq!(known.key_at(0, Timestamp(now + tolerance + 1)), None);
        // Shown again, it stays what it was; and what was learned first counts.
        let again = known.clone().merge(rotated.clone().verify().unwrap()).unwrap();
        assert_eq!(again, known);
        assert_eq!(again.learned(&[], Timestamp(now + year)), known);
        // The next one is not dated before it.
        let back = rotated.clone().rotated(&ahead(2, now));
        assert_eq!(back.verify(), Err(KeyLogError::BackInTime(2)));
        assert!(rotated.rotated(&ahead(2, now + year)).verify().is_ok());
    }

    #[test]
    fn the_id_survives_rotation_and_only_the_committed_key_rotates() {
        let known = log().verify().unwrap();
        let party = known.party();
        let rotated = log().rotated(&rotation(party, 1, 1));
        let after = rotated.clone().verify().unwrap();
        assert_eq!((after.party(), after.current_number()), (party, 1));
        assert_eq!(after.current(), phrase().signing_key(1).public());
        assert!(after.keeps(0, TokenId([1; 16])) && !after.keeps(0, TokenId([2; 16])));
        assert!(after.keeps(1, TokenId([2; 16])));

        let thief = log().rotated(&rotation(party, 1, 0));
        assert_eq!(thief.verify(), Err(KeyLogError::NotCommitted(1)));
        let skipped = log().rotated(&rotation(party, 2, 1));
        assert_eq!(skipped.verify(), Err(KeyLogError::OutOfOrder(1)));
        let other = log().rotated(&rotation(PartyId([9; 32]), 1, 1));
        assert_eq!(other.verify(), Err(KeyLogError::OtherParty(1)));
    }

    #[test]
    fn the_longer_of_two_logs_wins_unless_they_contradict() {
        let known = log().verify().unwrap();
        let party = known.party();
        let longer = log().rotated(&rotation(party, 1, 1)).verify().unwrap();
        assert_eq!(known.clone().merge(longer.clone()), Ok(longer.clone()));
        assert_eq!(longer.clone().merge(known), Ok(longer.clone()));
        let mut claims = rotation(party, 1, 1).to_unverified().claims().clone();
        claims.at = Timestamp(6);
        let fork = log().rotated(&Signed::sign(claims, &phrase().signing_key(1)));
        assert_eq!(longer.merge(fork.verify().unwrap()), Err(KeyLogError::Forked));
    }

    #[test]
    fn words_lead_back_to_the_same_keys() {
        use rand_chacha::rand_core::SeedableRng;
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
        let (words, phrase) = Phrase::generate(&mut rng);
        let again = Phrase::parse(&format!("  {}\n", words.to_uppercase())).unwrap();
        assert_eq!(again.signing_key(3).public(), phrase.signing_key(3).public());
        use crate::identity::WordsError;
        assert!(matches!(Phrase::parse("abandon"), Err(WordsError::WordCount(1))));
        let swapped = words.split(' ').rev().collect::<Vec<_>>().join(" ");
        assert!(matches!(Phrase::parse(&swapped), Err(WordsError::Checksum)));
        let misspelt = words.replacen(words.split(' ').next().unwrap(), "zzz", 1);
        assert!(matches!(Phrase::parse(&misspelt), Err(WordsError::UnknownWord(1))));
    }
}
