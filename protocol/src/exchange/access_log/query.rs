//! What front doors ask to see.

use super::collect::collected;
use super::own::own_log;
use super::view::LogView;
use crate::id::PartyId;
use crate::refusal::Handled;
use crate::turn::{Look, Question};

/// A page of the access log kept here about a patient, with its signed head.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// Lines after this one.
    #[serde(default)]
    pub after: u64,
}

impl Question for AccessLog {
    type Answer = LogView;

    fn answer(&self, look: &Look<'_>) -> Handled<LogView> {
        own_log(look.own, look.txn, look.now, self.subject, self.after)
    }
}

/// Access logs of other holders that this relay obtained.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CollectedLogs {
    /// The patient.
    pub patient: PartyId,
}

impl Question for CollectedLogs {
    type Answer = Vec<LogView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<LogView>> {
        collected(look.txn, self.patient)
    }
}
