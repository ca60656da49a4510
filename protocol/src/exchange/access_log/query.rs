//! What front doors ask to see.

use super::Machine;
use super::collect::{collected, collected_lines};
use super::own::own_log;
use super::view::{LineView, LogView};
use crate::id::PartyId;
use crate::refusal::Handled;
use crate::turn::{Listing, Look, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};

questions! {
    Machine {
        /// The access log kept here about a patient.
        with AccessLog,
        /// Access logs of other holders that this relay obtained.
        with CollectedLogs,
        /// The lines of one of them.
        with CollectedLines,
    }
}

/// The access log kept here about a patient, with its signed head and a page of its lines; where they go on, it
/// says itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// The patient, or the chart's subject.
    pub subject: PartyId,
    /// Which part of the lines.
    #[serde(flatten)]
    pub part: Part,
}

impl AccessLog {
    /// From its first line on.
    #[must_use]
    pub fn of(subject: PartyId) -> Self {
        Self { subject, part: Part::default() }
    }
}

impl Question for AccessLog {
    const NAME: &'static str = "access-log";

    type Answer = LogView;

    fn answer(&self, look: &Look<'_>) -> Handled<LogView> {
        own_log(look.own, look.txn, look.now, self.subject, &self.part)
    }
}

/// Access logs of other holders that this relay obtained, without their lines: of each holder that the patient deals
/// with, of whom there are few.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CollectedLogs {
    /// The patient.
    pub patient: PartyId,
}

impl Question for CollectedLogs {
    const NAME: &'static str = "collected-logs";

    type Answer = Vec<LogView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<LogView>> {
        collected(look.txn, self.patient)
    }
}

/// The lines of one of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CollectedLines {
    /// The patient.
    pub patient: PartyId,
    /// The holder.
    pub holder: PartyId,
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for CollectedLines {
    const NAME: &'static str = "collected-lines";

    type Answer = Page<LineView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<LineView>> {
        collected_lines(look.txn, self.patient, self.holder, &self.part)
    }
}

impl Listing for CollectedLines {
    type Item = LineView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}
