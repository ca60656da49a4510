//! What front doors ask to see.

use super::view::PatientView;
use crate::patients;
use crate::refusal::Handled;
use crate::turn::{Look, Question};

/// Patients at a relay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patients;

impl Question for Patients {
    type Answer = Vec<PatientView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<PatientView>> {
        patients::views(look.txn, look.now)
    }
}
