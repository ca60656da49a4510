//! What front doors ask to see.

use super::Machine;
use super::view::{FederationView, view};
use crate::refusal::Handled;
use crate::turn::{Look, Question, questions};
use serde::Serialize;

questions! {
    Machine {
        /// The federation and its members.
        bare Members,
    }
}

/// The federation and its members, whole: there are at most [`crate::limits::VIEW_MEMBERS_MAX`] of them, and what is judged
/// is the whole.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Members;

impl Question for Members {
    const NAME: &'static str = "members";

    type Answer = FederationView;

    fn answer(&self, look: &Look<'_>) -> Handled<FederationView> {
        view(look.own, look.txn, look.now)
    }
}
