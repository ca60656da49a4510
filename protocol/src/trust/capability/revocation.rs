//! Taking a permission back.
//!
//! A patient's relay signs the whole state each time: what is revoked by id, and the moment before
//! which everything is. Holders add what they learn to what they know and never take anything away
//! before its expiry, so no order of arrival, no lost message and no relay restored from an old copy
//! un-revokes anything. `seq` and `issued` only tell how fresh the news is.

use super::Freshness;
use crate::codec::wire_struct;
use crate::id::{PartyId, StatementId, TokenId};
use crate::identity::KnownKeys;
use crate::limits;
use crate::reason::reasons;
use crate::statement::{Signed, Statement, Unverified};
use crate::time::{SECOND_MS, Timestamp};

wire_struct! {
    /// One revoked permission.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Revoked {
        /// Its `cti`; that of any link revokes all below it.
        1 => token: TokenId,
        /// Its `exp`, after which it need not be remembered (seconds since 1970).
        2 => expires: u64,
    }
}

wire_struct! {
    /// What a patient has revoked.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RevocationState {
        /// The patient.
        1 => patient: PartyId,
        /// Number of the key that signs.
        2 => key: u32,
        /// Counts up with every state.
        3 => seq: u64,
        /// When.
        4 => issued: Timestamp,
        /// Everything with an earlier `iat` is revoked (seconds since 1970; 0 for nothing).
        5 => min_iat: u64,
        /// Revoked by id, in ascending order of id, each id once.
        6 => revoked: Vec<Revoked>,
    }
}

impl Statement for RevocationState {
    const DOMAIN: &'static str = "chartmesh/1/revocation";
    const LIMIT: usize = limits::LIST_STATEMENT_BYTES_MAX;
}

reasons! {
    /// Why a revocation state is not taken over.
    #[derive(Copy)]
    pub enum RevocationError: 12 "revocations" {
        /// Of another patient, or of a key that the patient does not have.
        101 => UnknownKey: NotAuthentic "the revocation state names a key that its patient does not have",
        /// Signed with a key that was rotated away.
        102 => OldKey: NotAuthentic "the revocation state was signed with a key that is no longer current",
        /// The signature does not verify.
        103 => BadSignature: NotAuthentic "the revocation state's signature does not verify",
        /// Too many ids, or not in ascending order.
        104 => BadList: NotAuthentic "the revoked ids are too many or not in order",
    }
}

impl Unverified<RevocationState> {
    /// Verifies a state with its patient's keys; only the current key can revoke. Its date plays no part:
    /// what is taken back ends at once, also when the relay's clock runs ahead.
    ///
    /// # Errors
    /// [`RevocationError`].
    pub fn certify(self, keys: &KnownKeys) -> Result<Signed<RevocationState>, RevocationError> {
        let state = self.claims();
        if state.revoked.len() > limits::REVOKED_MAX
            || !state.revoked.is_sorted_by(|a, b| a.token < b.token)
        {
            return Err(RevocationError::BadList);
        }
        let key = keys
            .key(state.key)
            .filter(|_| keys.party() == state.patient)
            .ok_or(RevocationError::UnknownKey)?;
        if state.key != keys.current_number() {
            return Err(RevocationError::OldKey);
        }
        self.verify(&key).map_err(|_| RevocationError::BadSignature)
    }
}

wire_struct! {
    /// What a verifier knows of one patient's revocations; a row of its store.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Revocations {
        /// The patient.
        1 => patient: PartyId,
        /// The highest `seq` seen.
        2 => seq: u64,
        /// The freshest `issued` seen that was not in the future; zero before any news.
        3 => issued: Timestamp,
        /// The highest `min_iat` seen.
        4 => min_iat: u64,
        /// The union of all ids seen that have not expired, ascending.
        5 => revoked: Vec<Revoked>,
    }
}

impl Revocations {
    /// What is known before any news.
    #[must_use]
    pub const fn none(patient: PartyId) -> Self {
        Self { patient, seq: 0, issued: Timestamp(0), min_iat: 0, revoked: Vec::new() }
    }

    /// Whether the token of this id was revoked.
    #[must_use]
    pub fn contains(&self, token: TokenId) -> bool {
        self.revoked.binary_search_by_key(&token, |revoked| revoked.token).is_ok()
    }

    /// Adds a state of the same patient; nothing that was revoked before comes back. One from the future
    /// revokes like any other, and is no fresh news: it would pass for that for too long.
    ///
    /// More ids than [`limits::REVOKED_MAX`] can only come from contradicting states of a patient's
    /// own relays; then everything issued before the newest state ends, and the ids are dropped.
    ///
    /// # Panics
    /// When the state is of another patient: the caller looked up the wrong row.
    pub fn merge(&mut self, state: &Signed<RevocationState>, now: Timestamp) {
        assert_eq!(self.patient, state.patient, "revocations of two patients do not mix");
        self.seq = self.seq.max(state.seq);
        if !is_ahead(state.issued, now) {
            self.issued = self.issued.max(state.issued);
        }
        self.min_iat = self.min_iat.max(state.min_iat);
        for new in &state.revoked {
            match self.revoked.binary_search_by_key(&new.token, |revoked| revoked.token) {
                Ok(at) => self.revoked[at].expires = self.revoked[at].expires.max(new.expires),
                Err(at) => self.revoked.insert(at, *new),
            }
        }
        if self.revoked.len() > limits::REVOKED_MAX {
            let newest = self.issued.max(state.issued);
            self.min_iat = self.min_iat.max(newest.seconds().saturating_add(1));
            self.revoked.clear();
        }
    }

    /// Takes the relay's word that a state is the newest, which must be the newest that was merged here; gives whether that
    /// is news. [CAP-17]
    ///
    /// # Panics
    /// When it is about another patient: the caller looked up the wrong row.
    pub fn confirm(
        &mut self,
        newest: StatementId,
        word: &Signed<Freshness>,
        now: Timestamp,
    ) -> bool {
        assert_eq!(self.patient, word.patient, "revocations of two patients do not mix");
        let counts = word.state == newest && !is_ahead(word.issued, now);
        let news = counts && self.issued < word.issued;
        if news {
            self.issued = word.issued;
        }
        news
    }

    /// Forgets ids that have expired by themselves.
    pub fn prune(&mut self, now: Timestamp) {
        self.revoked.retain(|revoked| Timestamp::from_seconds(revoked.expires) > now);
    }
}

/// Dated further ahead than clocks differ: it would pass for fresh for too long.
fn is_ahead(issued: Timestamp, now: Timestamp) -> bool {
    issued > now.plus_ms(limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;
    use crate::identity::incept;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(10_000);

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn patient() -> KnownKeys {
        incept(&key(1), &key(2).public()).verify().unwrap()
    }

    fn state(seq: u64, min_iat: u64, revoked: &[(u8, u64)]) -> RevocationState {
        RevocationState {
            patient: patient().party(),
            key: 0,
            seq,
            issued: Timestamp(seq * 1000),
            min_iat,
            revoked: revoked
                .iter()
                .map(|&(id, expires)| Revoked { token: TokenId([id; 16]), expires })
                .collect(),
        }
    }

    fn certify(state: RevocationState, signer: u8) -> Result<(), RevocationError> {
        let bytes = Signed::sign(state, &key(signer)).bytes().to_vec();
        let parsed = Unverified::<RevocationState>::parse(&bytes).unwrap();
        parsed.certify(&patient()).map(|_| ())
    }

    #[test]
    fn only_the_patients_current_key_revokes() {
        assert_eq!(certify(state(1, 0, &[(1, 9), (2, 9)]), 1), Ok(()));
        assert_eq!(certify(state(1, 0, &[]), 3), Err(RevocationError::BadSignature));
        assert_eq!(certify(state(1, 0, &[(2, 9), (1, 9)]), 1), Err(RevocationError::BadList));
        let other = RevocationState { patient: PartyId([9; 32]), ..state(1, 0, &[]) };
        assert_eq!(certify(other, 1), Err(RevocationError::UnknownKey));
        let unknown = RevocationState { key: 1, ..state(1, 0, &[]) };
        assert_eq!(certify(unknown, 1), Err(RevocationError::UnknownKey));
    }

    #[test]
    fn an_expired_revocation_is_forgotten_and_no_other() {
        let mut known = Revocations::none(patient().party());
        known.merge(&Signed::sign(state(1, 0, &[(1, 10), (2, 11)]), &key(1)), NOW);
        known.prune(Timestamp::from_seconds(10));
        assert!(!known.contains(TokenId([1; 16])) && known.contains(TokenId([2; 16])));
    }

    #[test]
    fn a_state_from_the_future_revokes_and_is_no_fresh_news() {
        let mut known = Revocations::none(patient().party());
        known.merge(&Signed::sign(state(5, 0, &[]), &key(1)), NOW);
        let ahead = state(10 + limits::CLOCK_TOLERANCE_SECONDS + 1, 0, &[(1, 9)]);
        assert_eq!(certify(ahead.clone(), 1), Ok(()));
        known.merge(&Signed::sign(ahead, &key(1)), NOW);
        assert!(known.contains(TokenId([1; 16])));
        assert_eq!(known.issued, Timestamp(5000));
        let within = state(10 + limits::CLOCK_TOLERANCE_SECONDS, 0, &[]);
        known.merge(&Signed::sign(within.clone(), &key(1)), NOW);
        assert_eq!(known.issued, within.issued);
    }

    #[test]
    fn more_ids_than_fit_end_everything_issued_so_far() {
        let mut known = Revocations::none(patient().party());
        for part in 0..=1u8 {
            let mut state = state(7, 0, &[]);
            state.revoked = (0..u32::try_from(limits::REVOKED_MAX).unwrap())
                .map(|n| {
                    let mut id = [part; 16];
                    id[..4].copy_from_slice(&n.to_be_bytes());
                    Revoked { token: TokenId(id), expires: 9 }
                })
                .collect();
            known.merge(&Signed::sign(state, &key(1)), NOW);
        }
        assert_eq!((known.min_iat, known.revoked.len()), (8, 0));
    }

    proptest! {
        #[test]
        fn no_order_of_arrival_brings_a_revoked_token_back(
            states in proptest::collection::vec(
                (0u64..9, 0u64..9, proptest::collection::btree_map(0u8..6, 1u64..9, 0..4)), 1..6),
            shuffle: u64,
        ) {
            let signed: Vec<_> = states
                .iter()
                .map(|(seq, min_iat, ids)| {
                    let ids: Vec<_> = ids.iter().map(|(&id, &exp)| (id, exp)).collect();
                    Signed::sign(state(*seq, *min_iat, &ids), &key(1))
                })
                .collect();
            let mut forward = Revocations::none(patient().party());
            for one in &signed {
                let before = forward.clone();
                forward.merge(one, NOW);
                prop_assert!(before.revoked.iter().all(|r| forward.contains(r.token)));
                prop_assert!(before.min_iat <= forward.min_iat);
            }
            let mut other = Revocations::none(patient().party());
            let turn = usize::try_from(shuffle % signed.len() as u64).unwrap();
            for one in signed[turn..].iter().rev().chain(signed[..turn].iter()) {
                other.merge(one, NOW);
            }
            prop_assert_eq!(forward, other);
        }
    }
}
