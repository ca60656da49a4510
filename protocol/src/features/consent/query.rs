//! What front doors ask to see.

use super::Machine;
use super::tables::{grants, request, requests_page};
use super::view::{GrantView, RequestView};
use crate::id::{ConsentId, PartyId};
use crate::refusal::Handled;
use crate::turn::{Listing, Look, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};

questions! {
    Machine {
        /// Requests for consent.
        any Requests,
        /// One request for consent.
        with Request,
        /// Permissions.
        any Grants,
    }
}

/// Requests for consent, in the order of their ids: a patient's at the relay, one's own at an institution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Only this patient's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PartyId>,
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Requests {
    /// This patient's alone, if one is given.
    #[must_use]
    pub fn of(patient: Option<PartyId>) -> Self {
        Self { patient, part: Part::default() }
    }
}

impl Question for Requests {
    const NAME: &'static str = "requests";

    type Answer = Page<RequestView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<RequestView>> {
        requests_page(look.txn, &self.part)?.show(|(id, row)| {
            if self.patient.is_some_and(|patient| patient != row.patient) {
                return Ok(None);
            }
            RequestView::of(look.txn, id, &row).map(Some)
        })
    }
}

impl Listing for Requests {
    type Item = RequestView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// One request for consent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which.
    pub request: ConsentId,
}

impl Question for Request {
    const NAME: &'static str = "request";

    type Answer = RequestView;

    fn answer(&self, look: &Look<'_>) -> Handled<RequestView> {
        RequestView::of(look.txn, self.request, &request(look.txn, self.request)?)
    }
}

/// Permissions given by patients, by patient, then those received by this institution.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Only this patient's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PartyId>,
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Grants {
    /// This patient's alone, if one is given.
    #[must_use]
    pub fn of(patient: Option<PartyId>) -> Self {
        Self { patient, part: Part::default() }
    }
}

impl Question for Grants {
    const NAME: &'static str = "grants";

    type Answer = Page<GrantView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<GrantView>> {
        grants(look.txn, self.patient, &self.part, look.now)
    }
}

impl Listing for Grants {
    type Item = GrantView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}
