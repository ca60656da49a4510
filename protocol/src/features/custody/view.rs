//! What API, command line and pages show.

use crate::id::{PartyId, TokenId};
pub use crate::patients::{EnrollingView, PatientView};
use serde::{Deserialize, Serialize};

/// What a rotation did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotatedView {
    /// The patient.
    pub patient: PartyId,
    /// The new key's number.
    pub number: u32,
    /// Permissions that stay valid.
    pub kept: Vec<TokenId>,
    /// Permissions that ended with the old key.
    pub dropped: Vec<TokenId>,
}
