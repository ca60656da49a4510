//! What front doors ask to see.

use super::Machine;
use super::view::PatientView;
use crate::patients;
use crate::refusal::Handled;
use crate::turn::{Listing, Look, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};

questions! {
    Machine {
        /// Patients at a relay.
        any Patients,
    }
}

/// Patients at a relay, in the order of their ids.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Patients {
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Patients {
    const NAME: &'static str = "patients";

    type Answer = Page<PatientView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<PatientView>> {
        patients::views(look.txn, &self.part, look.now)
    }
}

impl Listing for Patients {
    type Item = PatientView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}
