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

/// How a restore stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RestoreView {
    /// The restore.
    pub restore: String,
    /// From whom.
    pub holder: PartyId,
    /// Whether nothing more of it is to come.
    pub ended: bool,
    /// Entries that came.
    pub entries: u64,
    /// Objects on their way.
    pub objects: u64,
    /// Entries and objects that were not as they should be, or did not come.
    pub spoilt: u64,
    /// Why the first of these did not, or why the depositary refused all.
    pub refusal: Option<Refusal>,
}

/// What was not kept is not shown any more.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dismissed {
    /// How many entries; 1000 at a time.
    pub entries: usize,
}

/// How a deposit of ours stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DepositStateView {
    /// The deposit, as [`DepositView`] names it.
    pub deposit: String,
    /// How many entries the depositary keeps, or will.
    pub entries: usize,
    /// How it stands.
    pub state: DepositState,
    /// Why the depositary refused it, or gave it up.
    pub refusal: Option<Refusal>,
    /// Entries of it that the depositary does not keep.
    pub except: Vec<ExceptView>,
}

/// An entry of a deposit that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExceptView {
    /// The entry.
    pub entry: EntryId,
    /// Why not.
    pub refusal: Refusal,
}

/// An entry that was to be kept elsewhere and is not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnkeptView {
    /// The depositary.
    pub holder: PartyId,
    /// Its name.
    pub holder_name: String,
    /// For whom it was to be kept.
    pub owner: PartyId,
    /// The subject of its label.
    pub subject: PartyId,
    /// The entry.
    pub entry: EntryId,
    /// When this institution heard that it is not kept.
    pub at: Timestamp,
    /// Why not.
    pub refusal: Refusal,
}

impl DepositStateView {
    pub(super) fn of(deposit: String, row: &DepositRow) -> Self {
        let (entries, refusal) = (row.entries.len(), row.refusal.clone());
        let except = row.except.iter();
        let except = except
            .map(|one| ExceptView { entry: one.entry, refusal: one.refusal.clone() })
            .collect();
        Self { deposit, entries, state: row.state, refusal, except }
    }
}
