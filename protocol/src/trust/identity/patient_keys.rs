//! A patient's keys, in the hands of the relay while they are unlocked.

use super::RecordsRoot;
use crate::crypto::SigningKey;
use crate::id::PartyId;
use crate::session_keys::SessionKeys;
use std::sync::Arc;

/// A patient's keys while unlocked. They wipe themselves; they print nothing.
#[derive(Clone, Debug)]
pub struct PatientKeys {
    /// Whose.
    pub patient: PartyId,
    /// Number of the current signing key.
    pub number: u32,
    /// The current signing key.
    pub signing: SigningKey,
    /// The records roots of all generations, oldest first: what is sealed to an old one stays
    /// readable.
    pub records: Vec<RecordsRoot>,
    /// Keys of sessions that were found with these, gone when these are.
    pub sessions: Arc<SessionKeys>,
}
