//! What front doors ask to be done.

use super::machine::{accept, cancel, code, end, enrol, withdraw};
use super::pending::{self, Compared};
use super::view::CompareView;
use crate::codes::{CodeView, PatientCard};
use crate::id::{ChartId, PartyId};
use crate::identity::Role;
use crate::patients::PatientView;
use crate::refusal::Handled;
use crate::turn::{CarryOut, Context, Done, commands};
use serde::{Deserialize, Serialize};

commands! {
    /// What a front door can ask of this feature.
    pub enum Command: "enrolment" {
        /// Makes a code for a chart.
        "code" Code => CodeView,
        /// Takes a chart's codes back, and what was begun with one.
        "cancel" Cancel => Done,
        /// Enrols a patient with a code.
        "enrol" Enrol => PatientView,
        /// Compares the number that the patient's side shows.
        "compare" Compare => CompareView,
        /// Compares the card that the patient's side shows.
        "scan" Scan => CompareView,
        /// The patient says that the desk accepted the number.
        "accept" Accept => PatientView,
        /// The patient does not go on.
        "withdraw" Withdraw => PatientView,
        /// The institution does not treat the patient any more.
        "end" End => PatientView,
    }
}

/// At a hospital: makes a code with which a patient enrols in a chart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The chart.
    pub chart: ChartId,
    /// How long the code can be used, in milliseconds; for 15 minutes, at a desk, when nothing is said; for 14 days, in a
    /// letter, at most.
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

/// At a hospital: takes the codes of a chart back, and ends an enrolment in it that was begun and not made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The chart.
    pub chart: ChartId,
}

impl CarryOut for Cancel {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Done> {
        cancel(ctx, self.chart)?;
        Ok(Done { done: true })
    }
}

/// At a relay: enrols a patient with the institution that gave the code. Nothing is enrolled before desk and patient
/// have compared a number, which shows in the patient's view once the institution has answered.
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

/// At a hospital: the number that the patient's side shows, as a person typed it. Three wrong ones end the enrolment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The chart.
    pub chart: ChartId,
    /// Six digits.
    pub number: String,
}

impl CarryOut for Compare {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<CompareView> {
        ctx.own.require(Role::Hospital)?;
        pending::compare(ctx, self.chart, &self.number).map(CompareView::from)
    }
}

/// At a hospital: the card that the patient's side shows, scanned in the place of a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// The chart.
    pub chart: ChartId,
    /// `cm-p-...`.
    pub card: String,
}

impl CarryOut for Scan {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<CompareView> {
        ctx.own.require(Role::Hospital)?;
        let PatientCard { patient, relay } = PatientCard::parse(&self.card)?;
        pending::scan(ctx, self.chart, (patient, relay)).map(CompareView::from)
    }
}

/// At a relay: the patient says that the desk accepted the number: the enrolment is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// The patient.
    pub patient: PartyId,
    /// The institution.
    pub institution: PartyId,
}

impl CarryOut for Accept {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<PatientView> {
        accept(ctx, self.patient, self.institution)
    }
}

/// At a relay: the patient does not go on with an enrolment that was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// The patient.
    pub patient: PartyId,
    /// The institution.
    pub institution: PartyId,
}

impl CarryOut for Withdraw {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<PatientView> {
        withdraw(ctx, self.patient, self.institution)
    }
}

/// At a relay: the patient says that an institution which the patient enrolled with does not treat the patient any more. What
/// it recorded until now stays in the record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The patient.
    pub patient: PartyId,
    /// The institution.
    pub institution: PartyId,
}

impl CarryOut for End {
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<PatientView> {
        end(ctx, self.patient, self.institution)
    }
}

impl From<Compared> for CompareView {
    fn from(compared: Compared) -> Self {
        match compared {
            Compared::Same => Self { same: true, tries_left: None },
            Compared::Other(left) => Self { same: false, tries_left: Some(left) },
        }
    }
}
