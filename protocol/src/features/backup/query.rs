//! What front doors ask to see.

use super::kept::kept;
use super::view::KeptView;
use crate::id::PartyId;
use crate::refusal::Handled;
use crate::turn::{Look, Question};

/// What is kept here for others, or at others for us.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Only this patient's.
    #[serde(default)]
    pub patient: Option<PartyId>,
}

impl Question for Kept {
    type Answer = Vec<KeptView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<KeptView>> {
        kept(look.own, look.txn, self.patient)
    }
}
