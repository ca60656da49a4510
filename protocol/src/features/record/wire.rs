//! Messages.

use crate::catalogue::Listing;
use crate::codec::wire_struct;
use crate::entries::Bundle;
use crate::id::PartyId;
use crate::identity::Treats;
use crate::misfiled::Misfiled;
use crate::statement::Unverified;
use crate::turn::{About, messages};

messages! {
    /// The feature's messages.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Message {
        /// An author shows the patient's relay what it recorded.
        1 => Announce(Announce) "record.announce",
        /// The patient's relay tells a reader which entries there are.
        2 => Listing(Listing) "record.listing",
        /// The patient's relay tells a reader who treats the patient.
        3 => Treating(Treating) "record.treating" vital,
        /// An author, or the patient's relay after it, says that entries were filed under the wrong patient.
        4 => Misfiled(Unverified<Misfiled>) "record.misfiled" vital,
    }
}

impl Message {
    /// Whether it is said again, when it is refused, once something else that was said is not.
    pub(crate) const fn waits_if_refused(&self) -> bool {
        matches!(self, Self::Announce(_) | Self::Misfiled(_))
    }
}

impl About for Message {
    fn patient(&self) -> Option<PartyId> {
        match self {
            Self::Announce(announce) => Some(announce.patient),
            Self::Listing(listing) => Some(listing.sections.first()?.catalogue.claims().patient),
            Self::Treating(treating) => Some(treating.patient),
            Self::Misfiled(misfiled) => Some(misfiled.claims().subject),
        }
    }
}

wire_struct! {
    /// Entries of one patient, new to the relay.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Announce {
        /// The patient.
        1 => patient: PartyId,
        /// The entries.
        2 => bundles: Vec<Bundle>,
    }
}

wire_struct! {
    /// What a patient says of the authors whose entries the receiver may read.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Treating {
        /// The patient.
        1 => patient: PartyId,
        /// What the patient says, of one institution each.
        2 => treats: Vec<Unverified<Treats>>,
    }
}
