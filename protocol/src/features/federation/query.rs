//! What front doors ask to see.

use super::view::{FederationView, view};
use crate::refusal::Handled;
use crate::turn::{Look, Question};

/// The federation and its members.
#[derive(Debug, Clone, Copy, Default)]
pub struct Members;

impl Question for Members {
    type Answer = FederationView;

    fn answer(&self, look: &Look<'_>) -> Handled<FederationView> {
        view(look.own, look.txn, look.now)
    }
}
