//! What front doors ask to be done.

use super::machine::{code, enrol};
use crate::codes::CodeView;
use crate::id::{ChartId, PartyId};
use crate::patients::PatientView;
use crate::refusal::Handled;
use crate::turn::{CarryOut, Context, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "enrolment" {
        /// Makes a code for a chart.
        "code" Code => CodeView,
        /// Enrols a patient with a code.
        "enrol" Enrol => PatientView,
    }
}

/// At a hospital: makes a code with which a patient enrols in a chart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The chart.
    pub chart: ChartId,
    /// How long the code holds, in milliseconds.
    #[serde(default)]
    pub valid_ms: Option<u64>,
    /// Where we listen; filled in by the node.
    #[serde(default)]
    pub addresses: Vec<String>,
}

impl CarryOut for Code {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<CodeView> {
        code(ctx, self.chart, self.valid_ms, self.addresses)
    }
}

/// At a relay: enrols a patient with the institution that gave the code. The institution's answer comes later, and
/// shows in the patient's view.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The patient.
    pub patient: PartyId,
    /// The code.
    pub code: String,
}

impl CarryOut for Enrol {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<PatientView> {
        enrol(ctx, self.patient, &self.code)
    }
}
