//! Making and rotating a patient's keys: pure, with the phrase in hand.

use super::reasons::Reason;
use crate::codec::{Decoder, Encoder};
use crate::crypto::SigningKey;
use crate::id::TokenId;
use crate::identity::{KeyLog, KnownKeys, PatientKeys, Phrase, RecordsRoot, Rotation, incept};
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::statement::Signed;
use crate::time::Timestamp;
use rand_core::CryptoRng;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A patient that was just made.
pub struct NewPatient {
    /// The 24 words, to be shown once and never kept.
    pub words: Zeroizing<String>,
    /// The key log.
    pub log: KeyLog,
    /// The keys, to be kept sealed.
    pub keys: PatientKeys,
}

/// Makes a patient's keys.
pub fn make(rng: &mut dyn CryptoRng) -> NewPatient {
    let (words, phrase) = Phrase::generate(rng);
    let log = incept(&phrase.signing_key(0), &phrase.signing_key(1).public());
    let keys = PatientKeys {
        patient: log.party_unverified(),
        number: 0,
        signing: phrase.signing_key(0),
        records: vec![phrase.records_root(0)],
        sessions: Arc::default(),
    };
    NewPatient { words, log, keys }
}

/// Rotates to the next signing key and records root; `kept` are the tokens that stay valid.
///
/// # Errors
/// [`crate::refusal::Failure`] when the phrase is another patient's.
pub fn rotate(
    known: &KnownKeys,
    phrase: &Phrase,
    mut kept: Vec<TokenId>,
    at: Timestamp,
) -> Handled<(Signed<Rotation>, PatientKeys)> {
    let current = known.current_number();
    if phrase.signing_key(current).public() != known.current() {
        return refuse(Reason::OthersWords);
    }
    if current as usize == limits::ROTATIONS_MAX {
        return refuse(Reason::NoMoreRotations);
    }
    kept.sort_unstable();
    kept.dedup();
    let number = current + 1;
    let signing = phrase.signing_key(number);
    let rotation = Rotation {
        party: known.party(),
        number,
        key: signing.public(),
        next: phrase.signing_key(number + 1).public().digest(),
        kept,
        at: known.rotated_at().map_or(at, |before| at.max(before)),
    };
    let keys = PatientKeys {
        patient: known.party(),
        number,
        signing: signing.clone(),
        records: (0..=number).map(|generation| phrase.records_root(generation)).collect(),
        sessions: Arc::default(),
    };
    Ok((Signed::sign(rotation, &signing), keys))
}

/// The keys as secret bytes, to be sealed under the patient's passphrase.
#[must_use]
pub fn encode_keys(keys: &PatientKeys) -> Zeroizing<Vec<u8>> {
    let mut e = Encoder::with_capacity(128 + 40 * keys.records.len());
    e.array(4);
    e.bytes(&keys.patient.0);
    e.uint(u64::from(keys.number));
    e.bytes(&*keys.signing.seed());
    e.array(keys.records.len());
    for root in &keys.records {
        e.bytes(root.as_bytes());
    }
    Zeroizing::new(e.into_bytes())
}

/// Reads what [`encode_keys`] wrote.
///
/// # Errors
/// [`crate::codec::DecodeError`].
pub fn decode_keys(bytes: &[u8]) -> Result<PatientKeys, crate::codec::DecodeError> {
    use crate::codec::Wire;
    let mut d = Decoder::new(bytes, 16 * 1024)?;
    if d.array()? != 4 {
        return Err(crate::codec::DecodeError::Invalid("not a patient's keys"));
    }
    let patient = crate::id::PartyId::decode(&mut d)?;
    let number = u32::decode(&mut d)?;
    let signing = SigningKey::from_seed(&Zeroizing::new(<[u8; 32]>::decode(&mut d)?));
    let count = u32::try_from(d.array()?).unwrap_or(u32::MAX);
    let mut records = Vec::new();
    for generation in 0..count {
        records
            .push(RecordsRoot::from_bytes(generation, Zeroizing::new(<[u8; 32]>::decode(&mut d)?)));
    }
    d.leave();
    d.leave();
    d.finish()?;
    Ok(PatientKeys { patient, number, signing, records, sessions: Arc::default() })
}
