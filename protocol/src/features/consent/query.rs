//! What front doors ask to see.

use super::tables::{grants, request, requests};
use super::view::{GrantView, RequestView};
use crate::id::{ConsentId, PartyId};
use crate::refusal::Handled;
use crate::turn::{Look, Question};

/// Requests for consent: a patient's at the relay, one's own at an institution.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Only this patient's.
    #[serde(default)]
    pub patient: Option<PartyId>,
}

impl Question for Requests {
    type Answer = Vec<RequestView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<RequestView>> {
        let mut views = Vec::new();
        for (id, row) in requests(look.txn)? {
            if self.patient.is_none_or(|patient| patient == row.patient) {
                views.push(RequestView::of(look.txn, id, &row)?);
            }
        }
        views.sort_by_key(|view| view.asked);
        Ok(views)
    }
}

/// One request for consent.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which.
    pub request: ConsentId,
}

impl Question for Request {
    type Answer = RequestView;

    fn answer(&self, look: &Look<'_>) -> Handled<RequestView> {
        RequestView::of(look.txn, self.request, &request(look.txn, self.request)?)
    }
}

/// Permissions given by a patient, or received by this institution.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Only this patient's.
    #[serde(default)]
    pub patient: Option<PartyId>,
}

impl Question for Grants {
    type Answer = Vec<GrantView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<GrantView>> {
        grants(look.txn, self.patient, look.now)
    }
}
