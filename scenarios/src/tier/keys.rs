//! A patient's keys on a relay: kept when the patient is made, changed with the patient's words.

use chartmesh_protocol::custody::command::{Keep, Rotate};
use chartmesh_protocol::custody::{self, NewPatient};
use chartmesh_protocol::id::TokenId;
use chartmesh_protocol::identity::{KnownKeys, Phrase};
use chartmesh_protocol::peer::PatientKeys;
use chartmesh_protocol::refusal::Handled;
use chartmesh_protocol::time::Timestamp;

/// What has a relay keep a patient who was just made. The keys go there bare: nobody steals a simulated relay.
#[must_use]
pub fn keep(new: NewPatient, name: String) -> Keep {
    Keep { name, log: Box::new(new.log), sealed_keys: custody::encode_keys(&new.keys).to_vec() }
}

/// The keys that a patient's words give next, and what has the relay take them; `kept` are permissions that stay
/// valid.
///
/// # Errors
/// [`Failure`](chartmesh_protocol::refusal::Failure), as a person is told: the words are another patient's, or
/// the keys cannot change any more.
///
/// # Panics
/// When the words are none.
pub fn rotation(
    known: &KnownKeys,
    words: &str,
    kept: Vec<TokenId>,
    now: Timestamp,
) -> Handled<(PatientKeys, Rotate)> {
    let phrase = Phrase::parse(words).expect("the words were shown when the patient was made");
    let (rotation, keys) = custody::rotate(known, &phrase, kept, now)?;
    let sealed_keys = custody::encode_keys(&keys).to_vec();
    Ok((keys, Rotate { rotation: Box::new(rotation), sealed_keys, although_put_back: false }))
}
