//! What API, command line and pages show.

use super::tables::DepositRow;
pub use super::tables::DepositState;
use crate::id::{EntryId, PartyId};
use crate::refusal::Refusal;
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

/// How a deposit of ours stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DepositStateView {
    /// The deposit, as [`DepositView`] names it.
    pub deposit: String,
    /// How many entries.
    pub entries: usize,
    /// How it stands.
    pub state: DepositState,
    /// Why the depositary refused it, or gave it up.
    pub refusal: Option<Refusal>,
}

impl DepositStateView {
    pub(super) fn of(deposit: String, row: &DepositRow) -> Self {
        let (entries, refusal) = (row.entries.len(), row.refusal.clone());
        Self { deposit, entries, state: row.state, refusal }
    }
}
