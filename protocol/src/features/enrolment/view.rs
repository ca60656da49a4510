//! What API, command line and pages show.

use crate::id::{ChartId, PartyId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An enrolment that was begun at this institution and not made yet. The number is not among it: the desk is to type
/// what the patient's side shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PendingView {
    /// The chart.
    pub chart: ChartId,
    /// Its name.
    pub chart_name: String,
    /// The patient who came.
    pub patient: PartyId,
    /// The relay that brought the patient.
    pub relay: PartyId,
    /// The relay's name, if it has one here.
    pub relay_name: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether a number can be typed now.
    pub to_compare: bool,
    /// Whether the number was compared, and the patient is to say so.
    pub compared: bool,
    /// Wrong numbers that can be typed before it ends.
    pub slips_left: u32,
    /// Another party that has proven the same code: nothing goes on before the code is cancelled.
    pub contested_by: Option<PartyId>,
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CompareView {
    /// Whether it was the same on both sides.
    pub same: bool,
    /// Otherwise, how many tries are left; with none the enrolment has ended.
    pub tries_left: Option<u32>,
}

/// The card that a patient shows at a desk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardView {
    /// `cm-p-...`, for a QR code.
    pub card: String,
}
