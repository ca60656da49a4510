//! What front doors ask to see.

use super::view::{FederationView, view};
use crate::refusal::Handled;
use crate::turn::{Look, Question};

/// The federation and its members, whole: there are at most [`crate::limits::MEMBERS_MAX`] of them, and what is judged
/// is the whole.
#[derive(Debug, Clone, Copy, Default)]
pub struct Members;

impl Question for Members {
    type Answer = FederationView;

    fn answer(&self, look: &Look<'_>) -> Handled<FederationView> {
        view(look.own, look.txn, look.now)
    }
}
