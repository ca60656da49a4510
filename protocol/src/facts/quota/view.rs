//! What API and command line show.

use super::limits::{Limit, Owner};
use super::tables::Use;
use serde::{Deserialize, Serialize};

/// What somebody takes up here, and may.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuotaView {
    /// Under whom it is counted.
    pub owner: Owner,
    /// An institution's name; a patient's, where this node has one.
    pub name: String,
    /// What it takes up.
    pub taken: Use,
    /// What it may take up.
    pub most: Limit,
    /// Whether that was set for this one, and is not what counts for all of its sort.
    pub own: bool,
}

/// What those may take up of whom an operator said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefaultsView {
    /// Each institution.
    pub institution: Limit,
    /// Each patient.
    pub patient: Limit,
    /// All relays together that one member certified.
    pub relays_of: Limit,
}
