//! What API, command line and pages show.

use crate::id::{EntryId, PartyId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An entry that is kept here for somebody, or kept for us somewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeptView {
    /// For whom.
    pub owner: PartyId,
    /// That party's name, if it has one here.
    pub owner_name: String,
    /// The subject of its label.
    pub subject: PartyId,
    /// The entry.
    pub entry: EntryId,
    /// Where: this node's institution, or a depositary of ours.
    pub holder: PartyId,
    /// That institution's name.
    pub holder_name: String,
    /// Who deposited it.
    pub depositor: PartyId,
    /// Since when.
    pub since: Timestamp,
    /// Bytes of its sealed objects.
    pub sealed_bytes: u64,
}

/// A deposit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DepositView {
    /// The deposits that were offered; one per page of entries.
    pub deposits: Vec<String>,
    /// How many entries.
    pub entries: usize,
    /// Where.
    pub holder: PartyId,
}
