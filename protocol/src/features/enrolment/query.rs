//! What front doors ask to see. How an enrolment stands at the relay, the patient's view says
//! ([`crate::custody::view::PatientView`]).

use super::Machine;
use super::machine::card;
use super::pending;
use super::view::{CardView, PendingView};
use crate::id::PartyId;
use crate::refusal::Handled;
use crate::turn::{Listing, Look, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};

questions! {
    Machine {
        /// Enrolments that were begun here and not made yet.
        any Enrolments,
        /// The card that a patient shows at a desk in the place of a number.
        with PatientCard,
    }
}

/// At a hospital: enrolments that were begun here and not made yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Enrolments {
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Enrolments {
    const NAME: &'static str = "enrolments";

    type Answer = Page<PendingView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<PendingView>> {
        pending::page(look.txn, look.now, &self.part)
    }
}

impl Listing for Enrolments {
    type Item = PendingView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// At a relay: the card that a patient shows at a desk in the place of a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PatientCard {
    /// The patient.
    pub patient: PartyId,
}

impl Question for PatientCard {
    const NAME: &'static str = "patient-card";

    type Answer = CardView;

    fn answer(&self, look: &Look<'_>) -> Handled<CardView> {
        card(look.own, look.txn, self.patient)
    }
}
