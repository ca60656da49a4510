//! What a message is about, for whoever follows messages: measures, traces, a log.

use super::body::Body;
use crate::consent::Message as Consent;
use crate::enrolment::Message as Enrolment;
use crate::id::{ConsentId, PartyId};
use crate::{backup, custody, record};

impl Body {
    /// The patient whom it concerns, if it says so. Nothing of it has been verified.
    #[must_use]
    pub fn patient(&self) -> Option<PartyId> {
        Some(match self {
            Self::Consent(Consent::Ask(ask)) => ask.patient,
            Self::Consent(Consent::Permission(given) | Consent::PassedOn(given)) => {
                given.log.party_unverified()
            }
            Self::Consent(Consent::Order(order)) => order.patient,
            Self::Consent(Consent::OrderState(state)) => state.patient,
            Self::Consent(Consent::Read(read)) => read.patient,
            Self::Record(record::Message::Announce(announce)) => announce.patient,
            Self::Backup(backup::Message::Offer(offer)) => match offer.bundles.first() {
                Some(bundle) => bundle.label.claims().subject,
                None => offer.owner,
            },
            Self::Enrolment(Enrolment::Enrol(enrol)) => enrol.log.party_unverified(),
            Self::Backup(backup::Message::Kept(kept)) => kept.patient,
            Self::Custody(custody::Message::Keys(keys)) => keys.log.party_unverified(),
            _ => return None,
        })
    }

    /// The request for consent that it is about.
    #[must_use]
    pub const fn request(&self) -> Option<ConsentId> {
        match self {
            Self::Consent(Consent::Ask(ask)) => Some(ask.request),
            Self::Consent(Consent::Permission(given) | Consent::PassedOn(given)) => {
                Some(given.request)
            }
            Self::Consent(Consent::Read(read)) => Some(read.request),
            _ => None,
        }
    }
}
