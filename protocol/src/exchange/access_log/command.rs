//! What front doors ask to be done.

use super::collect::collect;
use crate::id::PartyId;
use crate::refusal::Handled;
use crate::turn::{CarryOut, Context, Done, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "access-log" {
        /// A relay collects what holders have logged.
        "collect" Collect => Done,
    }
}

/// A relay collects what every holder it knows of has logged about a patient.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// The patient.
    pub patient: PartyId,
}

impl CarryOut for Collect {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Done> {
        collect(ctx, self.patient)?;
        Ok(Done { done: true })
    }
}
